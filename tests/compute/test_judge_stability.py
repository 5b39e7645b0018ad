"""What makes a verdict worth believing: repeats near a limit, and no verdict where the machine was in the way."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from compute.configs import JudgeLimits
from compute.judge import workshop
from compute.judge.judge import Judge, Submission
from tests.compute.judging import CPP_SUM, PYTHON_SUM, problem_of

SPIN = "import time\nwhile time.process_time() < {}: pass\n" + PYTHON_SUM


@pytest.mark.parametrize(("share", "letters", "runs"), [(0.5, "A", 1), (0.9, "A", 3), (1.15, "T", 3), (9.0, "T", 1)])
def test_a_run_near_its_limit_is_repeated_before_it_is_believed(blobs, share, letters, runs):
    problem = problem_of(blobs, [(b"1 2\n", b"3\n")], cpu_seconds=0.4)
    with Judge(JudgeLimits(), blobs) as judge:
        assert judge.judge([Submission(SPIN.format(0.4 * share), problem)])[0].letters == letters
        assert judge.executions == runs


@pytest.fixture
def starving() -> Iterator[list[subprocess.Popen]]:
    """Processes that leave a core to nobody of lower rank, ended afterwards."""
    started: list[subprocess.Popen] = []
    yield started
    end(started)


def end(processes: list[subprocess.Popen]) -> None:
    while processes:
        process = processes.pop()
        process.kill()
        process.wait()


def test_a_program_that_the_machine_starves_is_no_verdict_and_is_judged_once_it_can_be(tmp_path, blobs, starving):
    core, cache = min(os.sched_getaffinity(0)), tmp_path / "verdicts.sqlite"
    problem = problem_of(blobs, [(b"1 2\n", b"3\n")], cpu_seconds=0.5)
    with Judge(JudgeLimits(wall_factor=4), blobs, cache, patience_seconds=0.2) as judge:
        server = psutil.Process(judge.worker_pids[0])
        for process in (server, *server.children()):
            os.sched_setaffinity(process.pid, {core})
            os.sched_setscheduler(process.pid, os.SCHED_IDLE, os.sched_param(0))
        # Each in a session of its own, because a kernel may share a core out by session.
        hog = [sys.executable, "-c", "while True: pass"]
        starving += [subprocess.Popen(hog, start_new_session=True) for _ in range(15)]
        for process in starving:
            os.sched_setaffinity(process.pid, {core})
        while sum(psutil.Process(process.pid).cpu_times().user for process in starving) < 0.5:
            time.sleep(0.01)
        starved = judge.judge([Submission(SPIN.format(0.3), problem)])[0]
        end(starving)
    with Judge(JudgeLimits(wall_factor=4), blobs, cache) as judge:
        calm = judge.judge([Submission(SPIN.format(0.3), problem)])[0]
    assert (starved.letters, starved.rules) == ("I", ("host too loaded",))
    assert (calm.letters, calm.cached) == ("A", False)


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
def test_a_compiler_that_the_machine_starves_is_no_compile_error_and_nothing_is_kept(tmp_path, blobs, monkeypatch):
    submission = Submission(CPP_SUM, problem_of(blobs), language="cpp")
    with Judge(JudgeLimits(), blobs, tmp_path / "verdicts.sqlite") as judge:
        with monkeypatch.context() as starved:
            # The clocks are looked at first when the CPU limit can be reached, so that is as short.
            limits = replace(workshop.BUILD_LIMITS, cpu_seconds=0.01, wall_seconds=0.01)
            starved.setattr(workshop, "BUILD_LIMITS", limits)
            assert judge.judge([submission])[0].letters == "III"
        with sqlite3.connect(tmp_path / "verdicts.sqlite") as connection:
            assert connection.execute("SELECT COUNT(*) FROM verdicts").fetchone() == (0,)
        assert judge.judge([submission])[0].letters == "AAA"


def test_many_workers_lose_nothing_where_a_process_may_open_few_files(tmp_path):
    script = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
from pathlib import Path
from compute.configs import JudgeLimits
from compute.judge.judge import Judge, Submission
from compute.problems.problem import BlobStore
from tests.compute.judging import PYTHON_SUM, problem_of
blobs = BlobStore(Path({str(tmp_path)!r}))
problems = [problem_of(blobs, [(b"%d %d\\n" % (m, n), b"%d\\n" % (m + n)) for n in range(64)]) for m in range(8)]
with Judge(JudgeLimits(workers=4), blobs) as judge:
    judged = judge.judge([Submission(PYTHON_SUM, problem) for problem in problems])
print(*(one.letters for one in judged))
"""
    command, root = [sys.executable, "-c", script], Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout.split(), done.stderr) == (["A" * 64] * 8, "")
