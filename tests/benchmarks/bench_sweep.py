"""Nine alphas with weights set in place, against nine materialised merges and evaluations, in one run.

    python tests/benchmarks/bench_sweep.py [--large] [--samples N] [--problems N]

Everything is a job of its own, `python -m compute ...`: one sweep, then a merge and an evaluation for each alpha. Both
must give the same answers. With strace, the sweep is run once more and its reads and writes are counted: bar, no weight
file written, and each end loaded once, which is two mappings (the base is looked at for each alpha's distance). On the
miniature's base and two random steps from it; `--large` instead on a random model of about 100 M parameters, with
short answers.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import project  # noqa: F401  (before Frontier)
import torch

from compute.checkpoints import Manifest, describe, read_tensors, write_checkpoint
from compute.miniature.study import BASE_FOLDER

ROOT = Path(__file__).parents[2]
ALPHAS = (-0.5, -0.25, 0.25, 0.4, 0.5, 0.6, 0.75, 1.25, 1.5)
LARGE = {"hidden_size": 768, "intermediate_size": 2816, "num_hidden_layers": 12, "num_attention_heads": 12}
STEP = 0.02  # of a weight's own size: far enough that answers differ
MAPPED = re.compile(r"mmap\(.*<(?P<path>[^>]*\.safetensors)>")
WRITTEN = re.compile(r"openat\(.*\"(?P<path>[^\"]*\.safetensors)\", [A-Z_|]*O_(WRONLY|RDWR)")


def make_base(folder: Path, large: bool) -> None:
    if not large:
        shutil.copytree(BASE_FOLDER, folder)
        return
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    known = json.loads((BASE_FOLDER / "config.json").read_text())
    shape = LARGE | {"num_key_value_heads": LARGE["num_attention_heads"], "head_dim": None}
    model = LlamaForCausalLM(LlamaConfig(**{key: value for key, value in (known | shape).items() if value is not None}))
    own = folder.with_name("config-only")
    shutil.copytree(BASE_FOLDER, own)
    model.config.save_pretrained(own)
    stored = {name: tensor for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    write_checkpoint(folder, stored, Manifest(reference="base", origin="base"), files_from=own)


def make_end(base: Path, folder: Path, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    moved = {
        name: tensor + torch.randn(tensor.shape, generator=generator) * STEP * tensor.std()
        for name, tensor in read_tensors(base).items()
    }
    write_checkpoint(folder, moved, Manifest(reference=folder.name, origin="trained"), files_from=base)


class Bench:
    """`folder` holds base, low and high, and a set of problems."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        make_base(folder / "base", options.large)
        for seed, name in enumerate(("low", "high"), 1):
            make_end(folder / "base", folder / name, seed)
        each = {"easy": options.problems // 3, "medium": options.problems // 3, "hard": options.problems // 3}
        sets = {"train_reference": "train", "held_out_reference": "held-out", "train": {"easy": 1}, "held_out": each}
        self.job("problems", sets | {"folder": str(folder), "blobs": str(folder / "blobs")})
        self.asked = {
            "problems": {
                "reference": "held-out",
                "path": str(folder / "held-out.jsonl"),
                "blobs": str(folder / "blobs"),
            },
            "sampling": {"samples": options.samples, "max_tokens": 16 if options.large else 160},
            "initialisation": str(folder / "base"),
            "judge_cache": str(folder / "verdicts.sqlite"),
        }

    def weighted(self, alpha: float) -> list[dict[str, Any]]:
        pairs = (("low", 1 - alpha), ("high", alpha))
        return [{"reference": name, "folder": str(self.folder / name), "weight": weight} for name, weight in pairs]

    def sweep_config(self) -> dict[str, Any]:
        points = [
            {"evaluation": f"a{place}", "checkpoint": f"a{place}", "alpha": alpha, "ingredients": self.weighted(alpha)}
            for place, alpha in enumerate(ALPHAS)
        ]
        return self.asked | {"points": points}

    def job(self, kind: str, config: dict[str, Any], before: tuple[str, ...] = ()) -> tuple[float, list[dict]]:
        """Wall seconds and events of a job; `before` stands before the command."""
        path = self.folder / f"{kind}.json"
        path.write_text(json.dumps(config))
        environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
        started = time.perf_counter()
        command = [*before, sys.executable, "-m", "compute", kind, str(path)]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
        wall = time.perf_counter() - started
        events = [json.loads(line) for line in done.stdout.splitlines()]
        if not events or events[-1]["type"] != "finished":
            sys.exit(f"{kind}: {events[-1:]} {done.stderr[-2000:]}")
        return wall, events

    def materialised(self, alpha: float) -> tuple[float, float, list]:
        """Seconds of the merge and of its evaluation, and the answers; the folder is gone afterwards."""
        folder = self.folder / "merged"
        merge, _ = self.job("merge", {"reference": "m", "folder": str(folder), "ingredients": self.weighted(alpha)})
        alone = [{"reference": "m", "folder": str(folder), "weight": 1}]
        point = {"evaluation": "m", "checkpoint": "m", "ingredients": alone}
        evaluation, events = self.job("evaluate", self.asked | {"points": [point]})
        shutil.rmtree(folder)
        return merge, evaluation, answers(events, "m")

    def counted(self) -> None:
        """Trace the sweep: which weight files were mapped or opened to be written, by whichever of its processes."""
        trace = self.folder / "trace"
        if shutil.which("strace") is None:
            print("  strace is not installed: reads and writes are not counted")
            return
        self.job("evaluate", self.sweep_config(), ("strace", "-f", "-y", "-e", "trace=openat,mmap", "-o", str(trace)))
        lines = trace.read_text(errors="replace").splitlines()
        mapped = Counter(Path(found["path"]).parent.name for line in lines if (found := MAPPED.search(line)))
        written = [found["path"] for line in lines if (found := WRITTEN.search(line))]
        print(f"  weight files mapped, by checkpoint: {dict(mapped)}; weight files written: {len(written)} (bar 0)")


def answers(events: list[dict], evaluation: str) -> list[tuple]:
    """Everything that was sampled, in the order of problems."""
    samples = [one for e in events if e["type"] == "samples" and e["evaluation"] == evaluation for one in e["samples"]]
    return sorted((one["problem"], one["index"], one["program"], one["tokens"]) for one in samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=re.split(r"\n\n", __doc__ or "")[0])
    parser.add_argument("--large", action="store_true", help="a random model of about 100 M parameters")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--problems", type=int, default=24)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"load average {os.getloadavg()[0]:.2f}")
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), options)
        size = describe(Path(name) / "low").size_bytes
        bench.job("evaluate", bench.sweep_config())  # judges every program: verdicts are known from here on
        in_place, events = bench.job("evaluate", bench.sweep_config())
        merges, evaluations, same = 0.0, 0.0, []
        for place, alpha in enumerate(ALPHAS):
            merge, evaluation, found = bench.materialised(alpha)
            merges, evaluations = merges + merge, evaluations + evaluation
            same.append(found == answers(events, f"a{place}"))
        total = merges + evaluations
        print(
            f"{len(ALPHAS)} alphas of 2 x {size / 1e6:.1f} MB, {options.problems} problems x {options.samples} samples:"
        )
        print(f"  in place {in_place:.1f} s, of which {events[-1]['summary']['seconds']}")
        print(f"  materialised {total:.1f} s: merges {merges:.1f} s, evaluations {evaluations:.1f} s")
        print(f"  ratio {total / in_place:.1f}; answers identical at {sum(same)} of {len(same)} alphas")
        sys.stdout.flush()
        bench.counted()


if __name__ == "__main__":
    main()
