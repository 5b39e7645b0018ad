"""Batched, KV-cached sampling from any causal language model of transformers, the same for training and evaluation.

Every answer has its own stream of uniform numbers, named by (seed, key, index), and each token is the inverse of the
model's cumulative distribution at the next one. So an answer depends neither on the batch it is drawn in nor on what
was drawn before (up to rounding inside the model, which may differ with the shape of the batch), and checkpoints that
lie close together give close answers. Rows that ended leave the batch; nothing is drawn for them.
"""

import hashlib
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from compute.errors import Cancelled

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel

# transformers 5.24 would have it called `cache`, which 5.20 and some of its own models do not know.
warnings.filterwarnings("ignore", message="`past_key_values` is deprecated", category=FutureWarning)
UNIFORMS_AT_ONCE = 64
SHRINK_BELOW = 0.8  # drop ended rows when fewer than this share are alive: selecting costs about one step


class Draw(NamedTuple):
    """One sampled answer. `log_likelihoods`: one a token, in nats, at the sampling temperature (at 1 when greedy).

    `stopped`: the last token is one of the stop tokens; otherwise the answer was cut at its longest length.
    """

    tokens: list[int]
    log_likelihoods: list[float]
    stopped: bool


class UniformStreams:
    """One stream of numbers in [0, 1) for each of some answers."""

    def __init__(self, seed: int, keys: Sequence[str], samples: int) -> None:
        self._generators = [_generator(seed, key, index) for key in keys for index in range(samples)]
        self._block = np.empty((len(self._generators), UNIFORMS_AT_ONCE))

    def column(self, step: int, rows: np.ndarray) -> np.ndarray:
        """Number `step` of each of `rows`; steps must be asked for in order. Shape (rows,)."""
        place = step % UNIFORMS_AT_ONCE
        if place == 0:
            for row in rows:
                self._block[row] = self._generators[row].random(UNIFORMS_AT_ONCE)
        return self._block[rows, place]


def _generator(seed: int, key: str, index: int) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}\n{key}\n{index}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


