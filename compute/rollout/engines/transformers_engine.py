"""An engine on any causal language model of transformers, in this process.

Weights are set in place: each checkpoint folder is read once, an average is summed in float32 straight into the model,
and nothing is written. A weight of 1 gives the checkpoint bit for bit.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from compute.checkpoints import read_tensors
from compute.configs import Ingredient, Sampling
from compute.errors import EngineError
from compute.merging.methods import linear_in_place
from compute.rollout.engines import Completion, IsCancelled, never, tokens
from compute.rollout.engines.averages import Averages
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
        self.averages = Averages(initialisation)

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
        return self.averages.alarms()

    def close(self) -> None:
        self._read.clear()

    def _tensors(self, folder: Path) -> Tensors:
        if folder not in self._read:
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
