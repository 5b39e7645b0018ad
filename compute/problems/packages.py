"""A package of one problem, opened for a command, with the limits that it states, implies or is given."""

from pathlib import Path

from compute.errors import ConfigError
from compute.judge.judge import Judge
from compute.problems.formats import UNKNOWN_DIFFICULTY, Draft, Recipe, Refusal
from compute.problems.formats.registry import format_of
from compute.problems.limits import computed_limit, under
from compute.problems.problem import BlobStore, Problem

STATED = "stated by the package"
GIVEN = "given"


def open_problem(path: Path, blobs: BlobStore) -> Draft:
    """The one problem at `path`; its bytes go to `blobs`. Its time limit may still have to be computed (`limited`).
    A note on its difficulty is left out: no command uses that.

    Raises MissingInput when nothing lies there, and ConfigError with the reason when it is refused, when its tests have
    to be generated first, or when it holds no or several problems.
    """
    found = []
    for item in format_of(path).read(path, blobs):
        if isinstance(item, Refusal):
            raise ConfigError(f"{item.name}: {item.reason}")
        if isinstance(item, Recipe):
            raise ConfigError(f"{item.name}: the tests of this problem have to be generated first, by importing it.")
        found.append(item)
        if len(found) > 1:
            raise ConfigError(f"{path} holds several problems; import it, or name one package.")
    if not found:
        raise ConfigError(f"{path} holds no problem.")
    (draft,) = found
    return draft._replace(notes=tuple(note for note in draft.notes if note != UNKNOWN_DIFFICULTY))


def limited(draft: Draft, judge: Judge, blobs: BlobStore) -> Problem:
    """The problem under the limits that count; its `limit_source` says where the time limit comes from.

    A limit given to the judge comes first, then the package's own, then the one that follows from its accepted
    submissions."""
    problem = under(judge.limits, draft.problem)
    if judge.limits.cpu_seconds is not None:
        return problem.model_copy(update={"limit_source": GIVEN})
    if draft.limit_rule is not None:
        return under(judge.limits, _computed(draft, judge, blobs))
    return problem.model_copy(update={"limit_source": problem.limit_source or STATED})


def _computed(draft: Draft, judge: Judge, blobs: BlobStore) -> Problem:
    try:
        return computed_limit(draft, judge, blobs)
    except ConfigError as error:
        raise ConfigError(f"{str(error).rstrip('.')}; give one with --time-limit.") from None
