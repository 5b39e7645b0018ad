"""An engine on any causal language model of transformers, in this process.

Weights are set in place: each checkpoint folder is read once, an average is summed in float32 straight into the model,
and nothing is written. A weight of 1 gives the checkpoint bit for bit.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from compute.checkpoints import CheckpointFolder, describe, read_tensors
from compute.configs import Ingredient, Sampling
from compute.errors import EngineError
from compute.merging.methods import linear_in_place
from compute.merging.refusals import refuse_mismatch, refuse_weights
from compute.rollout.engines import Completion, IsCancelled, never, tokens
from compute.rollout.policy import load_context, load_policy, stop_tokens
from compute.rollout.prompts import Prompt
from compute.rollout.sampler import CachedSampler

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
        self._folders: dict[Path, CheckpointFolder] = {}
        self._ingredients: tuple[Ingredient, ...] = ()
        self._initialisation = initialisation

    def set_weights(self, ingredients: Sequence[Ingredient]) -> None:
        refuse_weights(ingredients)
        sources = [self._tensors(ingredient.folder) for ingredient in ingredients]
        refuse_mismatch([self._folders[i.folder] for i in ingredients], [i.reference for i in ingredients])
        places = parameters_of(self.model)
        refuse_other_architecture(sources[0], places)
        linear_in_place(places, sources, [ingredient.weight for ingredient in ingredients])
        self._ingredients = tuple(ingredients)

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
        """`distance`: Euclidean, from the initialisation. `cosine`: between the deltas of two ingredients. None without
        an initialisation of this architecture."""
        if self._initialisation is None or not self._ingredients:
            return {"distance": None, "cosine": None}
        start = self._tensors(self._initialisation)
        places = parameters_of(self.model)
        if any(name not in places or places[name].shape != tensor.shape for name, tensor in start.items()):
            return {"distance": None, "cosine": None}  # not the start of these checkpoints
        squares = [(places[name].float().cpu() - start[name].float()).square().sum().item() for name in start]
        distance = math.sqrt(math.fsum(squares))
        if len(self._ingredients) != 2:
            return {"distance": distance, "cosine": None}
        first, second = (self._tensors(ingredient.folder) for ingredient in self._ingredients)
        return {"distance": distance, "cosine": cosine_of_deltas(start, first, second)}

    def close(self) -> None:
        self._read.clear()

    def _tensors(self, folder: Path) -> Tensors:
        if folder not in self._read:
            self._folders[folder] = describe(folder)
            self._read[folder] = read_tensors(folder)
        return self._read[folder]


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


def cosine_of_deltas(start: Tensors, first: Tensors, second: Tensors) -> float | None:
    """Cosine between two checkpoints' differences from `start`, all tensors as one vector. None when one is zero."""
    product = first_square = second_square = 0.0
    for name, origin in start.items():
        one = (first[name].float() - origin.float()).double()
        other = (second[name].float() - origin.float()).double()
        product += float((one * other).sum())
        first_square += float(one.square().sum())
        second_square += float(other.square().sum())
    norm = math.sqrt(first_square * second_square)
    return product / norm if norm > 0 else None