class CachedSampler:
    """Draws from `model` as it is at the time of the call.

    `stop_tokens`: token ids that end an answer and belong to it. `pad_token`: any token id.
    """

    def __init__(self, model: "PreTrainedModel", stop_tokens: Sequence[int], pad_token: int) -> None:
        self.model = model
        self.stop_tokens = torch.tensor(sorted(set(stop_tokens)), device=model.device)
        self.pad_token = pad_token

    @torch.no_grad()
    def draw(
        self,
        prompts: Sequence[Sequence[int]],
        keys: Sequence[str],
        samples: int,
        *,
        seed: int,
        temperature: float,
        max_tokens: int,
        cancelled: Callable[[], bool] = lambda: False,
        ended: Callable[[int, list[int]], None] | None = None,
    ) -> list[list[Draw]]:
        """`samples` answers to each prompt (token ids), with the random numbers of (`seed`, key, index).

        `cancelled` is asked before every token. `ended` hears of an answer as soon as its stop token is drawn, while
        others go on: the prompt's place and the tokens. Raises Cancelled.
        """
        from transformers import DynamicCache

        was_training = self.model.training
        self.model.eval()
        streams = UniformStreams(seed, keys, samples)
        cache = DynamicCache(config=self.model.config)
        logits, mask = self._read_prompts(prompts, cache)
        cache.batch_repeat_interleave(samples)
        logits, mask = logits.repeat_interleave(samples, 0), mask.repeat_interleave(samples, 0)
        positions = mask.sum(1)
        rows = np.arange(len(prompts) * samples)
        alive = torch.ones(len(rows), dtype=torch.bool, device=logits.device)
        written: list[Written] = []
        heard = np.zeros((len(rows), max_tokens if ended else 0), dtype=np.int64)
        for step in range(max_tokens):
            if cancelled():
                raise Cancelled("The sampling was cancelled.")
            uniforms = torch.from_numpy(streams.column(step, rows)).to(logits.device)
            tokens, log_likelihoods = choose(logits, uniforms, temperature)
            written.append(Written(rows, tokens, log_likelihoods))
            was_alive = alive
            alive = alive & ~torch.isin(tokens, self.stop_tokens)
            if ended:
                heard[rows, step] = tokens.cpu().numpy()
                for row in rows[(was_alive & ~alive).cpu().numpy()]:
                    ended(int(row) // samples, heard[row, : step + 1].tolist())
            count = int(alive.sum())
            if count == 0 or step == max_tokens - 1:
                break
            if count < SHRINK_BELOW * len(rows):
                kept = alive.nonzero()[:, 0]
                cache.batch_select_indices(kept)
                mask, positions, tokens, alive = mask[kept], positions[kept], tokens[kept], alive[kept]
                rows = rows[kept.cpu().numpy()]
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
            logits = self._logits(tokens[:, None], mask, positions[:, None], cache)
            positions = positions + 1
        self.model.train(was_training)
        draws = self._collect(written, len(prompts) * samples)
        return [draws[start : start + samples] for start in range(0, len(draws), samples)]

    def _read_prompts(
        self, prompts: Sequence[Sequence[int]], cache: "DynamicCache"
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Fill the cache with prompts padded on the left. Returns logits (prompts, vocabulary) and the mask."""
        width = max(len(prompt) for prompt in prompts)
        tokens = torch.tensor([[self.pad_token] * (width - len(prompt)) + list(prompt) for prompt in prompts])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        tokens, mask = tokens.to(self.model.device), mask.to(self.model.device)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        return self._logits(tokens, mask, positions, cache), mask

    def _logits(
        self, tokens: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: "DynamicCache"
    ) -> torch.Tensor:
        """The next token's logits, (rows, vocabulary) in float32, after `tokens` (rows, new)."""
        output = self.model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1].float()

    def _collect(self, written: Sequence["Written"], rows: int) -> list[Draw]:
        """One Draw a row, cut after its first stop token."""
        tokens = np.full((rows, len(written)), self.pad_token, dtype=np.int64)
        log_likelihoods = np.zeros((rows, len(written)))
        for step, column in enumerate(written):
            tokens[column.rows, step] = column.tokens.cpu().numpy()
            log_likelihoods[column.rows, step] = column.log_likelihoods.cpu().numpy()
        stops = np.isin(tokens, self.stop_tokens.cpu().numpy())
        stopped = np.any(stops, axis=1)
        lengths = np.where(stopped, np.argmax(stops, axis=1) + 1, len(written))
        return [
            Draw(tokens[row, :length].tolist(), log_likelihoods[row, :length].tolist(), bool(stopped[row]))
            for row, length in enumerate(lengths)
        ]


class Written(NamedTuple):
    """One step: which rows of the call were in the batch, the token each drew and its log-likelihood."""

    rows: np.ndarray
    tokens: torch.Tensor
    log_likelihoods: torch.Tensor


def choose(logits: torch.Tensor, uniforms: torch.Tensor, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Invert the cumulative distribution at `uniforms`; the most likely token at temperature 0.

    `logits`: (rows, vocabulary). `uniforms`: (rows,) in [0, 1). Returns tokens and their log-likelihoods, (rows,) each.
    """
    log_probabilities = torch.log_softmax(logits / (temperature or 1.0), dim=-1)
    if temperature == 0:
        tokens = logits.argmax(dim=-1)
    else:
        cumulative = log_probabilities.exp().cumsum(dim=-1, dtype=torch.float64)
        # `right`: the first place whose sum exceeds the number, so that a token of probability 0 is never drawn.
        places = torch.searchsorted(cumulative, (uniforms * cumulative[:, -1])[:, None], right=True)[:, 0]
        tokens = places.clamp(max=logits.shape[1] - 1)
    return tokens, log_probabilities.gather(1, tokens[:, None])[:, 0]
