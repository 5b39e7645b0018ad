"""The folder of a box where no private root holds it: gone with its judge, a killed one's later."""

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from compute.configs import JudgeLimits
from compute.errors import SandboxError
from compute.judge.box_folder import BoxFolder
from compute.judge.judge import Judge, Submission
from tests.compute.judging import CPP_SUM, problem_of


def held() -> set[str]:
    """Box folders that this process keeps open."""
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    targets = {os.readlink(link) for link in links if os.path.lexists(link)}
    return {target for target in targets if Path(target).name.startswith("frontier-box-")}


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
def test_no_folder_is_left_when_a_judge_closes(blobs):
    try:
        judge = Judge(JudgeLimits(), blobs, layers=["landlock"])
    except SandboxError as error:
        pytest.skip(str(error))
    with judge:
        assert judge.judge([Submission(CPP_SUM, problem_of(blobs), language="cpp")])[0].letters == "AAA"
        folders = held()
        assert folders
        assert all(map(os.path.isdir, folders))
    assert not held()
    assert not any(map(os.path.exists, folders))


def test_a_folder_that_a_killed_judge_left_is_removed_and_one_in_use_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, young, in_use = tmp_path / "frontier-box-left", tmp_path / "frontier-box-young", BoxFolder()
    left.mkdir()
    young.mkdir()
    an_hour_ago = time.time() - 3600
    for folder in (left, in_use.path):
        os.utime(folder, (an_hour_ago, an_hour_ago))
    newcomer = BoxFolder()
    assert {path.name for path in tmp_path.iterdir()} == {
        "frontier-box-young",
        Path(in_use.path).name,
        Path(newcomer.path).name,
    }
    newcomer.remove()
    in_use.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["frontier-box-young"]
