"""Which checkpoints may be merged, and in one sentence what is wrong with those that may not.

Reads headers, configs and tokenizers, never tensors (but for a tied pair that is stored twice). Needs no torch.
"""

import re
from collections.abc import Sequence

from compute.checkpoints import CheckpointFolder, read_json
from compute.configs import Ingredient
from compute.errors import MergeRefused
from compute.merging.tied import independent_tensors, refuse_broken_tie
from compute.merging.tokenizers import template_difference, tokenizer_difference

WEIGHT_TOLERANCE = 1e-6
# Settings that change what equally named and shaped tensors mean.
ARCHITECTURE_KEYS = (
    "model_type", "num_attention_heads", "num_key_value_heads", "hidden_act", "rope_theta", "rope_parameters",
    "tie_word_embeddings",
)  # fmt: skip
NARROW_FLOAT = re.compile(r"F[468](_|$)")
WHY_NOT_QUANTISED = "averages of quantised numbers mean nothing; merge the unquantised weights and quantise the result"


def refuse_weights(ingredients: Sequence[Ingredient]) -> None:
    """Raises MergeRefused unless the weights sum to 1."""
    refuse_sum([ingredient.weight for ingredient in ingredients])


def refuse_sum(weights: Sequence[float], where: str = "") -> None:
    """Raises MergeRefused unless the weights sum to 1; `where` says for which tensors."""
    total = sum(weights)
    if abs(total - 1) > WEIGHT_TOLERANCE:
        raise MergeRefused(f"The weights{where} sum to {total:g}; those of an average sum to 1.")


def refuse_quantised(folder: CheckpointFolder, title: str) -> None:
    """Raises MergeRefused for GPTQ, AWQ, bitsandbytes, fp8 and whatever else says of itself that it is quantised."""
    settings = folder.config.get("quantization_config") or folder.config.get("compression_config")
    if settings is None and (folder.path / "quantize_config.json").exists():  # as AutoGPTQ wrote it
        settings = read_json(folder.path / "quantize_config.json") | {"quant_method": "gptq"}
    if isinstance(settings, dict):
        how = settings.get("quant_method") or "an unnamed method"
        raise MergeRefused(f"{title} is quantised ({how}): {WHY_NOT_QUANTISED}.")
    narrow = sorted(name for name, place in folder.tensors.items() if NARROW_FLOAT.match(place.dtype))
    if narrow:
        dtype = folder.tensors[narrow[0]].dtype
        raise MergeRefused(f"{title} is quantised ({narrow[0]} is {dtype}): {WHY_NOT_QUANTISED}.")


def refuse_mismatch(folders: Sequence[CheckpointFolder], titles: Sequence[str] | None = None) -> None:
    """Compare every checkpoint with the first. Raises MergeRefused with a sentence that says what differs.

    Quantised weights, names, shapes and types of tensors, the settings that give them meaning, the tokenizer, the chat
    template, and the initialisation. What a folder does not say (no tokenizer, no manifest) is not held against it.
    """
    titles = titles or [folder.path.name for folder in folders]
    for title, folder in zip(titles, folders, strict=True):
        refuse_quantised(folder, title)
        refuse_broken_tie(folder, title)
    for title, folder in zip(titles[1:], folders[1:], strict=True):
        difference = _difference(folders[0], titles[0], folder, title)
        if difference:
            raise MergeRefused(f"{titles[0]} and {title} cannot be averaged: {difference}.")


def _difference(a: CheckpointFolder, title_a: str, b: CheckpointFolder, title_b: str) -> str | None:
    return (
        _architecture(a, title_a, b, title_b)
        or _names(a, title_a, b, title_b)
        or _layout(a, title_a, b, title_b)
        or tokenizer_difference(a, title_a, b, title_b)
        or template_difference(a, title_a, b, title_b)
        or _initialisations(a, title_a, b, title_b)
    )


def _names(a: CheckpointFolder, title_a: str, b: CheckpointFolder, title_b: str) -> str | None:
    names_a, names_b = independent_tensors(a).keys(), independent_tensors(b).keys()
    only_a, only_b = sorted(names_a - names_b), sorted(names_b - names_a)
    phrases = [f"{_some(only_a)} only in {title_a}"] if only_a else []
    phrases += [f"{_some(only_b)} only in {title_b}"] if only_b else []
    return "tensors' names differ, " + " and ".join(phrases) if phrases else None


def _layout(a: CheckpointFolder, title_a: str, b: CheckpointFolder, title_b: str) -> str | None:
    for what in ("shape", "dtype"):
        names = sorted(independent_tensors(a))
        differing = [n for n in names if getattr(a.tensors[n], what) != getattr(b.tensors[n], what)]
        if differing:
            in_a, in_b = (spelled(getattr(f.tensors[differing[0]], what)) for f in (a, b))
            more = f" (and {len(differing) - 1} more differ)" if len(differing) > 1 else ""
            return f"{differing[0]} is {in_a} in {title_a} and {in_b} in {title_b}{more}"
    return None


def _architecture(a: CheckpointFolder, title_a: str, b: CheckpointFolder, title_b: str) -> str | None:
    for key in ARCHITECTURE_KEYS:
        if key in a.config and key in b.config and a.config[key] != b.config[key]:
            return f"{key} is {a.config[key]} in {title_a} and {b.config[key]} in {title_b}"
    return None


def _initialisations(a: CheckpointFolder, title_a: str, b: CheckpointFolder, title_b: str) -> str | None:
    one, other = a.base_sha256, b.base_sha256
    if one is None or other is None or one == other:
        return None
    return f"their initialisations differ ({one[:12]} for {title_a}, {other[:12]} for {title_b})"


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def spelled(value: object) -> str:
    """A shape as "300 x 7", a type as it is."""
    return " x ".join(map(str, value)) or "a single number" if isinstance(value, tuple) else str(value)
