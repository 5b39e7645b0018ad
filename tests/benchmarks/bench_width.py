"""Peak memory and wall time of every stage of a study, for Qwen 2.5 7B at full width and two layers.

    python tests/benchmarks/bench_width.py [--folder FOLDER] [--vocabulary cut|full|both]

Stages are load, one GRPO step with each trainer, merge, a sweep of three alphas in place, and evaluation; each is a
process of its own with one thread. With the vocabulary cut (the default) everything is run, and the memory of the step
is shown beside what `compute.memory_plan` says; with all 152 064 words there is no training. Writes 3 to 13 GB into a
temporary folder. Aim: under 10 GB resident.
"""

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

import project  # noqa: F401  (before Frontier)

from compute.memory_plan import read_shape
from tests.compute.full_width import Stage, run_stages

GB = 1e9


def show(stage: Stage) -> None:
    resident, anonymous = (f"{size / GB:.2f} GB" for size in (stage.resident_bytes, stage.anonymous_bytes))
    print(f"  {stage.name:24} {stage.wall_seconds:7.1f} s   resident {resident:>9}   anonymous {anonymous:>9}")
    for event in stage.events:
        if event["type"] == "metric":
            figures = ", ".join(f"{name} {value:.4g}" for name, value in event["values"].items() if value is not None)
            print(f"    {figures}")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=re.split(r"\n\n", __doc__ or "")[0])
    parser.add_argument("--folder", type=Path, help="where to write; the system's temporary folder without")
    parser.add_argument("--vocabulary", choices=("cut", "full", "both"), default="cut")
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.2f}")
    for full in {"cut": [False], "full": [True], "both": [False, True]}[options.vocabulary]:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            folder = Path(name)
            for place, stage in enumerate(run_stages(folder, full_vocabulary=full)):
                if place == 0:
                    shape = read_shape(str(folder / "start"))
                    print(f"{shape.parameters / 1e6:.0f} M parameters, vocabulary of {shape.vocab_size}:")
                show(stage)
            weights, training = shape.parameters * 2, shape.training_bytes
            print(f"  planned: weights {weights / GB:.2f} GB, to train in full {training / GB:.2f} GB")


if __name__ == "__main__":
    main()
