"""What every engine offers: texts for prompts, and weights that can be set in place. Importable without torch."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from compute.checkpoints import describe, refuse_changed
from compute.configs import EvaluateConfig, Ingredient, Sampling


class Completion(NamedTuple):
    """One answer. `log_likelihood`: sum over its tokens in nats, under the distribution it was drawn from."""

    text: str
    tokens: int
    finish: Literal["stop", "length"]
    log_likelihood: float | None


class Engine(Protocol):
    """A policy that answers. The answer to (seed, key, index) depends neither on the batch nor on what came before."""

    def render(self, statement: str) -> tuple[str, str]:
        """The prompt for a problem's statement, and the beginning of the answer that the prompt already contains."""
        ...

    def set_weights(self, ingredients: Sequence[Ingredient]) -> None:
        """Become the weighted sum of some checkpoints; nothing is written. Raises EngineError, MissingInput."""
        ...

    def generate(self, prompts: Sequence[str], keys: Sequence[str], sampling: Sampling) -> list[list[Completion]]:
        """Draw `sampling.samples` answers to each prompt. `keys`: one a prompt, naming its random numbers."""
        ...

    def alarms(self) -> dict[str, float | None]:
        """Figures of the weights now set, such as `distance` and `cosine`; None where undefined."""
        ...

    def close(self) -> None: ...


def open_engine(config: EvaluateConfig) -> Engine:
    """The engine that a config asks for. Raises EngineError, MissingInput, ConfigError."""
    if config.engine == "scripted":
        from compute.rollout.engines.scripted import ScriptedEngine

        return ScriptedEngine(config.script)
    for folder, sha256 in dict.fromkeys((i.folder, i.sha256) for point in config.points for i in point.ingredients):
        refuse_changed(describe(folder), sha256)
    from compute.rollout.engines.transformers_engine import TransformersEngine

    return TransformersEngine(config.points[0].ingredients[0].folder, initialisation=config.initialisation)
