"""The event that tells the world of a problem: what a page may show, without a hidden test's bytes."""

from compute.events import ProblemAdded, TestSummary
from compute.problems.problem import BlobStore, Problem, TestCase

MOST_SHOWN_BYTES = 64 << 10
"""A longer public test is shown by its size alone."""


def problem_added(reference: str, position: int, problem: Problem, blobs: BlobStore) -> ProblemAdded:
    """The event: public tests with their text where it is short, the others by size only.

    Raises MissingInput when a public test's bytes are not stored.
    """

    def text(sha256: str, test: TestCase) -> str | None:
        if not test.public:
            return None
        data = blobs.get(sha256)
        return None if len(data) > MOST_SHOWN_BYTES else _shown(data.decode("utf-8", "replace"))

    return ProblemAdded(
        problem_set=reference,
        position=position,
        slug=problem.slug,
        title=_shown(problem.title),
        statement=_shown(problem.statement),
        difficulty=problem.difficulty,
        tags=problem.tags,
        cpu_seconds=problem.cpu_seconds,
        memory_bytes=problem.memory_bytes,
        content_sha256=problem.content_sha256,
        levels=problem.levels,
        tests=tuple(
            TestSummary(
                identifier=test.identifier,
                group=test.group,
                size_bytes=test.size_bytes,
                public=test.public,
                input_text=text(test.input, test),
                output_text=text(test.output, test),
            )
            for test in problem.tests
        ),
        checker=problem.checker,
        level_names=problem.level_names,
        limit_source=problem.limit_source,
    )


def _shown(text: str) -> str:
    """Without the one character that no database takes."""
    return text.replace("\0", "\ufffd")
