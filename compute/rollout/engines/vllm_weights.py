"""What vLLM's own processes do to become an average: each reads the checkpoints itself and sums them in place.

vLLM mixes `SetsAverage` into its workers (`worker_extension_cls`), so no tensor travels between processes: every worker
of a tensor-parallel group maps the same files, sums one tensor at a time in float32, and keeps its own shard. Nothing
is written. It runs under vLLM's interpreter and imports nothing of vLLM.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compute.checkpoints import read_tensors
from compute.merging.methods import linear

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


class SetsAverage:
    """A part of vLLM's worker. The caller empties the cache of prefixes afterwards."""

    reload_weights: Callable[..., None]  # these two are the worker's own
    model_runner: Any

    def set_average(self, terms: str) -> int:
        """`terms`: JSON, a list of (folder, weight). Returns how many tensors were set."""
        pairs = [(Path(folder), float(weight)) for folder, weight in json.loads(terms)]
        known: dict[Path, dict[str, Tensor]] = self.__dict__.setdefault("checkpoints_read", {})
        for folder, _ in pairs:
            if folder not in known:
                known[folder] = read_tensors(folder)
        sources = [known[folder] for folder, _ in pairs]
        self.reload_weights(weights_iterator=averages(sources, [weight for _, weight in pairs]))
        repack_tied(self.model_runner.get_model())
        return len(sources[0])

    def load_checkpoint(self, folder: str) -> None:
        self.reload_weights(weights_path=folder)
        repack_tied(self.model_runner.get_model())


def averages(sources: Sequence[dict[str, "Tensor"]], weights: Sequence[float]) -> Iterator[tuple[str, "Tensor"]]:
    for name in sources[0]:
        yield name, linear([source[name] for source in sources], weights, name=name)


def repack_tied(model: "Module") -> None:
    """vLLM 0.32 passes over a layer whose weight is another's (a tied output head) when it reloads, and on the CPU that
    layer would go on computing with a packed copy of the old weight."""
    seen: set[int] = set()
    for layer in model.modules():
        weight, method = getattr(layer, "weight", None), getattr(layer, "quant_method", None)
        if weight is None or weight.numel() == 0:
            continue
        if weight.data_ptr() in seen and method is not None:
            method.process_weights_after_loading(layer)
        seen.add(weight.data_ptr())
