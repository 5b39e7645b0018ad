"""The judge: letters, order, caching, retries and limits, against real programs in the real sandbox."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from compute.configs import JudgeLimits
from compute.errors import MissingInput
from compute.judge import judge as judging
from compute.judge.judge import Judge, Submission
from compute.problems.problem import BlobStore, Problem, TestCase

SUCCESSOR = "print(int(input()) + 1)\n"
PATIENT = "import time\ntime.sleep(1)\n" + SUCCESSOR
SPIN = "while True: pass\n"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One judge with two workers for tests that do not count or break anything."""
    with Judge(JudgeLimits(workers=2, output_bytes=1 << 20), BlobStore(tmp_path_factory.mktemp("blobs"))) as judge:
        yield judge


def successor_problem(blobs, *, tests=3, cpu_seconds=0.5, memory_bytes=128 << 20):
    cases = tuple(
        TestCase(
            identifier=f"t{n}",
            group=n,
            input=blobs.put(b"%d\n" % n),
            output=blobs.put(b"%d\n" % (n + 1)),
            size_bytes=2,
            reference_seconds=0.001,
        )
        for n in range(1, tests + 1)
    )
    return Problem(
        slug="successor",
        title="Successor",
        statement="Add one.",
        difficulty="easy",
        cpu_seconds=cpu_seconds,
        memory_bytes=memory_bytes,
        tests=cases,
    )


def letters_of(judge, program, **keywords):
    problem = successor_problem(judge._blobs, **keywords)
    return judge.judge([Submission(program, problem)])[0].letters


