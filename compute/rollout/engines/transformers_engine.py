"""An engine on any causal language model of transformers, in this process.

Weights are set in place: each checkpoint folder is read once, an average is summed in float32 straight into the model,
and nothing is written. A weight of 1 gives the checkpoint bit for bit.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from compute.checkpoints import CheckpointFolder, describe, read_each, read_tensors
from compute.configs import Ingredient, Sampling
from compute.errors import EngineError
from compute.merging.geometry import tensor_geometry
from compute.merging.methods import linear_in_place
from compute.merging.tied import first_copy, independent_tensors
from compute.rollout.engines import Completion, IsCancelled, never, tokens
from compute.rollout.engines.averages import Averages
from compute.rollout.policy import load_context, load_policy, stop_tokens
from compute.rollout.prompts import Prompt
from compute.rollout.sampler import CachedSampler
from compute.stats.deltas import NOTHING

Tensors = dict[str, torch.Tensor]


class TransformersEngine:
    """`folder`: a checkpoint that gives the architecture, the tokenizer and the first weights. `initialisation`: the
    start shared by the checkpoints, from which distances are measured. Raises MissingInput, EngineError."""

    def __init__(self, folder: Path, initialisation: Path | None = None) -> None:
        self.model, self.tokenizer = load_policy(folder, dtype="auto")
        pad = self.tokenizer.pad_token_id
        self.sampler = CachedSampler(
            self.model, stop_tokens(self.model.generation_config, self.tokenizer), 0 if pad is None else pad
        )
        self.context_tokens: int | None = load_context(folder)
        self._read: dict[Path, Tensors] = {}
        self._cosines: dict[tuple[Path, ...], float | None] = {}
        self.averages = Averages(initialisation)
        if (loaded := as_stored(describe(folder), parameters_of(self.model))) is not None:
            self._read[folder] = loaded

    def set_weights(self, ingredients: Sequence[Ingredient]) -> None:
        self.averages.terms(ingredients)
        sources = [self._tensors(ingredient.folder) for ingredient in ingredients]
        places = parameters_of(self.model)
        refuse_other_architecture(sources[0], places)
        linear_in_place(places, sources, [ingredient.weight for ingredient in ingredients])

    def generate(
        self, prompts: Sequence[Prompt], keys: Sequence[str], sampling: Sampling, cancelled: IsCancelled = never
    ) -> list[list[Completion]]:
        questions = [tokens.asked(self.tokenizer, prompt) for prompt in prompts]
        groups = self.sampler.draw(
            [question.tokens for question in questions],
            keys,
            sampling.samples,
            seed=sampling.seed,
            temperature=sampling.temperature,
            max_tokens=sampling.max_tokens,
            cancelled=cancelled,
        )
        return [
            [tokens.completion_of(self.tokenizer, question, tokens.Answered(*draw)) for draw in group]
            for question, group in zip(questions, groups, strict=True)
        ]

    def alarms(self) -> dict[str, float | None]:
        """`distance`: Euclidean, measured on the weights that are set. `cosine`: between the deltas of two ingredients.
        None without an initialisation of this architecture."""
        start = self.averages.start()
        if start is None:
            return {"distance": None, "cosine": None}
        folders = self.averages.ingredient_folders()
        ends = [(folder, self._tensors(folder.path)) for folder in folders]
        pair = tuple(folder.path for folder in folders)
        measures_pair = len(folders) == 2 and pair not in self._cosines
        places, moved, deltas = parameters_of(self.model), NOTHING, NOTHING
        for name, origin in read_each(start, independent_tensors(start)):
            if not origin.is_floating_point():
                continue
            moved += tensor_geometry(origin, places[name], places[name])
            if measures_pair:
                deltas += tensor_geometry(origin, *(tensors[first_copy(folder, name)] for folder, tensors in ends))
        if measures_pair:
            self._cosines[pair] = deltas.cosine
        return {"distance": moved.low_norm, "cosine": self._cosines.get(pair)}

    def close(self) -> None:
        self._read.clear()

    def _tensors(self, folder: Path) -> Tensors:
        if folder not in self._read:
            self._read[folder] = read_tensors(folder)
        return self._read[folder]


def as_stored(folder: CheckpointFolder, places: Tensors) -> Tensors | None:
    """A copy of what a model holds that was loaded from `folder`, which need then not be read again; None where the
    model holds it otherwise than it is stored, in another type say."""
    from compute.merging.streams import FLOATS

    for name, stored in folder.tensors.items():
        place = places.get(name)
        if place is None or FLOATS.get(stored.dtype) != place.dtype or tuple(place.shape) != tuple(stored.shape):
            return None
    return {name: places[name].detach().to("cpu", copy=True) for name in folder.tensors}


def refuse_other_architecture(stored: Tensors, places: Tensors) -> None:
    """Raises EngineError unless every stored tensor fits a place, and every place is filled or tied to one that is."""
    for name, tensor in stored.items():
        if name not in places or places[name].shape != tensor.shape:
            raise EngineError(f"The tensor {name} {list(tensor.shape)} does not fit the loaded model.")
    filled = {places[name].data_ptr() for name in stored}
    for name, place in places.items():
        if place.data_ptr() not in filled:
            raise EngineError(f"The tensor {name} is missing from a checkpoint.")


def parameters_of(model: torch.nn.Module) -> Tensors:
    """Name -> tensor, with every name of a tied tensor."""
    return {name: parameter.data for name, parameter in model.named_parameters(remove_duplicate=False)}
