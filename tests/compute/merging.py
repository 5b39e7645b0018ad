"""Checkpoints and adapters of a few numbers, for tests of merges."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from compute.checkpoints import Manifest, write_checkpoint
from compute.configs import MergeConfig, parse_config
from compute.events import Event
from compute.merging import merge

BASE = "b" * 64
Tensors = dict[str, torch.Tensor]
SHAPES = {
    "model.embed_tokens.weight": (30, 8),
    "model.layers.0.mlp.weight": (8, 8),
    "model.layers.1.mlp.weight": (8, 8),
    "model.layers.10.mlp.weight": (8, 8),
    "model.norm.weight": (8,),
    "model.empty": (0, 3),
}


def tensors(seed: int, dtype: torch.dtype = torch.float32) -> Tensors:
    generator = torch.Generator().manual_seed(seed)
    drawn = {name: torch.randn(shape, generator=generator).to(dtype) for name, shape in SHAPES.items()}
    return drawn | {"model.position_ids": torch.arange(5)}


def checkpoint(
    folder: Path,
    content: Tensors,
    *,
    config: dict[str, Any] | None = None,
    base: str | None = BASE,
    parts: list[list[str]] | None = None,
) -> Path:
    """A checkpoint with a config and a manifest that names its initialisation, spread over files by `parts`."""
    source = folder.with_name(f"{folder.name}-files")
    source.mkdir(parents=True)
    (source / "config.json").write_text(json.dumps({"model_type": "tiny"} | (config or {})))
    write_checkpoint(folder, content, Manifest(reference="x", origin="trained", base_sha256=base), files_from=source)
    if parts is None:
        return folder
    (folder / "model.safetensors").unlink()
    (folder / "manifest.json").unlink()
    names = [f"model-{number:05d}-of-{len(parts):05d}.safetensors" for number in range(1, len(parts) + 1)]
    for file, part in zip(names, parts, strict=True):
        save_file({name: content[name] for name in part}, folder / file, metadata={"format": "pt"})
    weight_map = {name: file for file, part in zip(names, parts, strict=True) for name in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


def adapter(folder: Path, factors: Tensors, **settings: object) -> Path:
    """A LoRA adapter in PEFT's files; names of tensors are given without PEFT's prefix."""
    folder.mkdir(parents=True)
    written = {f"base_model.model.{name}": tensor for name, tensor in factors.items()}
    save_file(written, folder / "adapter_model.safetensors")
    usual = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "bias": "none", "init_lora_weights": True}
    (folder / "adapter_config.json").write_text(json.dumps(usual | settings))
    return folder


def config(tmp_path: Path, method: str, *terms: tuple[str, float], **more: Any) -> MergeConfig:
    """A merge of folders by their names; `base` too is a name."""
    if "base" in more:
        more["base"] = {"reference": more["base"], "folder": tmp_path / more["base"]}
    ingredients = [{"reference": name, "folder": tmp_path / name, "weight": weight} for name, weight in terms]
    given = {"kind": "merge", "reference": "merged", "folder": tmp_path / "merged", "method": method} | more
    parsed = parse_config(given | {"ingredients": ingredients})
    assert isinstance(parsed, MergeConfig)
    return parsed


def run(merge_config: MergeConfig, events: list[Event] | None = None) -> dict[str, object]:
    return merge.run(merge_config, (events if events is not None else []).append, lambda: False)
