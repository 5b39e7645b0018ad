"""Written merges against `cp -r` and mergekit, on the same disk in the same run.

    python tests/benchmarks/bench_merge.py [--folder FOLDER] [--mergekit PYTHON] [--methods]

Two bfloat16 checkpoints of about 500 M parameters in four files are made and merged at alpha 1.25; so are two of about
125 M. Bars: at most 3 times `cp -r` of one of them, at least 5 times faster than mergekit, all tensors bit-identical to
mergekit's float32 linear merge, anonymous memory below 512 MiB and independent of the size. Everybody is a process of
its own with one thread of arithmetic. `cp -r` is compared with the work alone, as a worker does it, and mergekit, whose
command starts an interpreter as well, from start to end.
Rounds alternate, and the fastest of each is compared. PYTHON is an interpreter that has mergekit; without it the
reference is the same sum over whole tensors in this process. `--methods` measures every other method too. Writes only
into a temporary folder of about 5 GB.
"""

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import project  # noqa: F401  (before Frontier)
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from compute.checkpoints import Manifest, copy_other_files, describe, file_sha256, folder_being_written
from compute.configs import parse_config

ROOT = Path(__file__).parents[2]
ALPHA, ROUNDS, FILES = 1.25, 3, 4
# Of Qwen 2's architecture: width, width of the feed-forward part, layers, vocabulary.
SIZES = {"125 M": (768, 2560, 10, 32_000), "500 M": (1024, 4864, 20, 151_936)}
METHODS = {
    "slerp": {},
    "task_arithmetic": {"base": True},
    "ties": {"base": True, "density": 0.2},
    "dare": {"base": True, "density": 0.2},
}
CHILD = """
import json, resource, sys, threading, time
from pathlib import Path
from compute.configs import read_config
from compute.merging import merge

def anonymous():
    return int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0]) / 1024

before, peak, done = anonymous(), 0.0, threading.Event()
def watch():
    global peak
    while not done.wait(0.005):
        peak = max(peak, anonymous())
watcher = threading.Thread(target=watch, daemon=True)
watcher.start()
started = time.perf_counter()
merge.run(read_config(Path(sys.argv[1]), "merge"), lambda event: None, lambda: False)
seconds = time.perf_counter() - started
done.set()
watcher.join()
print(json.dumps({"seconds": seconds, "before": before, "peak": peak}))
"""


class Run(NamedTuple):
    """`work_seconds`: without the start of the interpreter; the processor's seconds are of the whole process."""

    wall_seconds: float
    cpu_seconds: float
    work_seconds: float
    anonymous_before_mib: float
    anonymous_peak_mib: float


def shapes(width: int, inner: int, layers: int, words: int) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (words, width)}
    for layer in range(layers):
        at = f"model.layers.{layer}"
        for name in ("q", "k", "v", "o"):
            found[f"{at}.self_attn.{name}_proj.weight"] = (width, width)
        found |= {f"{at}.mlp.{name}_proj.weight": (inner, width) for name in ("gate", "up")}
        found[f"{at}.mlp.down_proj.weight"] = (width, inner)
        found |= {f"{at}.self_attn.{name}_proj.bias": (width,) for name in ("q", "k", "v")}
        found |= {f"{at}.{name}_layernorm.weight": (width,) for name in ("input", "post_attention")}
    return found | {"model.norm.weight": (width,)}


def settings(width: int, inner: int, layers: int, words: int) -> dict[str, object]:
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": width // 64,
        "num_key_value_heads": width // 64,
        "vocab_size": words,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
    }


