"""Sample and judge points: one checkpoint, or a sweep of averages whose weights are set in place.

Every test of every problem is run, so that the split of failures does not depend on the order of tests. While one batch
is judged the next is sampled. A problem is sent whole, all its samples at once, so that a job that is resumed samples
only the problems that are missing; their answers are the same as they would have been.
"""

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import NamedTuple

from compute.configs import EvaluateConfig, EvaluationPoint
from compute.errors import Cancelled, ConfigError
from compute.events import EvaluationFinished, EvaluationStarted, EventWriter, Log, Progress, SampleRecord, Samples
from compute.judge.judge import Judge, Judgement, Submission
from compute.problems.problem import BlobStore, Problem, read_problem_set
from compute.rollout.engines import Completion, Engine, open_engine
from compute.rollout.reasoning import messages, program_from

BATCHES_AHEAD = 2  # sampled but not yet judged: bounds memory, keeps the judge busy


def run(config: EvaluateConfig, emit: EventWriter, cancelled: Callable[[], bool]) -> dict[str, object]:
    """Evaluate all points. Raises ConfigError, MissingInput, EngineError, SandboxError, Cancelled."""
    if config.setting != "reasoning":
        raise ConfigError(f"setting: {config.setting!r} cannot be evaluated yet, only 'reasoning'.")
    problems = read_problem_set(config.problems.path)
    if not problems:
        raise ConfigError(f"The problem set {config.problems.path} holds no problems.")
    # The judge first: its fork server must stay small, so nothing heavy may be loaded before it starts.
    with (
        Judge(config.limits, BlobStore(config.problems.blobs), cache=config.judge_cache) as judge,
        closing(open_engine(config, lambda sentence: emit(Log(line=sentence)))) as engine,
    ):
        return Sweep(config, problems, judge, engine, emit, cancelled).run()


class Batch(NamedTuple):
    """Some problems of one point, answered. `completions` and `programs`: (problems, samples); no program is None."""

    problems: list[Problem]
    completions: list[list[Completion]]
    programs: list[list[str | None]]


@dataclass
class Tally:
    """One point on its way: what has been sent, and what its alarms are made of."""

    point: EvaluationPoint
    weight_alarms: Mapping[str, float | None]
    samples: int = 0
    tokens: int = 0
    without_program: int = 0
    cut_off: int = 0
    log_likelihood: float = 0.0
    tokens_with_likelihood: int = 0
    sent_programs: set[str] = field(default_factory=set)

    def add(self, completion: Completion, program: str | None) -> None:
        self.samples += 1
        self.tokens += completion.tokens
        self.without_program += program is None
        self.cut_off += completion.finish == "length"
        if completion.log_likelihood is not None:
            self.log_likelihood += completion.log_likelihood
            self.tokens_with_likelihood += completion.tokens

    def alarms(self) -> dict[str, float | None]:
        """Over the samples of this attempt. `mean_log_likelihood`: nats a token of the policy's own answers."""
        return dict(self.weight_alarms) | {
            "no_answer_rate": ratio(self.without_program, self.samples),
            "cut_off_rate": ratio(self.cut_off, self.samples),
            "mean_tokens": ratio(self.tokens, self.samples),
            "mean_log_likelihood": ratio(self.log_likelihood, self.tokens_with_likelihood),
        }


