"""What every trainer shares: problems in a fixed order, answers, rewards, figures, checkpoints.

A trainer learns from the rewards in its own way; all else is here, so that TRL's trainer and the compact loop answer to
the same config with the same prompts, the same random numbers and the same figures. Under a distributed launcher each
process answers and judges its share of the prompts; the first writes, and speaks for all of them.

A step ends in this order: an early checkpoint that is due, then the state to resume from, then the step's figures. So a
step whose figures were seen is never done again, as long as every step's state is kept.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from compute.checkpoints import Manifest, describe, write_checkpoint
from compute.configs import TrainConfig, request_sha256
from compute.errors import Cancelled, EngineError
from compute.events import EventWriter, Log, Metric, Progress
from compute.judge.judge import Judge, limits_on
from compute.merging.streams import FLOATS
from compute.problems.problem import Problem
from compute.rollout import reasoning
from compute.rollout.policy import decoded, load_context, stop_tokens
from compute.rollout.prompts import Message, render
from compute.rollout.sampler import CachedSampler, Draw
from compute.training import processes
from compute.training.ahead import JudgingAhead, Key
from compute.training.figures import Kind, StepFigures, finite, in_words
from compute.training.held_out import SOLVE_RATE, has_stalled, held_out_problems, measure
from compute.training.repair import Attempt, chosen, conversation
from compute.training.resume import Step, Values, checkpoint_event, finished_checkpoint, resume_folder
from compute.training.rewards import CoverageReward, Scored
from compute.usage import SPENT

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


Completing = Callable[[Sequence[Sequence[int]], Sequence[str], int], list[list[list[int]]]]
"""Prompts, a key of random numbers for each, and how many answers to each prompt -> answers, all as token ids."""
# A state holds the figures of so many steps, and every measurement on held-out problems.
MOST_FIGURES = 1000


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


class Question(NamedTuple):
    """What is asked: the problem's place in the set, token ids, and the name of the answers' random numbers."""

    place: int
    prompt: list[int]
    key: str
    kind: Kind = "first"


class Group(NamedTuple):
    """A question and its answers."""

    question: Question
    draws: list[Draw]


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
        self.order = prompt_order(len(problems), config.steps, config.prompts_per_step, config.seed)
        self.start = describe(config.initialisation)
        strange = sorted(self.start.tensors.keys() - model.state_dict().keys())
        if strange:
            raise EngineError(f"The tensor {strange[0]} of {config.initialisation} has no place in the loaded model.")
        if config.lora is not None:
            from compute.training.lora import with_adapter

            self.model = with_adapter(model, config.lora, config.seed, self.start)
        self.sampler = CachedSampler(self.model, self.stop_tokens, self.pad_token)
        self.held_out = held_out_problems(config.held_out) if config.held_out else []
        self.complete: Completing = self.sample
        """Answers at the training's temperature; a trainer that samples elsewhere puts its own here."""
        self.last = config.steps
        """After which step the training ends, as far as is known."""
        self.figures = StepFigures(judge, self.is_cut)
        self.ahead = JudgingAhead(self.score)
        self._beginnings: dict[int, str] = {}
        self._context = load_context(config.initialisation)
        self.resume = resume_folder(config, self.start)
        self._reported: list[Step] = []

    def begin(self) -> int:
        """How many steps are done already, whose state lies in `resume.place(...)`; 0 for none.

        Whoever killed the attempt before may have lost what it said last, so that is sent again.
        """
        kept = self.resume.read()
        if kept is None:
            if processes.is_first() and self.resume.is_anothers:
                self.emit(Log(line=f"What was kept in {self.resume.path} is of another training: it is not used."))
            if processes.is_first():
                self.resume.remove()
            return 0
        self._reported = list(kept.figures)
        for step, values in kept.figures:
            self.emit(Metric(run=self.config.reference, step=step, values=values))
        for step in self.config.early_steps:
            if step <= kept.step and (written := finished_checkpoint(self.config, self.start, step)) is not None:
                self.emit(checkpoint_event(self.config, written))
        if self._has_stalled():
            self.last = kept.step
        self.emit(Progress(stage="train", done=kept.step, total=self.config.steps, unit="steps"))
        self.emit(Log(line=f"An attempt before this one had done {kept.step} of {self.config.steps} steps: going on."))
        return kept.step

    def prompt(self, asked: str | Sequence[Message]) -> list[int]:
        """Token ids of the prompt for a problem's statement, or for a conversation about it."""
        text, _ = render(self.tokenizer, reasoning.messages(asked) if isinstance(asked, str) else asked)
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def ask(self, step: int) -> list[Group]:
        """What this process asks at a step, counted from 0, and a group of answers to each prompt: to its share of the
        step's problems, and to its share of the repairs that they leave.

        An answer that has ended is judged while the others go on.
        """
        first = [(place, f"step {step} prompt {number}") for number, place in enumerate(self.order[step])]
        groups = self._answered([self._first(*one) for one in processes.share_of(first)])
        if self.config.repairs_per_step:
            groups += self._answered(self._repairs(step, self._failed(groups)))
        return groups

    def _answered(self, questions: Sequence[Question]) -> list[Group]:
        self.refuse_when_cancelled()
        with self.figures.timed("sampling"):
            drawn = self.sampler.draw(
                [question.prompt for question in questions],
                [question.key for question in questions],
                self.config.group,
                seed=self.config.seed,
                temperature=self.config.temperature,
                max_tokens=self.config.max_tokens,
                ended=lambda prompt, answer: self.ahead.begin((questions[prompt].place, tuple(answer))),
            )
        return [Group(*pair) for pair in zip(questions, drawn, strict=True)]

    def _first(self, place: int, key: str) -> Question:
        return Question(place, self.prompt(self.problems[place].statement), key)

    def _failed(self, groups: Sequence[Group]) -> list[Attempt]:
        """The attempts of all processes that are to be repaired."""
        failed = []
        for question, draws in groups:
            answers = [tuple(draw.tokens) for draw in draws]
            with self.figures.timed("judging"):
                scores = self.ahead.scores([(question.place, answer) for answer in answers])
            told = [
                (self.program(question.place, answer), score.run)
                for answer, score in zip(answers, scores, strict=True)
                if score.reward == 0
            ]
            failed.append([Attempt(question.place, text, run) for text, run in told if text is not None and run])
        return chosen(processes.gathered(failed), self.config.repairs_per_step)

    def _repairs(self, step: int, attempts: Sequence[Attempt]) -> list[Question]:
        """This process's share of a step's repair prompts. Where too few attempts have failed, or the model could not
        read one, the step's problems are asked once more, so that every step learns from as many answers."""
        questions = []
        for number in processes.share_of(range(self.config.repairs_per_step)):
            key = f"step {step} repair {number}"
            question = self._repair(attempts[number], key) if number < len(attempts) else None
            if question is None:
                place = self.order[step][number % len(self.order[step])]
                question = self._first(place, key)._replace(kind="again")
            questions.append(question)
        return questions

    def _repair(self, attempt: Attempt, key: str) -> Question | None:
        """The prompt, or None where it and an answer are longer than what the model reads."""
        problem = self.problems[attempt.place]
        _, bounds = limits_on(problem, self.config.limits)
        prompt = self.prompt(conversation(problem.statement, attempt, bounds))
        if self._context is not None and len(prompt) + self.config.max_tokens > self._context:
            return None
        return Question(attempt.place, prompt, key, "repair")

    def rewards(
        self, places: Sequence[int], answers: Sequence[Sequence[int]], kinds: Sequence[Kind] | None = None
    ) -> list[float | None]:
        """The reward of each answer (token ids) to the problem at the same position of `places`; None drops it.
        `kinds`: those of the questions; all are first ones where it is left out."""
        self.refuse_when_cancelled()
        with self.figures.timed("judging"):
            scores = self.ahead.take([(place, tuple(answer)) for place, answer in zip(places, answers, strict=True)])
        self.figures.add(scores, answers, kinds or ["first"] * len(answers), self.ahead.busy_seconds)
        return [score.reward for score in scores]

    def score(self, answers: Sequence[Key]) -> list[Scored]:
        """Judge answers to problems of the training."""
        programs = [self.program(place, answer) for place, answer in answers]
        return self.reward.score([self.problems[place] for place, _ in answers], programs)

    def program(self, place: int, answer: Sequence[int]) -> str | None:
        """The program in an answer (token ids) to the problem at `place`."""
        return reasoning.program_from(self.beginning(place) + decoded(self.tokenizer, answer))

    def close(self) -> None:
        self.ahead.close()

    def is_cut(self, answer: Sequence[int]) -> bool:
        """Whether an answer reached `max_tokens` without an end. TRL takes padding for an end, and so it is one."""
        return answer[-1] not in self.stop_tokens and answer[-1] != self.pad_token

    def beginning(self, place: int) -> str:
        """What the prompt of a problem, a first one or a repair's, already contains of the answer."""
        if place not in self._beginnings:
            self._beginnings[place] = reasoning.render(self.tokenizer, self.problems[place].statement)[1]
        return self._beginnings[place]

    def figures_of(self, step: int, learning: Mapping[str, float | None]) -> Values:
        """The figures of a step, counted from 1, together with the trainer's own; where it is time, of the held-out
        problems as well, which may end the training (`last`)."""
        values = self.figures.take() | {name: finite(value) for name, value in learning.items()}
        held_out = self.config.held_out
        if held_out is not None and (step % held_out.every == 0 or step == self.config.steps):
            values |= measure(self.held_out, held_out.samples, self.programs, self.judge, self.figures)
            self.figures.begin()  # the measurement's share of time and cache is not the next step's
        self._reported = [one for one in self._reported[:-MOST_FIGURES] if SOLVE_RATE in one.values] + [
            *self._reported[-MOST_FIGURES:],
            Step(step, values),
        ]
        if self._has_stalled():
            self.last = step
        return values

    def _has_stalled(self) -> bool:
        patience = self.config.held_out.patience if self.config.held_out else None
        return patience is not None and has_stalled((one.values.get(SOLVE_RATE) for one in self._reported), patience)

    def programs(self, problems: Sequence[Problem], samples: int) -> list[list[str | None]]:
        """What the policy writes for each of some problems outside the training, `samples` programs each."""
        at_once = max(1, self.config.prompts_asked * self.config.group // samples)
        found: list[list[str | None]] = []
        for first in range(0, len(problems), at_once):
            few = problems[first : first + at_once]
            self.refuse_when_cancelled()
            with self.figures.timed("sampling"):
                drawn = self.complete(
                    [self.prompt(one.statement) for one in few], [f"held out {one.slug}" for one in few], samples
                )
            SPENT.add("generation", 0.0, tokens=sum(len(answer) for answers in drawn for answer in answers))
            for one, answers in zip(few, drawn, strict=True):
                opening = reasoning.render(self.tokenizer, one.statement)[1]
                found.append([reasoning.program_from(opening + decoded(self.tokenizer, answer)) for answer in answers])
        return found

    def sample(self, prompts: Sequence[Sequence[int]], keys: Sequence[str], samples: int) -> list[list[list[int]]]:
        """Answers of our own sampler, as token ids."""
        drawn = self.sampler.draw(
            prompts,
            keys,
            samples,
            seed=self.config.seed,
            temperature=self.config.temperature,
            max_tokens=self.config.max_tokens,
        )
        return [[draw.tokens for draw in draws] for draws in drawn]

    def keeps_at(self, step: int) -> bool:
        return self.config.resume_every > 0 and (step % self.config.resume_every == 0 or step == self.last)

    def keep(self, step: int) -> None:
        """Resume from `resume.place(step)`, which is whole, from now on."""
        if processes.is_first():
            self.resume.keep(step, self._reported)

    def report(self, step: int, values: Values) -> None:
        self.emit(Metric(run=self.config.reference, step=step, values=values))
        self.emit(Progress(stage="train", done=step, total=self.config.steps, unit="steps"))
        self.emit(Log(line=f"step {step} of {self.config.steps}: {in_words(values)}"))

    def save(self, step: int, state: "Mapping[str, torch.Tensor]") -> None:
        """Write an early checkpoint. `state`: all weights, as they are after `step` steps. Raises StorageError."""
        self._write(self.config.reference_at(step), self.config.folder_at(step), step, state)

    def end(self, step: int, state: "Mapping[str, torch.Tensor]") -> None:
        """Write the last checkpoint, which bears the run's own name. Raises StorageError."""
        if step < self.config.steps:
            self.emit(Log(line=f"Stopped after step {step}: the held-out solve rate rises no more."))
        self._write(self.config.reference, self.config.folder, step, state)

    def _write(self, reference: str, folder: Path, step: int, state: "Mapping[str, torch.Tensor]") -> None:
        if not processes.is_first():
            return
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
        if self.config.lora is not None:
            from compute.training.lora import write_merged

            self.emit(checkpoint_event(self.config, write_merged(folder, self.model, state, manifest, self.start)))
            return
        # The initialisation's names decide: a tied tensor is stored once, under the name it had there.
        # Its types as well, so that the two can be averaged.
        tensors = {
            name: state[name].detach().to("cpu", FLOATS.get(place.dtype, state[name].dtype)).contiguous()
            for name, place in self.start.tensors.items()
        }
        written = write_checkpoint(folder, tensors, manifest, files_from=self.config.initialisation)
        self.emit(checkpoint_event(self.config, written))

    def refuse_when_cancelled(self) -> None:
        """Several processes ask each other between steps alone, where all of them can stop (`stop_together`)."""
        if processes.count() == 1 and self.cancelled():
            raise Cancelled("The training was cancelled.")

    def stop_together(self) -> None:
        """Raises Cancelled in every process when one of them is to stop."""
        if any(processes.gathered([self.cancelled()])):
            raise Cancelled("The training was cancelled.")
