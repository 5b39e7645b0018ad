"""Control groups: where one can be made, why there is none, and that it caps a program's memory."""

from pathlib import Path

import pytest

from compute.configs import JudgeLimits
from compute.judge.cgroup import Cgroup, Parent, find_parent
from compute.judge.judge import Judge, Submission
from tests.compute.judging import problem_of


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