@pytest.mark.parametrize(
    ("program", "letters"),
    [
        (SUCCESSOR, "AAA"),
        ("print(2)\n", "AWW"),
        ("n = int(input())\nprint(n + 1)\nif n == 2: raise ValueError\n", "ARA"),
        ("print(int(input()) + 1)\nraise SystemExit(3)\n", "RRR"),
        ("print(int(input()) + 1)\nexit()\n", "AAA"),
        ("print(int(input()) + 1)\nimport sys; sys.exit('farewell')\n", "RRR"),
        ("import os; os.abort()\n", "RRR"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n", "RRR"),
        ("def f(): f()\nf()\n", "RRR"),
        ("x = [0] * 10**9\n", "MMM"),
        ("x = []\nwhile True: x.append(bytearray(1 << 20))\n", "MMM"),
        ("try:\n    x = [0] * 10**9\nexcept MemoryError:\n    print(int(input()) + 1)\n", "AAA"),
        ("while True: print('x' * 10000)\n", "OOO"),
        ("import sys\nwhile True: sys.stderr.write('x' * 10000)\n", "OOO"),
        ("print(\n", "CCC"),
        ("print(1)\nreturn\n", "CCC"),
        ("x = '\0'\n", "CCC"),
        ("x = '\ud800'\n", "CCC"),
        ("x = " + "(" * 1000 + ")" * 1000 + "\n", "CCC"),
        ("", "WWW"),
        (None, "NNN"),
    ],
)
def test_a_program_gets_its_letters(shared, program, letters):
    assert letters_of(shared, program) == letters


def test_spinning_is_a_time_limit_and_is_killed_soon_after_it(shared):
    problem = successor_problem(shared._blobs, tests=2, cpu_seconds=0.03)
    judgement = shared.judge([Submission(SPIN, problem)])[0]
    assert judgement.letters == "TT"
    assert all(0.03 < seconds < 0.03 * judging.KILL_FACTOR + 0.015 for seconds in judgement.cpu_seconds)


def test_a_program_well_within_a_limit_of_hundredths_of_a_second_is_accepted(shared):
    within = "import time\nwhile time.process_time() < 0.015: pass\n" + SUCCESSOR
    beyond = within.replace("0.015", "0.055")
    problem = successor_problem(shared._blobs, cpu_seconds=0.03)
    judged = shared.judge([Submission(within, problem), Submission(beyond, problem)])
    assert [judgement.letters for judgement in judged] == ["AAA", "TTT"]


def test_sleeping_without_end_is_a_time_limit(shared):
    problem = successor_problem(shared._blobs, tests=1, cpu_seconds=0.03)
    judgement = shared.judge([Submission("import time\ntime.sleep(1000)\n", problem)])[0]
    assert judgement.letters == "T"
    assert judgement.cpu_seconds[0] < 0.03


def test_only_the_requested_prefix_of_tests_is_judged(shared):
    problem = successor_problem(shared._blobs)
    asked = [Submission("print(2)", problem, tests) for tests in (1, 2, 3, None)]
    assert [judgement.letters for judgement in shared.judge(asked)] == ["A", "AW", "AWW", "AWW"]


def test_stopping_early_leaves_the_rest_unrun(shared):
    problem = successor_problem(shared._blobs, tests=4)
    programs = ["n = int(input())\nprint(n + 1 if n < 3 else 0)\n", "print(9)", "print(", None, SUCCESSOR]
    judged = shared.judge([Submission(program, problem) for program in programs], stop_early=True)
    assert [judgement.letters for judgement in judged] == ["AAW-", "W---", "CCCC", "NNNN", "AAAA"]
    assert judged[1].cpu_seconds[1:] == (0.0, 0.0, 0.0)


def test_a_program_that_does_not_compile_runs_no_test(blobs):
    with Judge(JudgeLimits(), blobs) as judge:
        assert judge.judge([Submission("print(", successor_problem(blobs))])[0].letters == "CCC"
        assert judge.executions == 1


def test_equal_submissions_run_once_and_keep_their_places(blobs):
    problem = successor_problem(blobs)
    with Judge(JudgeLimits(), blobs) as judge:
        judged = judge.judge([Submission(p, problem) for p in (SUCCESSOR, "print(2)", SUCCESSOR, None, SUCCESSOR)])
        assert [judgement.letters for judgement in judged] == ["AAA", "AWW", "AAA", "NNN", "AAA"]
        assert judge.executions == 6


def test_a_cache_is_shared_by_judges_and_keyed_by_limits(blobs, tmp_path):
    problem, cache = successor_problem(blobs), tmp_path / "cache" / "verdicts.sqlite"
    with Judge(JudgeLimits(), blobs, cache) as first, Judge(JudgeLimits(), blobs, cache) as second:
        assert first.judge([Submission(SUCCESSOR, problem, 2)])[0].cached is False
        again = second.judge([Submission(SUCCESSOR, problem)])[0]
        assert (again.letters, again.cached, second.executions, second.cache_hits) == ("AAA", False, 1, 2)
        assert first.judge([Submission(SUCCESSOR, problem)])[0].cached is True
    with Judge(JudgeLimits(memory_bytes=64 << 20), blobs, cache) as other:
        assert other.judge([Submission(SUCCESSOR, problem)])[0].cached is False


def test_a_spoilt_cache_costs_time_and_nothing_else(blobs, tmp_path, caplog):
    cache = tmp_path / "verdicts.sqlite"
    cache.write_bytes(b"not a database" * 1000)
    with Judge(JudgeLimits(), blobs, cache) as judge:
        assert judge.judge([Submission(SUCCESSOR, successor_problem(blobs))])[0].letters == "AAA"
    assert "not used" in caplog.text


def test_missing_test_bytes_end_the_call_with_their_name(blobs):
    problem = successor_problem(blobs)
    blobs.path(problem.tests[2].input).unlink()
    with Judge(JudgeLimits(), blobs) as judge:
        with pytest.raises(MissingInput, match=problem.tests[2].input[:12]):
            judge.judge([Submission(SUCCESSOR, problem)])
        assert judge.judge([Submission(SUCCESSOR, problem, 1)])[0].letters == "A"


def test_a_worker_killed_once_is_replaced_and_the_verdict_is_unharmed(blobs):
    problem = successor_problem(blobs, cpu_seconds=5)
    with Judge(JudgeLimits(), blobs) as judge:
        threading.Timer(0.3, os.kill, [judge.worker_pids[0], signal.SIGKILL]).start()
        assert judge.judge([Submission(PATIENT, problem)])[0].letters == "AAA"


def test_a_worker_killed_again_and_again_is_infrastructure_and_never_remembered(blobs, tmp_path):
    problem, cache = successor_problem(blobs, tests=2, cpu_seconds=5), tmp_path / "verdicts.sqlite"
    with Judge(JudgeLimits(), blobs, cache) as judge:
        judged = threading.Event()
        killer = threading.Thread(target=kill_first_workers, args=(judge, judged, inhabitants(judge.worker_pids[0])))
        killer.start()
        try:
            assert judge.judge([Submission(PATIENT, problem)])[0].letters == "II"
        finally:
            judged.set()
            killer.join()
        judgement = judge.judge([Submission(PATIENT, problem)])[0]
        assert (judgement.letters, judgement.cached) == ("AA", False)


def kill_first_workers(judge, judged, idle):
    """Kill each worker as soon as it runs ``PATIENT``, so that no run ends, until ``judged``. A worker that is still
    starting is left alone. `idle`: the processes of one that runs nothing."""
    last = None
    while not judged.wait(0.05):
        for pid in judge.worker_pids[:1]:
            if pid != last and inhabitants(pid) > idle:
                os.kill(last := pid, signal.SIGKILL)


def inhabitants(pid):
    """How many processes a sandbox holds, given the one at its top."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return len(psutil.Process(pid).children(recursive=True))
    return 0


def test_the_same_programs_get_the_same_letters_twenty_times_on_a_busy_machine(blobs):
    problem = successor_problem(blobs, tests=2, cpu_seconds=0.04)
    work = "total = 0\nfor i in range({}): total += i\n" + SUCCESSOR
    programs = [SUCCESSOR, "print(2)", work.format(60_000), SPIN, "1/0", "x = [0] * 10**9"]
    load = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(2)]
    try:
        with Judge(JudgeLimits(workers=2), blobs) as judge:
            rounds = {
                tuple(judgement.letters for judgement in judge.judge([Submission(p, problem) for p in programs]))
                for _ in range(20)
            }
    finally:
        for process in load:
            process.kill()
            process.wait()
    assert rounds == {("AA", "AW", "AA", "TT", "RR", "MM")}


def test_a_run_just_over_the_limit_is_decided_by_its_least_time_alone(blobs):
    limit = 0.2
    problem = successor_problem(blobs, tests=1, cpu_seconds=limit)
    slow = f"import time\nwhile time.process_time() < {1.15 * limit}: pass\n" + SUCCESSOR
    with Judge(JudgeLimits(), blobs) as judge:
        judgement = judge.judge([Submission(slow, problem)])[0]
        assert judgement.letters == "T"
        assert limit < judgement.cpu_seconds[0] < judging.KILL_FACTOR * limit
        assert judge.executions == 1 + judging.REPEATS


def test_a_judge_made_in_a_thread_outlives_the_thread(blobs):
    made = []
    thread = threading.Thread(target=lambda: made.append(Judge(JudgeLimits(), blobs)))
    thread.start()
    thread.join()
    with made[0] as judge:
        assert judge.judge([Submission(SUCCESSOR, successor_problem(blobs))])[0].letters == "AAA"


def test_nothing_is_left_when_the_judging_process_is_killed(tmp_path):
    script = f"""
from pathlib import Path
from compute.configs import JudgeLimits
from compute.judge.judge import Judge, Submission
from compute.problems.problem import BlobStore
from tests.compute.test_judge import SPIN, successor_problem
blobs = BlobStore(Path({str(tmp_path)!r}))
judge = Judge(JudgeLimits(workers=2), blobs)
problem = successor_problem(blobs, cpu_seconds=300)
judge.judge([Submission(SPIN, problem), Submission(SPIN + "#", problem)])
"""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2])
    try:
        # Two workers, each with a running program below it.
        wait_until(lambda: sum(runs_a_program(one) for one in below(process.pid)) == 2)
        descendants = below(process.pid)
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in descendants))


def test_an_idle_worker_ends_with_its_judge_though_a_forked_child_keeps_the_socket(tmp_path):
    script = f"""
import os, time
from pathlib import Path
from compute.configs import JudgeLimits
from compute.judge.judge import Judge
from compute.problems.problem import BlobStore
judge = Judge(JudgeLimits(), BlobStore(Path({str(tmp_path)!r})))
if os.fork() == 0:
    time.sleep(60)
    os._exit(0)
print(judge.worker_pids[0], flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-c", script]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
    worker = psutil.Process(int(process.stdout.readline()))
    helper = next(child for child in psutil.Process(process.pid).children() if child != worker)
    everything = [worker, *worker.children(recursive=True)]
    try:
        process.kill()
        process.wait()
        wait_until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in everything))
    finally:
        helper.kill()
        process.stdout.close()


def below(pid):
    return psutil.Process(pid).children(recursive=True)


def runs_a_program(process):
    """Programs are the only processes that use the processor for long."""
    return process.is_running() and not process.children() and process.cpu_times().user > 0.3


def test_closing_the_judge_leaves_no_process(blobs):
    with Judge(JudgeLimits(workers=2), blobs) as judge:
        judge.judge([Submission(SUCCESSOR, successor_problem(blobs))])
        workers = [psutil.Process(pid) for pid in judge.worker_pids]
        started = workers + [one for worker in workers for one in worker.children(recursive=True)]
    wait_until(lambda: not any(one.is_running() for one in started))


def wait_until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