def dealt(sizes: dict[str, tuple[int, ...]]) -> list[list[str]]:
    """Names in order, cut into files of about the same size."""
    numbers = {name: torch.Size(shape).numel() for name, shape in sizes.items()}
    files: list[list[str]] = [[] for _ in range(FILES)]
    so_far, total = 0, sum(numbers.values())
    for name, count in numbers.items():
        files[min(FILES - 1, so_far * FILES // total)].append(name)
        so_far += count
    return files


def make(folder: Path, size: tuple[int, int, int, int], seed: int, start: Path | None = None) -> None:
    """Random weights; with `start`, that checkpoint a small random step further, as training leaves it."""
    generator = torch.Generator().manual_seed(seed)
    wanted = shapes(*size)
    weight_map = {}
    with folder_being_written(folder, Manifest(reference=folder.name, origin="trained")) as writing:
        for number, names in enumerate(dealt(wanted), 1):
            file = f"model-{number:05d}-of-{FILES:05d}.safetensors"
            content = {name: torch.randn(wanted[name], generator=generator).mul_(0.02) for name in names}
            if start is not None:
                with safe_open(start / file, "pt") as origin:
                    content = {name: origin.get_tensor(name) + step * 0.1 for name, step in content.items()}
            save_file({name: one.bfloat16() for name, one in content.items()}, writing.path / file, {"format": "pt"})
            weight_map |= dict.fromkeys(names, file)
        index = {"metadata": {}, "weight_map": weight_map}
        (writing.path / "model.safetensors.index.json").write_text(json.dumps(index))
        (writing.path / "config.json").write_text(json.dumps(settings(*size)))
        copy_other_files_of_the_miniature(writing.path)


def copy_other_files_of_the_miniature(folder: Path) -> None:
    """Its tokenizer, which mergekit wants to copy."""
    kept = (folder / "config.json").read_text()
    copy_other_files(ROOT / "compute" / "miniature" / "base", folder)
    (folder / "config.json").write_text(kept)


def merged(folder: Path, method: str = "linear", **more: object) -> Run:
    """Merge `folder`/low and /high into /merged with a process of its own."""
    shutil.rmtree(folder / "merged", ignore_errors=True)
    weights = (1.0, 1.0) if method == "ties" else (1 - ALPHA, ALPHA)
    ingredients = [
        {"reference": name, "folder": str(folder / name), "weight": weight}
        for name, weight in zip(("low", "high"), weights, strict=True)
    ]
    if more.get("base"):
        more["base"] = {"reference": "base", "folder": str(folder / "base")}
    given = {"kind": "merge", "reference": "m", "folder": str(folder / "merged"), "method": method} | more
    config = parse_config(given | {"ingredients": ingredients})
    (folder / "merge.json").write_text(config.model_dump_json())
    command = [sys.executable, "-c", CHILD, str(folder / "merge.json")]
    wall, cpu, output = timed(command)
    said = json.loads(output)
    return Run(wall, cpu, said["seconds"], said["before"], said["peak"])


def timed(command: Sequence[str | Path]) -> tuple[float, float, str]:
    """Wall and processor seconds of a process, and what it printed."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=one_thread(), capture_output=True, text=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def one_thread() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def copied(folder: Path) -> float:
    shutil.rmtree(folder / "copy", ignore_errors=True)
    seconds, _, _ = timed(["cp", "-r", folder / "low", folder / "copy"])
    shutil.rmtree(folder / "copy")
    return seconds


def merged_by_mergekit(folder: Path, python: Path) -> tuple[float, float]:
    """Its linear method in float32, written as bfloat16 into `folder`/reference. Wall and processor seconds."""
    shutil.rmtree(folder / "reference", ignore_errors=True)
    recipe = {
        "merge_method": "linear",
        "models": [
            {"model": str(folder / "low"), "parameters": {"weight": 1 - ALPHA}},
            {"model": str(folder / "high"), "parameters": {"weight": ALPHA}},
        ],
        "dtype": "float32",
        "out_dtype": "bfloat16",
    }
    (folder / "mergekit.yaml").write_text(json.dumps(recipe))  # JSON is YAML
    wall, cpu, _ = timed([python.parent / "mergekit-yaml", folder / "mergekit.yaml", folder / "reference"])
    return wall, cpu


def tensors_of(folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118  (no mapping)
                yield name, file.get_tensor(name)


def expected(folder: Path, mergekit: Path | None) -> Iterator[tuple[str, torch.Tensor]]:
    """What a linear merge should be: mergekit's tensors, or whole tensors stacked, weighted and summed."""
    if mergekit is not None:
        yield from tensors_of(folder / "reference")
        return
    weights = torch.tensor([1 - ALPHA, ALPHA])
    for (name, low), (_, high) in zip(tensors_of(folder / "low"), tensors_of(folder / "high"), strict=True):
        stacked = torch.stack([low.float(), high.float()])
        yield name, (stacked * weights.view(2, *[1] * low.dim())).sum(dim=0).to(low.dtype)


def differing(folder: Path, mergekit: Path | None) -> list[str]:
    """Names of tensors that are not those of the reference, bit for bit."""
    places = {name: folder / "merged" / place.file for name, place in describe(folder / "merged").tensors.items()}
    wrong = []
    for name, reference in expected(folder, mergekit):
        with safe_open(places.pop(name), "pt") as file:
            one = file.get_tensor(name)
        if one.dtype != reference.dtype or not torch.equal(one.view(torch.int16), reference.view(torch.int16)):
            wrong.append(name)
    return wrong + list(places)


def measure(folder: Path, label: str, mergekit: Path | None, methods: bool) -> Run:
    size = SIZES[label]
    make(folder / "base", size, 0)
    make(folder / "low", size, 1, folder / "base")
    make(folder / "high", size, 2, folder / "base")
    if not methods:
        shutil.rmtree(folder / "base")
    low = describe(folder / "low")
    numbers = sum(torch.Size(place.shape).numel() for place in low.tensors.values())
    copies, runs, theirs = [], [], []
    for _ in range(ROUNDS):
        copies.append(copied(folder))
        runs.append(merged(folder))
        if mergekit is not None:
            theirs.append(merged_by_mergekit(folder, mergekit))
    best = min(runs, key=lambda one: one.wall_seconds)
    work = min(one.work_seconds for one in runs)
    started = time.perf_counter()
    for file in low.files:
        file_sha256(file.path)
    hashing = time.perf_counter() - started
    print(f"{numbers / 1e6:.0f} M parameters in {FILES} files, {low.size_bytes / 1e6:.0f} MB:")
    print(f"  cp -r {min(copies):.2f} s; merge {work:.2f} s, with the interpreter {best.wall_seconds:.2f} s")
    print(f"  ratio to cp -r {work / min(copies):.2f} (bar 3; its SHA-256 alone takes {hashing:.2f} s of another core)")
    if theirs:
        wall, cpu = map(min, zip(*theirs, strict=True))
        ours = min(one.cpu_seconds for one in runs)
        print(f"  mergekit {wall:.2f} s, {wall / best.wall_seconds:.1f} times the merge (bar 5)")
        print(f"  processor seconds: mergekit {cpu:.2f}, merge {ours:.2f}, ratio {cpu / ours:.1f}")
    wrong = differing(folder, mergekit)
    whose = "mergekit's" if mergekit else "the sum over whole tensors"
    print(f"  tensors not bit-identical to {whose}: {len(wrong)} of {len(low.tensors)} {wrong[:3] or ''}")
    memory = best.anonymous_before_mib, best.anonymous_peak_mib
    print(f"  anonymous memory: {memory[0]:.0f} MiB before, at most {memory[1]:.0f} (bar 512)")
    for method, more in METHODS.items() if methods else ():
        run = merged(folder, method, **more)
        ratio = run.work_seconds / min(copies)
        print(
            f"  {method}: {run.work_seconds:.2f} s, {ratio:.1f} times cp -r, at most {run.anonymous_peak_mib:.0f} MiB"
        )
    sys.stdout.flush()
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=re.split(r"\n\n", __doc__ or "")[0])
    parser.add_argument("--folder", type=Path, help="where to write; the system's temporary folder without")
    parser.add_argument("--mergekit", type=Path, metavar="PYTHON", help="an interpreter with mergekit")
    parser.add_argument("--methods", action="store_true", help="measure the other methods too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    peaks = {}
    for label in SIZES:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            peaks[label] = measure(Path(folder), label, options.mergekit, options.methods).anonymous_peak_mib
    print("anonymous memory by size: " + ", ".join(f"{label} {peak:.0f} MiB" for label, peak in peaks.items()))


if __name__ == "__main__":
    main()
