"""A merge that is killed and started again, with real processes and SIGKILL."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from merging import checkpoint, config, run  # noqa: E402

from compute.checkpoints import damaged_files, describe  # noqa: E402
from compute.configs import MergeConfig  # noqa: E402
from compute.events import Event, Progress  # noqa: E402

pytestmark = pytest.mark.ml
SHARDS, ENTRIES = 4, 300_000
BYTES = ENTRIES * 2
# Kills itself once so many bytes are written: one child of a fork for each point, so that torch is loaded once.
SCRIPT = """
import os, signal, sys
from pathlib import Path
from compute.configs import read_config
from compute.merging import merge
merge.SECONDS_BETWEEN_EVENTS = 0

def until(megabytes):
    def emit(event):
        if event.type == "checkpoint" or event.done > megabytes:
            os.kill(os.getpid(), signal.SIGKILL)
    return emit

for argument in sys.argv[1:]:
    path, megabytes = argument.split("=")
    child = os.fork()
    if child == 0:
        merge.run(read_config(Path(path), "merge"), until(float(megabytes)), lambda: False)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def sharded(folder: Path, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    content = {f"layers.{n}.w": torch.randn(ENTRIES, generator=generator).bfloat16() for n in range(SHARDS)}
    checkpoint(folder, content, parts=[[name] for name in content])


def unfinished(folder: Path) -> Path:
    (left,) = folder.glob(".*.writing")
    return left


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def written_at(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in shards(folder)}


def merge_of(tmp_path: Path, name: str, first: float = 0.6) -> MergeConfig:
    terms = (("a", first), ("b", 0.9))
    return config(tmp_path, "dare", *terms, base="base", density=0.4, folder=tmp_path / name / "merged")


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Merges killed in the first file, and in the third; one merge that was not; all of the same request."""
    tmp_path = tmp_path_factory.mktemp("killed")
    for seed, name in enumerate(("base", "a", "b")):
        sharded(tmp_path / name, seed)
    points = {"early": 0.4, "late": 2.5, "damaged": 2.5, "other": 2.5}
    for name in points:
        (tmp_path / f"{name}.json").write_text(merge_of(tmp_path, name).model_dump_json())
    arguments = [f"{tmp_path / name}.json={stop * BYTES / 1e6}" for name, stop in points.items()]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(-signal.SIGKILL)] * len(points), done.stderr
    run(merge_of(tmp_path, "whole"))
    return tmp_path


@pytest.mark.parametrize(("name", "begun", "kept"), [("early", 1, 0), ("late", 3, 2), ("damaged", 3, 1)])
def test_a_killed_merge_goes_on_from_its_finished_files_and_ends_bit_identical(
    killed: Path, name: str, begun: int, kept: int
) -> None:
    left = unfinished(killed / name)
    if name == "damaged":  # a finished file that is not any more what its hash says
        times = shards(left)[0].stat()
        with shards(left)[0].open("r+b") as stream:
            stream.seek(-1, os.SEEK_END)
            stream.write(b"\x7f")
        os.utime(shards(left)[0], ns=(times.st_atime_ns, times.st_mtime_ns))
    before = written_at(left)
    assert len(before) == begun
    events: list[Event] = []
    run(merge_of(killed, name), events)
    merged, whole = killed / name / "merged", killed / "whole" / "merged"
    assert [path.read_bytes() for path in shards(merged)] == [path.read_bytes() for path in shards(whole)]
    assert sum(before.get(file) == time for file, time in written_at(merged).items()) == kept
    assert sorted(path.name for path in merged.iterdir()) == sorted(path.name for path in whole.iterdir())
    assert describe(merged).sha256 == describe(whole).sha256
    assert damaged_files(merged) == []
    assert [path.name for path in (killed / name).iterdir()] == ["merged"]
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert last.done == last.total


def test_what_another_merge_left_is_not_continued(killed: Path) -> None:
    """Its finished files have the right names and hashes that hold, but other weights."""
    before = written_at(unfinished(killed / "other"))
    run(merge_of(killed, "other", first=0.7))
    merged, whole = killed / "other" / "merged", killed / "whole" / "merged"
    assert all(before.get(file) != time for file, time in written_at(merged).items())
    assert all(a.read_bytes() != b.read_bytes() for a, b in zip(shards(merged), shards(whole), strict=True))
    assert [path.name for path in (killed / "other").iterdir()] == ["merged"]
