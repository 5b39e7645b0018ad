"""What makes a verdict worth believing: repeats near a limit, runs alone, starved runs, caps, and a bounded memory."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from judging import PYTHON_SUM, problem_of

from compute.configs import JudgeLimits
from compute.judge import zygote
from compute.judge.cache import STARVED, Outcome, VerdictCache
from compute.judge.cgroup import Cgroup, Parent, find_parent
from compute.judge.judge import Judge, Submission
from compute.judge.languages import LANGUAGES
from compute.judge.quiet import QuietLock
from compute.judge.ruling import Bounds, ruling_on
from compute.judge.sandbox import Run
from compute.problems.problem import BlobStore
from compute.training.rewards import rewards_by_level

SPIN = "import time\nwhile time.process_time() < {}: pass\n" + PYTHON_SUM
BOUNDS = Bounds(cpu_seconds=1.0, memory_bytes=100, output_bytes=1000, wall_factor=10)


@pytest.fixture
def blobs(tmp_path):
    return BlobStore(tmp_path / "blobs")


def ended(**changes):
    """A run that ended well, with changes."""
    run = Run(zygote.RUNNING, 0, "", 0.1, 0.1, memory_bytes=50, waits=5, output=b"", error_output=b"", output_bytes=0)
    return replace(run, **changes)


@pytest.mark.parametrize(
    ("changes", "ruling"),
    [
        ({}, None),
        ({"cpu_seconds": 1.01}, ("T", "cpu")),
        ({"memory_bytes": 101}, ("M", "peak memory")),
        ({"memory_bytes": 101, "cpu_seconds": 1.3, "status": 9, "killed": "cpu"}, ("M", "peak memory")),
        ({"output_bytes": 1000, "status": 25}, ("O", "output")),
        ({"status": 3 << 8}, ("R", "exit 3")),
        ({"status": 11}, ("R", "signal 11")),
        ({"status": 1 << 8, "error_output": b"Traceback\nMemoryError\n"}, ("M", "refused memory")),
        ({"status": 9}, ("I", "killed from outside")),
        ({"status": 9, "over_cgroup": True}, ("M", "cgroup memory")),
        ({"status": 9, "killed": "wall", "waits": 1}, ("I", STARVED)),
        ({"phase": zygote.SETTING_UP, "status": 1 << 8}, ("I", "could not start")),
        ({"phase": zygote.COMPILING, "status": 1 << 8}, ("C", "compiler")),
        ({"phase": zygote.COMPILING, "status": 9}, ("I", "killed from outside")),
    ],
)
def test_the_first_rule_that_fired_is_the_verdict(changes, ruling):
    assert ruling_on(ended(**changes), BOUNDS, LANGUAGES["python"]) == ruling


@pytest.mark.parametrize(("share", "letters", "runs"), [(0.5, "A", 1), (0.9, "A", 3), (1.15, "T", 3), (9.0, "T", 1)])
def test_a_run_near_its_limit_is_repeated_before_it_is_believed(blobs, share, letters, runs):
    problem = problem_of(blobs, [(b"1 2\n", b"3\n")], cpu_seconds=0.4)
    with Judge(JudgeLimits(), blobs) as judge:
        assert judge.judge([Submission(SPIN.format(0.4 * share), problem)])[0].letters == letters
        assert judge.executions == runs


def test_who_is_alone_waits_for_those_inside_and_keeps_others_out(tmp_path):
    lock, order = QuietLock(tmp_path), []
    inside, may_leave = threading.Event(), threading.Event()

    def first():
        with lock.shared():
            inside.set()
            may_leave.wait()
            order.append("first leaves")

    def alone():
        with lock.alone():
            order.append("alone")

    threads = [threading.Thread(target=first), threading.Thread(target=alone)]
    threads[0].start()
    inside.wait()
    with lock.shared():
        order.append("second shares")
    threads[1].start()
    may_leave.set()
    for thread in threads:
        thread.join()
    assert order == ["second shares", "first leaves", "alone"]


def test_a_judge_that_hangs_does_not_stop_the_others_for_ever(tmp_path):
    with QuietLock(tmp_path).shared(), QuietLock(tmp_path, patience_seconds=0.05).alone():
        pass


def test_a_lock_that_somebody_else_has_spoilt_is_done_without(tmp_path, caplog):
    for name in ("door", "room"):
        (tmp_path / f"frontier-judge-{os.getuid()}.{name}").symlink_to("/dev/null")
    with QuietLock(tmp_path).shared(), QuietLock(tmp_path).alone():
        pass
    assert "cannot wait for each other" in caplog.text


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


def test_a_program_that_the_machine_starves_is_no_verdict_and_is_judged_once_it_can_be(blobs, starving):
    core = min(os.sched_getaffinity(0))
    problem = problem_of(blobs, [(b"1 2\n", b"3\n")], cpu_seconds=0.5)
    with Judge(JudgeLimits(wall_factor=4), blobs, patience_seconds=0.2) as judge:
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
        calm = judge.judge([Submission(SPIN.format(0.3), problem)])[0]
    assert (starved.letters, starved.rules) == ("I", ("host too loaded",))
    assert calm.letters == "A"


def test_the_cheapest_rejection_comes_first_where_any_failure_will_do(blobs):
    tests = [(f"{n} {n}\n".encode(), b"%d\n" % (2 * n)) for n in range(1, 9)]
    problem = problem_of(blobs, tests)
    fails_at_seven = "a, b = map(int, input().split())\nprint(a + b if a != 7 else 0)\n"
    with Judge(JudgeLimits(), blobs) as judge:
        first = judge.judge([Submission(fails_at_seven, problem)], stop_early=True, cheapest_first=True)[0]
        before = judge.executions
        again = judge.judge([Submission(f"{fails_at_seven}#", problem)], stop_early=True, cheapest_first=True)[0]
    assert "W" in first.letters
    assert (again.letters, judge.executions - before) == ("------W-", 1)


def test_stopping_early_reports_the_first_failure_in_size_order(blobs):
    tests = [(f"{n} {n}\n".encode(), b"%d\n" % (2 * n)) for n in range(1, 9)]
    program = "a, b = map(int, input().split())\nprint(a + b if a < 4 else 1 // (a - 5))\n"
    with Judge(JudgeLimits(workers=2), blobs) as judge:
        judged = judge.judge([Submission(program, problem_of(blobs, tests))], stop_early=True)[0]
    assert judged.letters == "AAAW----"


def test_rewards_for_every_level_come_from_one_run(blobs):
    problem = problem_of(blobs)
    assert rewards_by_level(problem, "AAT") == (1.0, 1.0, 0.0)
    assert rewards_by_level(problem, "AIT") == (1.0, None, None)


# The cache ------------------------------------------------------------------------------------------------------------


def test_the_cache_forgets_what_is_oldest_instead_of_growing(tmp_path):
    cache = VerdictCache(tmp_path / "verdicts.sqlite", most_bytes=200_000)
    accepted = Outcome("A", 0.1, 0.2, 1000)
    for batch in range(40):
        cache.put((b"%d" % batch, "setting", b"%d-%d" % (batch, test), accepted) for test in range(100))
    with sqlite3.connect(tmp_path / "verdicts.sqlite") as connection:
        rows, pages = (connection.execute(query).fetchone()[0] for query in COUNTS)
    assert 100 <= rows < 4000
    assert pages * 4096 < 600_000
    assert len(cache.get(b"39", "setting")) == 100
    cache.close()


COUNTS = ("SELECT COUNT(*) FROM verdicts", "PRAGMA page_count")


def test_a_cache_of_an_earlier_layout_is_begun_anew(tmp_path):
    path = tmp_path / "verdicts.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE verdicts (program BLOB, letter TEXT)")
    cache = VerdictCache(path)
    cache.put([(b"p", "s", b"t", Outcome("T", 1.0, 2.0, 3, "cpu"))])
    assert cache.get(b"p", "s") == {b"t": Outcome("T", 1.0, 2.0, 3, "cpu")}
    cache.close()


# Control groups -------------------------------------------------------------------------------------------------------


def hierarchy(folder: Path, controllers: str) -> Path:
    """Files as a cgroup v2 folder has them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"cgroup.controllers": controllers, "cgroup.subtree_control": "", "cgroup.procs": ""}.items():
        (folder / name).write_text(text)
    return folder


