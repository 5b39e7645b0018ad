"""Problems and judges for tests of the judge: sums of two numbers, in any language."""

from compute.problems.problem import Problem, TestCase

SUMS = ((b"1 2\n", b"3\n"), (b"5 6\n", b"11\n"), (b"1 1\n", b"2\n"))
PYTHON_SUM = "print(sum(map(int, input().split())))\n"
CPP_SUM = '#include <cstdio>\nint main() { int a, b; scanf("%d %d", &a, &b); printf("%d\\n", a + b); }\n'


def problem_of(blobs, tests=SUMS, **fields):
    """A problem whose tests are pairs of input and output, one level each."""
    cases = tuple(
        TestCase(
            identifier=f"t{place}",
            group=place,
            input=blobs.put(given),
            output=blobs.put(answer),
            size_bytes=len(given),
            reference_seconds=0.0,
        )
        for place, (given, answer) in enumerate(tests, start=1)
    )
    known = {"cpu_seconds": 1.0, "memory_bytes": 128 << 20, "statement": "Add.", "difficulty": "easy"}
    return Problem(slug="sums", title="Sums", tests=cases, **{**known, **fields})
