"""Prompts and answers of different lengths as one rectangle of token ids."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

NOT_SCORED = -100  # the label that torch's cross_entropy leaves out


class Answered(NamedTuple):
    """A prompt and one answer, as token ids. Only the answer is learnt from."""

    prompt: Sequence[int]
    answer: Sequence[int]

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.answer)


def padded(batch: Sequence[Answered], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and labels, (batch, longest) each; NOT_SCORED everywhere but on the answers' tokens.

    Padding stands on the right, where no token of a causal sequence sees it: a model needs no mask for it.
    """
    width = max(example.length for example in batch)
    tokens = torch.full((len(batch), width), pad)
    labels = torch.full((len(batch), width), NOT_SCORED)
    for row, example in enumerate(batch):
        start, end = len(example.prompt), example.length
        tokens[row, :end] = torch.tensor([*example.prompt, *example.answer])
        labels[row, start:end] = tokens[row, start:end]
    return tokens, labels
