"""Which tests are run, and in which order, where a failure decides."""

from compute.configs import JudgeLimits
from compute.judge.judge import Judge, Submission
from tests.compute.judging import problem_of

TESTS = [(f"{n} {n}\n".encode(), b"%d\n" % (2 * n)) for n in range(1, 9)]
FAILS_AT_SEVEN = "a, b = map(int, input().split())\nprint(a + b if a != 7 else 0)\n"


def test_the_cheapest_rejection_comes_first_where_any_failure_will_do(blobs):
    problem = problem_of(blobs, TESTS)
    with Judge(JudgeLimits(), blobs) as judge:
        first = judge.judge([Submission(FAILS_AT_SEVEN, problem)], stop_early=True, cheapest_first=True)[0]
        before = judge.executions
        again = judge.judge([Submission(f"{FAILS_AT_SEVEN}#", problem)], stop_early=True, cheapest_first=True)[0]
    assert "W" in first.letters
    assert (again.letters, judge.executions - before) == ("------W-", 1)


def test_stopping_early_reports_the_first_failure_in_size_order(blobs):
    program = "a, b = map(int, input().split())\nprint(a + b if a < 4 else 1 // (a - 5))\n"
    with Judge(JudgeLimits(workers=2), blobs) as judge:
        judged = judge.judge([Submission(program, problem_of(blobs, TESTS))], stop_early=True)[0]
    assert judged.letters == "AAAW----"


def test_equal_programs_for_different_numbers_of_tests_each_get_their_verdict(blobs):
    problem = problem_of(blobs, TESTS)
    program = f"{FAILS_AT_SEVEN}#"
    with Judge(JudgeLimits(), blobs) as judge:
        judge.judge([Submission(FAILS_AT_SEVEN, problem)], stop_early=True)  # the seventh test is now known to reject
        wanted = [Submission(program, problem, tests) for tests in (3, None, 6, 7)]
        found = judge.judge(wanted, stop_early=True, cheapest_first=True)
    assert [one.letters for one in found] == ["AAA", "------W-", "AAAAAA", "------W"]
