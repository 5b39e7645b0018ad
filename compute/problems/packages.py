"""A package of one problem, opened for a command, with the limits that it states, implies or is given."""

from pathlib import Path

from compute.errors import ConfigError
from compute.judge.judge import Judge
from compute.problems.auditing import under
from compute.problems.formats import Draft
from compute.problems.formats.registry import open_package
from compute.problems.limits import computed_limit
from compute.problems.problem import BlobStore, Problem

STATED = "stated by the package"
GIVEN = "given"


def open_problem(path: Path, blobs: BlobStore) -> Draft:
    """Raises MissingInput when there is nothing at `path` and ConfigError when it is not a package of one problem."""
    return open_package(path, None, blobs)


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
