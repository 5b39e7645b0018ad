"""Nine values of alpha by setting weights in place, against loading the two ends and nothing else.

    python tests/benchmarks/bench_sweep.py [megabytes]

Bar: two checkpoint loads and no bytes written. Counts what this process handed to write(), and shows how long an alpha
takes beside a load. Weights are set in place in a model of the ends' type, as the engine does.
"""

import sys
import tempfile
import time
from pathlib import Path

import project  # noqa: F401  (before Frontier)
import torch

from compute.checkpoints import Manifest, read_tensors, write_checkpoint
from compute.merging.methods import linear_in_place

ALPHAS = (-0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
TENSORS = 8


def make(folder: Path, megabytes: int, seed: int) -> int:
    """Write a checkpoint and return its size in bytes."""
    generator = torch.Generator().manual_seed(seed)
    count = megabytes * 1_000_000 // TENSORS // 4
    tensors = {f"layer.{i}": torch.randn(count, generator=generator) for i in range(TENSORS)}
    return write_checkpoint(folder, tensors, Manifest(reference=folder.name, origin="trained")).size_bytes


def bytes_written() -> int:
    """What this process handed to write(), to any file."""
    return int(Path("/proc/self/io").read_text().split("wchar:")[1].split()[0])


def read_whole(folder: Path) -> dict[str, torch.Tensor]:
    """Loads are lazy (mapped files); touching every tensor makes the whole load show."""
    return {name: tensor.clone() for name, tensor in read_tensors(folder).items()}


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        low, high = Path(folder) / "low", Path(folder) / "high"
        make(low, megabytes, 1)
        size = make(high, megabytes, 2)
        written = bytes_written()
        started = time.perf_counter()
        ends = [read_whole(low), read_whole(high)]
        loads = time.perf_counter() - started
        model = {name: torch.zeros_like(tensor) for name, tensor in ends[0].items()}
        identical = {}
        started = time.perf_counter()
        for alpha in ALPHAS:
            linear_in_place(model, ends, (1 - alpha, alpha))
        setting = time.perf_counter() - started
        written = bytes_written() - written
        for alpha in (0, 1):
            linear_in_place(model, ends, (1 - alpha, alpha))
            identical[alpha] = all(torch.equal(model[name], ends[alpha][name]) for name in model)
        print(
            f"sweep of {len(ALPHAS)} alphas over 2 x {size / 1e6:.0f} MB: two loads {loads:.2f} s, then an alpha takes"
            f" {setting / len(ALPHAS):.2f} s ({setting / len(ALPHAS) / (loads / 2):.2f} of one load);"
            f" {written} bytes written (bar 0); ends bit-identical {all(identical.values())}"
        )


if __name__ == "__main__":
    main()