class Sweep:
    """The loop over points and batches: this thread samples and writes events, one other thread judges."""

    def __init__(
        self,
        config: EvaluateConfig,
        problems: list[Problem],
        judge: Judge,
        engine: Engine,
        emit: EventWriter,
        cancelled: Callable[[], bool],
    ) -> None:
        self.config, self.problems, self.judge, self.engine = config, problems, judge, engine
        self.emit, self.cancelled = emit, cancelled
        self.stopping = threading.Event()
        self.seconds = {"weights": 0.0, "sampling": 0.0, "judging": 0.0}
        self.total = len(config.points) * len(problems) * config.sampling.samples
        self.done = 0

    def run(self) -> dict[str, object]:
        waiting: deque[tuple[Tally, Batch | None, Future[list[list[Judgement]]] | None]] = deque()
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="judge")
        try:
            for point in self.config.points:
                tally = self.begin(point)
                for batch in self.sampled(point):
                    waiting.append((tally, batch, pool.submit(self.judged, batch)))
                    while len(waiting) > BATCHES_AHEAD:
                        self.deliver(*waiting.popleft())
                waiting.append((tally, None, None))
            while waiting:
                self.deliver(*waiting.popleft())
        finally:
            self.stopping.set()
            pool.shutdown(wait=True, cancel_futures=True)
        return {
            "points": len(self.config.points),
            "executions": self.judge.executions,
            "cache_hits": self.judge.cache_hits,
            "seconds": {name: round(seconds, 3) for name, seconds in self.seconds.items()},
        }

    def begin(self, point: EvaluationPoint) -> Tally:
        """Set the point's weights and announce it."""
        self.refuse_when_cancelled()
        started = time.monotonic()
        self.engine.set_weights(point.ingredients)
        tally = Tally(point, self.engine.alarms())
        self.seconds["weights"] += time.monotonic() - started
        self.emit(
            EvaluationStarted(
                evaluation=point.evaluation,
                checkpoint=point.checkpoint,
                problem_set=self.config.problems.reference,
                alpha=point.alpha,
                setting=self.config.setting,
                samples_per_problem=self.config.sampling.samples,
                isolation=str(self.judge.isolation),
                levels=max(problem.levels for problem in self.problems),
            )
        )
        finished = {problem.slug for problem in self.problems} & set(point.finished)
        self.progress(len(finished) * self.config.sampling.samples)
        return tally

    def sampled(self, point: EvaluationPoint) -> Iterator[Batch]:
        """Batches of the problems that are not finished, answered at the weights now set."""
        finished = set(point.finished)
        missing = [problem for problem in self.problems if problem.slug not in finished]
        width = self.config.sampling.problems_per_batch
        for start in range(0, len(missing), width):
            self.refuse_when_cancelled()
            started = time.monotonic()
            problems = missing[start : start + width]
            prompts = [messages(problem.statement) for problem in problems]
            keys = [problem.slug for problem in problems]
            groups = self.engine.generate(prompts, keys, self.config.sampling, self.stopped)
            programs = [[program_from(completion.text) for completion in group] for group in groups]
            self.seconds["sampling"] += time.monotonic() - started
            yield Batch(problems, groups, programs)

    def judged(self, batch: Batch) -> list[list[Judgement]]:
        """All tests of all programs: (problems, samples). Runs in the judge thread."""
        started = time.monotonic()
        groups = []
        for problem, programs in zip(batch.problems, batch.programs, strict=True):
            known = self.judged_once(problem, list(dict.fromkeys(programs)))
            groups.append([known[program] for program in programs])
        self.seconds["judging"] += time.monotonic() - started
        return groups

    def judged_once(self, problem: Problem, programs: list[str | None]) -> dict[str | None, Judgement]:
        """Different programs, a few at a time: a program may need its whole limit on every test, and a cancelled job
        must not wait for all of them."""
        known: dict[str | None, Judgement] = {}
        width = 2 * self.config.limits.workers
        for start in range(0, len(programs), width):
            self.refuse_when_cancelled()
            few = programs[start : start + width]
            known |= zip(few, self.judge.judge([Submission(program, problem) for program in few]), strict=True)
        return known

    def deliver(self, tally: Tally, batch: Batch | None, judging: Future[list[list[Judgement]]] | None) -> None:
        """Send one judged batch; or, after a point's last, what there is to say about the whole point."""
        if batch is None or judging is None:
            self.emit(EvaluationFinished(evaluation=tally.point.evaluation, alarms=tally.alarms()))
            return
        records = []
        programs: dict[str, str] = {}
        for problem, completions, texts, judgements in zip(*batch, judging.result(), strict=True):
            for index, (completion, text, judgement) in enumerate(zip(completions, texts, judgements, strict=True)):
                record = record_of(problem, index, completion, text, judgement)
                records.append(record)
                tally.add(completion, text)
                if text is not None and record.program is not None and record.program not in tally.sent_programs:
                    tally.sent_programs.add(record.program)
                    programs[record.program] = text
        self.emit(Samples(evaluation=tally.point.evaluation, samples=tuple(records), programs=programs))
        self.progress(len(records))

    def progress(self, more: int) -> None:
        self.done += more
        self.emit(Progress(stage="evaluate", done=self.done, total=self.total, unit="samples"))

    def stopped(self) -> bool:
        return self.stopping.is_set() or self.cancelled()

    def refuse_when_cancelled(self) -> None:
        if self.stopped():
            raise Cancelled("The evaluation was cancelled.")


def record_of(
    problem: Problem, index: int, completion: Completion, program: str | None, judgement: Judgement
) -> SampleRecord:
    return SampleRecord(
        problem=problem.slug,
        index=index,
        letters=judgement.letters,
        cpu_seconds=max(judgement.cpu_seconds, default=0.0),
        memory_bytes=max(judgement.memory_bytes, default=0),
        tokens=completion.tokens,
        finish=completion.finish,
        log_likelihood=completion.log_likelihood,
        program=None if program is None else hashlib.sha256(program.encode()).hexdigest(),
        test_cpu_seconds=tuple(round(seconds, 3) for seconds in judgement.cpu_seconds),
    )


def ratio(total: float, count: int) -> float | None:
    return total / count if count else None
