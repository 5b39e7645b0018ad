"""LoRA adapters as PEFT writes them: a low-rank difference for some of a base's matrices (arXiv 2106.09685).

delta = scaling x B A, computed in float32 for the rows that a piece needs, so no full matrix is held; scaling is
lora_alpha / r, or lora_alpha / sqrt(r) with rsLoRA, and patterns of both are heeded. Embeddings and transposed layers
are covered. Refused with a reason: DoRA and other variants, biases, whole modules saved beside the matrices,
convolutions, initialisations that changed the base (PiSSA, ...), and matrices of tied embeddings.
"""

import json
import math
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from compute.checkpoints import CheckpointFolder, TensorPlace, file_sha256, read_header, read_json, weights_sha256
from compute.errors import MergeRefused, MissingInput
from compute.merging.refusals import spelled

if TYPE_CHECKING:
    from torch import Tensor

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
FACTOR = re.compile(r"(?P<module>.+)\.lora_(?P<embedding>embedding_)?(?P<side>[AB])(\.weight)?")
# Settings under which B A is not the difference, whatever tensors are stored.
VARIANTS = (
    "use_dora", "use_qalora", "use_bdlora", "lora_bias", "layer_replication", "target_parameters", "modules_to_save",
    "trainable_token_indices", "alora_invocation_tokens", "arrow_config", "kasa_config", "monteclora_config",
)  # fmt: skip
CHANGED_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")


class Factors(NamedTuple):
    """Names of A (rank, inputs) and B (outputs, rank) within the file. `transposed`: the base stores (B A)^T."""

    a: str
    b: str
    transposed: bool
    scaling: float


@dataclass
class Adapter:
    """`factors`: by the name of the base's tensor."""

    path: Path
    factors: dict[str, Factors]
    places: dict[str, TensorPlace]
    _loaded: tuple[str, "Tensor", "Tensor"] | None = field(default=None, repr=False)

    @cached_property
    def sha256(self) -> str:
        """Identifies the weights and, since the scaling lies there, the settings."""
        return weights_sha256({name: file_sha256(self.path / name) for name in (CONFIG, WEIGHTS)})

    def shape(self, name: str) -> tuple[int, int]:
        """Of the difference, as the base stores it."""
        factors = self.factors[name]
        outputs, inputs = self.places[factors.b].shape[0], self.places[factors.a].shape[1]
        return (inputs, outputs) if factors.transposed else (outputs, inputs)

    def delta(self, name: str, first: int, count: int) -> "Tensor":
        """(count,) float32 entries of the flattened difference, from the entry `first`."""
        left, right = self._matrices(name)
        columns = right.shape[1]
        top, bottom = first // columns, -(-(first + count) // columns)
        rows = (left[top:bottom] @ right).mul_(self.factors[name].scaling)
        return rows.flatten()[first - top * columns :][:count]

    def _matrices(self, name: str) -> tuple["Tensor", "Tensor"]:
        """The two factors of a tensor, ordered for its rows; those of the last asked stay loaded."""
        if self._loaded is None or self._loaded[0] != name:
            from safetensors import safe_open

            factors = self.factors[name]
            with safe_open(self.path / WEIGHTS, "pt") as file:
                a, b = file.get_tensor(factors.a).float(), file.get_tensor(factors.b).float()
            self._loaded = (name, a.T.contiguous(), b.T.contiguous()) if factors.transposed else (name, b, a)
        return self._loaded[1:]


def is_adapter(folder: Path) -> bool:
    return (folder / CONFIG).exists()


def open_adapter(folder: Path, title: str) -> Adapter:
    """Read an adapter's header and settings. Raises MissingInput, MergeRefused."""
    settings = read_json(folder / CONFIG)
    if not (folder / WEIGHTS).exists() and (folder / "adapter_model.bin").exists():
        raise MissingInput(f"{folder} has its adapter in adapter_model.bin; save it as {WEIGHTS}.")
    places = read_header(folder / WEIGHTS).tensors
    _refuse_variant(settings, title)
    sides: dict[str, dict[str, str]] = {}
    embeddings = set()
    for key in places:
        match = FACTOR.fullmatch(key)
        if match is None:
            raise MergeRefused(f"{title} holds {key}, which is no low-rank matrix: merge it with PEFT instead.")
        module = match["module"].removeprefix(PREFIX)
        sides.setdefault(module, {})[match["side"]] = key
        if match["embedding"]:
            embeddings.add(module)
    factors = {}
    for module, keys in sides.items():
        if keys.keys() != {"A", "B"} or any(len(places[key].shape) != 2 for key in keys.values()):
            raise MergeRefused(f"{title} has no pair of matrices for {module}: merge it with PEFT instead.")
        rank = places[keys["A"]].shape[0]
        if places[keys["B"]].shape[1] != rank:
            raise MergeRefused(f"{title} has matrices of different ranks for {module}.")
        transposed = module in embeddings or bool(settings.get("fan_in_fan_out"))
        factors[f"{module}.weight"] = Factors(keys["A"], keys["B"], transposed, _scaling(settings, module, rank))
    return Adapter(folder, factors, places)


def refuse_other_base(adapter: Adapter, title: str, base: CheckpointFolder, base_title: str) -> None:
    """Raises MergeRefused unless every matrix of the adapter fits a tensor of the base that is used once."""
    pair = base.tied_pair
    for name in sorted(adapter.factors):
        if pair and name in pair:
            raise MergeRefused(
                f"{title} changes {name}, but {base_title} ties {pair[0]} to {pair[1]}: a merge would change both."
            )
        if name not in base.tensors:
            raise MergeRefused(f"{title} changes {name}, which {base_title} does not have: it is of another base.")
        if adapter.shape(name) != base.tensors[name].shape:
            shapes = spelled(adapter.shape(name)), spelled(base.tensors[name].shape)
            raise MergeRefused(f"{title} changes {name} as {shapes[0]}, but it is {shapes[1]} in {base_title}.")


def _refuse_variant(settings: dict[str, Any], title: str) -> None:
    kind = settings.get("peft_type")
    if kind != "LORA":
        raise MergeRefused(f"{title} is an adapter of type {kind}; only LORA can be merged.")
    for key in VARIANTS:
        if settings.get(key):
            given = json.dumps(settings[key])
            raise MergeRefused(f"{title} has {key} {given:.60}, which is more than a low-rank difference.")
    if settings.get("bias", "none") != "none":
        raise MergeRefused(f"{title} has trained biases (bias {settings['bias']}), which are not in its matrices.")
    start = settings.get("init_lora_weights")
    if isinstance(start, str) and start.lower().startswith(CHANGED_BASE):
        raise MergeRefused(f"{title} began from {start}, which changed the base: convert it to plain LoRA with PEFT.")


def _scaling(settings: dict[str, Any], module: str, rank: int) -> float:
    patterns = settings.get("alpha_pattern") or {}
    named = (value for key, value in patterns.items() if re.match(rf"(.*\.)?({key})$", module))
    alpha = float(next(named, settings.get("lora_alpha", 8)))
    return alpha / (math.sqrt(rank) if settings.get("use_rslora") else rank)
