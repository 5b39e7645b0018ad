"""Whether a job fits a device, before anything is loaded: the least memory it needs against the memory that is there.

The least: one answer at a time, with gradient checkpointing. So what is refused cannot run as it was asked for, and
what is not refused may still be too large in its batches. Jobs of other kinds, of models that `memory_plan` does not
count, and of checkpoints that are not written yet are never refused. Nothing here imports torch.
"""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from compute.configs import EvaluateConfig, JobConfig, TrainConfig
from compute.devices import Device, seen
from compute.errors import ComputeError, DoesNotFit
from compute.memory_plan import BFLOAT16, FLOAT32, USABLE_SHARE, Shape, read_shape

OFFLOADS = (  # what accelerate tells its processes
    "FSDP_OFFLOAD_PARAMS",
    "ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE",
    "ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE",
)
SHARDING = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")


class Part(NamedTuple):
    words: str
    size_bytes: int


class Need(NamedTuple):
    """What a job holds on its devices at one time, `parts` together on `devices` of them in equal shares."""

    job: str
    parts: tuple[Part, ...]
    devices: int = 1

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.parts)

    def in_words(self) -> str:
        parts = ", ".join(f"{part.words} {gigabytes(part.size_bytes)}" for part in self.parts)
        return f"{self.job} needs at least {gigabytes(self.size_bytes)}: {parts}"


def need_of(config: JobConfig, sharded_over: int = 1) -> Need | None:
    """None where it cannot be counted. `sharded_over`: devices that a training's state is spread over."""
    with suppress(ComputeError, OSError):
        if isinstance(config, TrainConfig):
            return _training(config, read_shape(str(config.initialisation)), sharded_over)
        if isinstance(config, EvaluateConfig) and config.engine in ("transformers", "vllm"):
            folder = config.points[0].ingredients[0].folder
            return _evaluation(config, read_shape(str(folder)), stored_width(folder))
    return None


def misfit(config: JobConfig, devices: Sequence[Device], sharded_over: int = 1) -> str | None:
    """Why the job cannot run on these devices, with the arithmetic; None where it can or where that is not known."""
    need = need_of(config, sharded_over)
    if need is None or not devices:
        return None
    smallest = min(sorted(devices, key=lambda one: -one.memory_bytes)[: need.devices], key=lambda one: one.memory_bytes)
    room = int(min(need.devices, len(devices)) * smallest.memory_bytes * USABLE_SHARE)
    if need.size_bytes <= room:
        return None
    number = f"{need.devices} × " if need.devices > 1 and len(devices) > 1 else ""
    has = f"{number}{smallest.name} of {gigabytes(smallest.memory_bytes)}"
    return f"{need.in_words()}. That is more than the {gigabytes(room)} that can be used of {has}."


def refuse_misfit(config: JobConfig) -> None:
    """For the process that will load the model. Raises DoesNotFit, and ConfigError for a wrong FRONTIER_DEVICES."""
    if any(os.environ.get(name, "").lower() in ("true", "1", "cpu", "nvme") for name in OFFLOADS):
        return
    sharded = any(os.environ.get(name, "").lower() in ("true", "1") for name in SHARDING)
    processes = int(os.environ.get("WORLD_SIZE", "1")) if sharded else 1
    devices = seen()
    if processes > len(devices):  # on several machines, as it is meant to be: all are taken to be alike
        devices = (devices * processes)[:processes]
    if sentence := misfit(config, devices, processes):
        raise DoesNotFit(sentence)


def stored_width(folder: Path) -> int:
    """Bytes of one weight as the checkpoint keeps it."""
    data = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    named = str(data.get("dtype") or data.get("torch_dtype") or "bfloat16")
    return FLOAT32 if named.endswith("float32") else BFLOAT16


def gigabytes(size_bytes: int) -> str:
    size = size_bytes / 1e9
    return f"{size:.1f} GB" if size >= 0.1 else f"{size_bytes / 1e6:.1f} MB"


def _training(config: TrainConfig, shape: Shape, devices: int) -> Need:
    width = FLOAT32 if config.dtype == "float32" else BFLOAT16
    weights = shape.parameters * width
    lora = config.lora
    learnt = shape.parameters if lora is None else shape.adapter_parameters(lora.rank, lora.targets)
    kept_of = 2 * FLOAT32 if width == FLOAT32 else 3 * FLOAT32
    kept = "Adam's two moments" if width == FLOAT32 else "the float32 copy and Adam's two moments"
    answer = config.max_tokens
    learning, sampling = shape.training_activation_bytes(answer), shape.cache_bytes_a_token * answer * width // BFLOAT16
    parts = [Part("weights", weights), Part("gradients", learnt * width), Part(kept, learnt * kept_of)]
    if lora is not None:
        parts.insert(1, Part(f"an adapter of rank {lora.rank}", learnt * width))
    if config.kl_coefficient > 0 and (lora is None or config.trainer == "compact"):  # TRL turns the adapter off
        parts.append(Part("the initialisation for the KL term", weights))
    if config.sampler == "vllm":
        parts.append(Part("vLLM's copy of the weights", shape.parameters * BFLOAT16))
    name = "activations" if learning >= sampling else "KV cache"
    parts.append(Part(f"{name} of one answer of {answer:,} tokens", max(learning, sampling)))
    return Need(f"Training {billions(shape)} in {config.dtype}", tuple(parts), devices)


def _evaluation(config: EvaluateConfig, shape: Shape, width: int) -> Need:
    width = {"float32": FLOAT32, "bfloat16": BFLOAT16, "float16": BFLOAT16}.get(
        config.vllm.dtype if config.engine == "vllm" else "", width
    )
    answer = config.sampling.max_tokens
    parts = (
        Part("weights", shape.parameters * width),
        Part(f"KV cache of one answer of {answer:,} tokens", shape.cache_bytes_a_token * answer * width // BFLOAT16),
    )
    devices = config.vllm.tensor_parallel if config.engine == "vllm" else 1
    return Need(f"Evaluating {billions(shape)} with {config.engine}", parts, devices)


def billions(shape: Shape) -> str:
    if shape.parameters >= 5e7:
        return f"{shape.parameters / 1e9:.2f} billion parameters"
    return f"{shape.parameters / 1e6:.2f} million parameters"
