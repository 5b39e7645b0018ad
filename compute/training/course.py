"""What every trainer shares: problems in a fixed order, answers, rewards, figures, checkpoints.

A trainer learns from the rewards in its own way; all else is here, so that TRL's trainer and the compact loop answer to
the same config with the same prompts, the same random numbers and the same figures. Under a distributed launcher the
figures are those of the first process's share of the samples.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from compute.checkpoints import Manifest, describe, write_checkpoint
from compute.configs import TrainConfig, request_sha256
from compute.errors import Cancelled, EngineError
from compute.events import CheckpointWritten, EventWriter, Log, Metric, Progress
from compute.judge.judge import Judge
from compute.merging.streams import FLOATS
from compute.problems.problem import Problem
from compute.rollout import reasoning
from compute.rollout.policy import decoded, stop_tokens
from compute.rollout.sampler import CachedSampler, Draw
from compute.training.figures import StepFigures, finite, in_words
from compute.training.rewards import CoverageReward

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def prompt_order(problems: int, steps: int, prompts_per_step: int, seed: int) -> list[list[int]]:
    """Places of the problems asked at each step, (steps, prompts_per_step): shuffled anew for every pass over them.

    Depends on the seed only, so that runs which differ in coverage see the same problems at the same step.
    """
    generator = random.Random(seed)
    flat: list[int] = []
    while len(flat) < steps * prompts_per_step:
        flat += generator.sample(range(problems), problems)
    return [flat[step * prompts_per_step : (step + 1) * prompts_per_step] for step in range(steps)]


def warm_up(steps: int) -> Callable[[int], float]:
    """The learning rate's factor at a step counted from 0: rises in a line over `steps` steps to 1 and stays there."""
    return lambda step: min(1.0, (step + 1) / max(1, steps))


class Course:
    """One training run. `model` is the policy that a trainer changes in place."""

    def __init__(
        self,
        config: TrainConfig,
        problems: Sequence[Problem],
        judge: Judge,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        emit: EventWriter,
        cancelled: Callable[[], bool],
    ) -> None:
        self.config, self.problems, self.judge = config, problems, judge
        self.model, self.tokenizer, self.emit, self.cancelled = model, tokenizer, emit, cancelled
        self.reward = CoverageReward(judge, config.coverage, config.seed if config.tests == "random" else None)
        self.stop_tokens = stop_tokens(model.generation_config, tokenizer)
        pad = tokenizer.pad_token_id
        self.pad_token: int = self.stop_tokens[0] if pad is None else pad
        self.sampler = CachedSampler(model, self.stop_tokens, self.pad_token)
        self.order = prompt_order(len(problems), config.steps, config.prompts_per_step, config.seed)
        self.start = describe(config.initialisation)
        strange = sorted(self.start.tensors.keys() - model.state_dict().keys())
        if strange:
            raise EngineError(f"The tensor {strange[0]} of {config.initialisation} has no place in the loaded model.")
        self.figures = StepFigures(judge)

    def prompt(self, statement: str) -> list[int]:
        """Token ids of the prompt for a problem's statement."""
        text, _ = reasoning.render(self.tokenizer, statement)
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def draw(self, step: int, prompts: Sequence[Sequence[int]], first: int = 0) -> list[list[Draw]]:
        """A group of answers to each prompt of a step, counted from 0. `first`: the first prompt's place in it."""
        self.refuse_when_cancelled()
        with self.figures.timed("sampling"):
            keys = [f"step {step} prompt {first + place}" for place in range(len(prompts))]
            return self.sampler.draw(
                prompts,
                keys,
                self.config.group,
                seed=self.config.seed,
                temperature=self.config.temperature,
                max_tokens=self.config.max_tokens,
            )

    def rewards(self, places: Sequence[int], answers: Sequence[Sequence[int]]) -> list[float | None]:
        """The reward of each answer (token ids) to the problem at the same position of `places`; None drops it."""
        self.refuse_when_cancelled()
        beginnings = {place: self.beginning(place) for place in set(places)}
        with self.figures.timed("judging"):
            programs = [
                reasoning.program_from(beginnings[place] + decoded(self.tokenizer, answer))
                for place, answer in zip(places, answers, strict=True)
            ]
            scores = self.reward.score([self.problems[place] for place in places], programs)
        self.figures.add(scores, [len(answer) for answer in answers])
        return [score.reward for score in scores]

    def beginning(self, place: int) -> str:
        """What the prompt of a problem already contains of the answer."""
        return reasoning.render(self.tokenizer, self.problems[place].statement)[1]

    def report(self, step: int, learning: Mapping[str, float | None]) -> None:
        """Send the figures of a step, counted from 1, together with the trainer's own."""
        values = self.figures.take() | {name: finite(value) for name, value in learning.items()}
        self.emit(Metric(run=self.config.reference, step=step, values=values))
        self.emit(Progress(stage="train", done=step, total=self.config.steps, unit="steps"))
        self.emit(Log(line=f"step {step} of {self.config.steps}: {in_words(values)}"))

    def saves_at(self, step: int) -> bool:
        return step == self.config.steps or step in self.config.save_steps

    def save(self, step: int, state: "Mapping[str, torch.Tensor]") -> None:
        """Write the policy after `step` steps; the last one bears the run's own name. Raises StorageError."""
        reference, folder = self.config.reference_at(step), self.config.folder_at(step)
        manifest = Manifest(
            reference=reference,
            origin="trained",
            base_sha256=self.start.base_sha256 or self.start.sha256,
            request_sha256=request_sha256(self.config),
            notes={
                "coverage": self.config.coverage,
                "step": step,
                "seed": self.config.seed,
                "trainer": self.config.trainer,
                "initialisation": self.config.initialisation_reference,
            },
        )
        # The initialisation's names decide: a tied tensor is stored once, under the name it had there.
        # Its types as well, so that the two can be averaged.
        tensors = {
            name: state[name].detach().to("cpu", FLOATS.get(place.dtype, state[name].dtype)).contiguous()
            for name, place in self.start.tensors.items()
        }
        written = write_checkpoint(folder, tensors, manifest, files_from=self.config.initialisation)
        self.emit(
            CheckpointWritten(
                checkpoint=reference,
                origin="trained",
                folder=str(folder),
                sha256=written.sha256,
                size_bytes=written.size_bytes,
                run=self.config.reference,
                parent=self.config.initialisation_reference,
                step=step,
                coverage=self.config.coverage,
            )
        )

    def refuse_when_cancelled(self) -> None:
        if self.cancelled():
            raise Cancelled("The training was cancelled.")
