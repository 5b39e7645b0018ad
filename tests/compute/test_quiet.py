"""The lock by which the judges of a host leave each other alone while one repeats a run near its limit."""

import os
import threading
import time
from pathlib import Path

from compute.judge.quiet import QuietLock


def door(folder: Path) -> Path:
    return folder / f"frontier-judge-{os.getuid()}.door"


def times_open(path: Path) -> int:
    """How many of this process's descriptors belong to the file."""
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return sum(os.path.lexists(link) and os.path.realpath(link) == str(path) for link in links)


def wait_until_at(path: Path, times: int) -> None:
    deadline = time.monotonic() + 20
    while times_open(path) < times:
        assert time.monotonic() < deadline, "nobody came to the door"
        time.sleep(0.002)


def test_who_is_alone_waits_for_those_inside_while_these_share(tmp_path):
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
    try:
        wait_until_at(door(tmp_path), 1)
    finally:
        may_leave.set()
        for thread in threads:
            thread.join()
    assert order == ["second shares", "first leaves", "alone"]


def test_who_comes_while_somebody_is_alone_is_kept_out_until_that_one_leaves(tmp_path):
    order = []

    def second():
        with QuietLock(tmp_path).shared():
            order.append("second enters")

    thread = threading.Thread(target=second)
    with QuietLock(tmp_path).alone():
        thread.start()
        wait_until_at(door(tmp_path), 2)
        time.sleep(0.1)  # time to slip in, were the door not held
        order.append("alone leaves")
    thread.join()
    assert order == ["alone leaves", "second enters"]


def test_a_judge_that_hangs_does_not_stop_the_others_for_ever(tmp_path):
    with QuietLock(tmp_path).shared(), QuietLock(tmp_path, patience_seconds=0.05).alone():
        pass


def test_a_lock_that_somebody_else_has_spoilt_is_done_without(tmp_path, caplog):
    for name in ("door", "room"):
        (tmp_path / f"frontier-judge-{os.getuid()}.{name}").symlink_to("/dev/null")
    with QuietLock(tmp_path).shared(), QuietLock(tmp_path).alone():
        pass
    assert "cannot wait for each other" in caplog.text