def test_a_group_is_made_beside_this_process_where_memory_is_handed_down(tmp_path):
    hierarchy(tmp_path, "cpu memory")
    own = hierarchy(tmp_path / "user" / "session", "cpu memory")
    membership = tmp_path / "membership"
    membership.write_text("0::/user/session\n")
    assert find_parent(tmp_path, membership) == Parent(own, "")
    assert "memory" in (own / "cgroup.subtree_control").read_text()


@pytest.mark.parametrize(
    ("controllers", "line", "reason"),
    [(None, "0::/x", "no cgroup v2"), ("cpu", "0::/x", "no memory controller"), ("memory", "4:cpu:/x", "in no cgroup")],
)
def test_without_a_group_the_reason_is_said(tmp_path, controllers, line, reason):
    if controllers:
        hierarchy(tmp_path, controllers)
        hierarchy(tmp_path / "x", controllers)
    (tmp_path / "membership").write_text(f"{line}\n")
    found = find_parent(tmp_path, tmp_path / "membership")
    assert found.folder is None
    assert reason in found.reason


def test_a_group_caps_memory_and_tells_of_each_kill_once(tmp_path):
    group = Cgroup.holding(4711, Parent(tmp_path, ""))
    assert group is not None
    (folder,) = tmp_path.iterdir()
    assert (folder / "cgroup.procs").read_text() == "4711"
    group.limit(256 << 20)
    assert int((folder / "memory.max").read_text()) > 256 << 20
    (folder / "memory.events").write_text("low 0\noom 2\noom_kill 2\n")
    assert (group.ran_out_of_memory(), group.ran_out_of_memory()) == (True, False)


@pytest.mark.skipif(find_parent().folder is None, reason=find_parent().reason)
def test_the_kernel_ends_a_program_that_takes_far_more_than_its_memory(blobs):
    hog = "kept = []\nwhile True: kept.append(b'x' * (1 << 20))\n"
    with Judge(JudgeLimits(), blobs) as judge:
        judged = judge.judge([Submission(hog, problem_of(blobs, memory_bytes=64 << 20))])[0]
    assert judged.letters == "MMM"
    assert max(judged.memory_bytes) < 512 << 20


def test_no_group_and_no_folder_is_left_when_a_judge_closes(blobs):
    before = set(Path("/tmp").glob("frontier-box-*"))
    with Judge(JudgeLimits(), blobs) as judge:
        judge.judge([Submission(PYTHON_SUM, problem_of(blobs))])
        time.sleep(0)
    assert set(Path("/tmp").glob("frontier-box-*")) <= before
