"""Low-rank adapters by PEFT (arXiv 2106.09685): the one place that imports peft.

The base stays as it is. What is written is the base plus the adapter's difference, computed in float32 from the files
as `compute.merging` computes it, so that it averages like any checkpoint; the adapter lies in a folder inside.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file

from compute.checkpoints import (
    SINGLE_FILE,
    CheckpointFolder,
    Manifest,
    copy_other_files,
    describe,
    folder_being_written,
    read_tensors,
    safetensors_trouble,
)
from compute.configs import Lora
from compute.errors import ConfigError, MergeRefused
from compute.merging.adapters import WEIGHTS, open_adapter, refuse_other_base

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FOLDER = "adapter"


def with_adapter(model: "PreTrainedModel", lora: Lora, seed: int, start: CheckpointFolder) -> Any:
    """The model with an adapter that changes nothing yet. Raises ConfigError where it could not be merged later."""
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise ConfigError('lora: peft is not installed here; it is part of "frontier[ml]".') from None
    targets = lora.targets[0] if lora.targets == ("all-linear",) else list(lora.targets)
    torch.manual_seed(seed)
    try:
        chosen = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=targets, task_type="CAUSAL_LM")
        adapted = get_peft_model(model, chosen)
    except ValueError as error:
        raise ConfigError(f"lora: {str(error).splitlines()[0]}") from error
    with tempfile.TemporaryDirectory(prefix="frontier-lora-") as folder:
        write_adapter(Path(folder), adapted, adapted.state_dict())
        try:
            refuse_other_base(open_adapter(Path(folder), "the adapter"), "The adapter", start, "the initialisation")
        except MergeRefused as error:
            raise ConfigError(f"lora: {error}") from error
    return adapted


def write_adapter(folder: Path, model: Any, state: Mapping[str, torch.Tensor]) -> None:
    """As PEFT writes it. `state`: all weights of `model`, from wherever they lie."""
    from peft import get_peft_model_state_dict

    folder.mkdir(exist_ok=True)
    tensors = get_peft_model_state_dict(model, state_dict=dict(state), save_embedding_layers=False)
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, folder / WEIGHTS)
    model.peft_config["default"].save_pretrained(str(folder))


def write_merged(
    folder: Path, model: Any, state: Mapping[str, torch.Tensor], manifest: Manifest, start: CheckpointFolder
) -> CheckpointFolder:
    """Write the initialisation `start` with the adapter merged in, and the adapter. Raises StorageError."""
    with folder_being_written(folder, manifest) as writing, safetensors_trouble(folder):
        write_adapter(writing.path / FOLDER, model, state)
        adapter = open_adapter(writing.path / FOLDER, "the adapter")
        tensors = read_tensors(start.path)
        for name in adapter.factors:
            base = tensors[name]
            delta = adapter.delta(name, 0, base.numel()).view_as(base)
            tensors[name] = (base.float() + delta).to(base.dtype)
        save_file(tensors, writing.path / SINGLE_FILE, metadata={"format": "pt"})
        copy_other_files(start.path, writing.path)
    return describe(folder)
