"""What a setting makes of a problem: an answer with the program to grade. Importable without torch."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from compute.configs import Sampling
from compute.problems.problem import Problem
from compute.rollout.engines import Completion, Finish, IsCancelled
from compute.rollout.transcript import TROUBLE, Transcript


class Answer(NamedTuple):
    """`program` None where none was found. `tokens` and `log_likelihood` (nats) are of all turns together, `finish` of
    the last. `transcript`: what happened, where there was more than one turn to have."""

    program: str | None
    tokens: int
    finish: Finish
    log_likelihood: float | None
    transcript: Transcript | None = None

    @property
    def is_infrastructure(self) -> bool:
        """Whether the machine failed, so that the answer says nothing about the policy."""
        return self.transcript is not None and self.transcript.ended == TROUBLE


class Harness(Protocol):
    """A setting over an engine."""

    def answers(self, problems: Sequence[Problem], sampling: Sampling, cancelled: IsCancelled) -> list[list[Answer]]:
        """`sampling.samples` answers to each problem. Raises EngineError, SandboxError, MissingInput, Cancelled."""
        ...

    def close(self) -> None: ...


def log_likelihood(completions: Sequence[Completion]) -> float | None:
    """Of all turns; None where the engine leaves one out."""
    known = [completion.log_likelihood for completion in completions]
    return None if any(value is None for value in known) else sum(value for value in known if value is not None)
