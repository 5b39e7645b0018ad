"""A written merge against `cp` of the same bytes, on the same disk at the same moment.

    python tests/benchmarks/bench_merge.py [megabytes] [folder]

Bars: at most 3 times `cp`, anonymous memory below 512 MiB at any model size, bit-identical to stacking all tensors in
float32, weighting and summing them, which is mergekit's linear method. The rounds of the two alternate and the fastest
of each is compared. The merge also hashes what it writes, on a second core where one is idle. Writes only into a
temporary folder.
"""

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import project  # noqa: F401  (before Frontier)
import torch

from compute.checkpoints import Manifest, file_sha256, read_tensors, write_checkpoint
from compute.configs import Ingredient, MergeConfig
from compute.merging.merge import run

ROUNDS, TENSORS, ALPHA = 5, 8, 1.25


def make(folder: Path, megabytes: int, dtype: torch.dtype, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    count = megabytes * 1_000_000 // TENSORS // dtype.itemsize
    tensors = {f"layer.{i}": torch.randn(count, generator=generator).to(dtype) for i in range(TENSORS)}
    write_checkpoint(folder, tensors, Manifest(reference=folder.name, origin="trained"))


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def anonymous_mebibytes() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


def peak_anonymous_mebibytes(work: Callable[[], object]) -> float:
    """Sampled every few milliseconds while `work` runs."""
    peak, done = anonymous_mebibytes(), threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, anonymous_mebibytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return peak


def identical_to_stacking(low: Path, high: Path, merged: Path) -> bool:
    weights = torch.tensor([1 - ALPHA, ALPHA])[:, None]
    a, b, written = read_tensors(low), read_tensors(high), read_tensors(merged)
    return all(
        torch.equal(written[n], (torch.stack([a[n].float(), b[n].float()]) * weights).sum(dim=0).to(a[n].dtype))
        for n in a
    )


def measure(folder: Path, megabytes: int, dtype: torch.dtype) -> str:
    low, high, merged, copy = (folder / name for name in ("low", "high", "merged", "copy"))
    make(low, megabytes, dtype, 1)
    make(high, megabytes, dtype, 2)
    terms = ((low, 1 - ALPHA), (high, ALPHA))
    ingredients = tuple(Ingredient(reference=path.name, folder=path, weight=weight) for path, weight in terms)
    config = MergeConfig(reference="merged", folder=merged, ingredients=ingredients)

    def merge() -> None:
        run(config, lambda event: None, lambda: False)

    copying, merging, hashing = [], [], []
    for _ in range(ROUNDS):
        copying.append(seconds(lambda: subprocess.run(["cp", "-r", low, copy], check=True)))
        shutil.rmtree(copy)
        shutil.rmtree(merged, ignore_errors=True)
        merging.append(seconds(merge))
        hashing.append(seconds(lambda: file_sha256(merged / "model.safetensors")))
    peak = peak_anonymous_mebibytes(merge)
    return (
        f"merge {str(dtype).removeprefix('torch.')} {megabytes} MB: {min(merging):.2f} s, cp {min(copying):.2f} s,"
        f" ratio {min(merging) / min(copying):.2f} (bar 3; its SHA-256 alone takes"
        f" {min(hashing):.2f} s on the other core); peak anonymous memory {peak:.0f} MiB (bar 512);"
        f" bit-identical {identical_to_stacking(low, high, merged)}"
    )


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    torch.set_num_threads(1)
    for dtype in (torch.float32, torch.bfloat16):
        with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as folder:
            print(measure(Path(folder), megabytes, dtype), flush=True)


if __name__ == "__main__":
    main()
