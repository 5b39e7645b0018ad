"""What every engine offers: texts for prompts, and weights that can be set in place. Importable without torch."""

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

from compute.checkpoints import describe, refuse_changed
from compute.configs import EvaluateConfig, Ingredient, Sampling
from compute.rollout.prompts import Prompt

IsCancelled = Callable[[], bool]


def never() -> bool:
    """Nobody cancels."""
    return False


Finish = Literal["stop", "length"]


def seed_of(seed: int, key: str, index: int) -> int:
    """The seed of one answer, for engines that draw random numbers of their own: 31 bits, which every one takes."""
    digest = hashlib.sha256(f"{seed}\n{key}\n{index}".encode()).digest()
    return int.from_bytes(digest[:4], "little") >> 1


class Completion(NamedTuple):
    """One answer. `text` begins with what the chat template wrote on the model's behalf; `tokens` were drawn.

    `log_probabilities`: one a drawn token, in nats, under the distribution it was drawn from (at temperature 1 when
    greedy); None where the engine does not know. `finish` is "length" for an answer cut off at its longest length.
    """

    text: str
    tokens: int
    finish: Finish
    log_probabilities: tuple[float, ...] | None = None
    prompt_tokens: int = 0

    @property
    def log_likelihood(self) -> float | None:
        return None if self.log_probabilities is None else math.fsum(self.log_probabilities)


class Engine(Protocol):
    """A policy that answers. The answer to (seed, key, index) depends neither on the batch nor on what came before.

    `context_tokens`: the longest conversation with its answer, None where the engine does not know.
    """

    context_tokens: int | None

    def set_weights(self, ingredients: Sequence[Ingredient]) -> None:
        """Become the weighted sum of some checkpoints. Raises EngineError, MergeRefused, MissingInput."""
        ...

    def generate(
        self, prompts: Sequence[Prompt], keys: Sequence[str], sampling: Sampling, cancelled: IsCancelled = never
    ) -> list[list[Completion]]:
        """Draw `sampling.samples` answers to each prompt. `keys`: one a prompt, naming its random numbers.

        `cancelled` is asked now and then. Raises EngineError, Cancelled.
        """
        ...

    def alarms(self) -> dict[str, float | None]:
        """Figures of the weights now set, such as `distance` and `cosine`; None where undefined."""
        ...

    def close(self) -> None: ...


def open_engine(config: EvaluateConfig, note: Callable[[str], None] = lambda sentence: None) -> Engine:
    """The engine that a config asks for. `note` is told what a person should know. Raises EngineError, MissingInput,
    ConfigError."""
    if config.engine == "scripted":
        from compute.rollout.engines.scripted import ScriptedEngine

        return ScriptedEngine(config.script)
    if config.engine == "openai" and config.served is not None and config.served.interface == "chat":
        from compute.rollout.engines.openai_engine import OpenAIEngine

        return OpenAIEngine(config.served)
    for folder, sha256 in dict.fromkeys((i.folder, i.sha256) for point in config.points for i in point.ingredients):
        refuse_changed(describe(folder), sha256)
    first = config.points[0].ingredients[0].folder
    if config.engine == "openai" and config.served is not None:
        from compute.rollout.engines.vllm_server_engine import VllmServerEngine

        return VllmServerEngine(first, config.served, initialisation=config.initialisation, note=note)
    if config.engine == "vllm":
        from compute.rollout.engines.vllm_engine import VllmEngine

        return VllmEngine(first, config.vllm, initialisation=config.initialisation, note=note)
    from compute.rollout.engines.transformers_engine import TransformersEngine

    return TransformersEngine(first, initialisation=config.initialisation)
