"""Languages a program can be written in, one module each. To add one, write a module with a `LANGUAGE` and name it in
`LANGUAGES`; `cpp` is the one to copy."""

from pathlib import Path

from compute.judge.languages import cpp, python
from compute.judge.languages.language import Language

LANGUAGES: dict[str, Language] = {module.LANGUAGE.name: module.LANGUAGE for module in (python, cpp)}


def language_named(name: str) -> Language:
    """Raises ValueError for a language that is not known."""
    if name not in LANGUAGES:
        raise ValueError(f"No language is called {name!r}; there is {', '.join(LANGUAGES)}.")
    return LANGUAGES[name]


def language_of(file: Path) -> Language | None:
    """The language that a file's name tells; None when it tells none."""
    return next((language for language in LANGUAGES.values() if file.suffix.lower() in language.suffixes), None)
