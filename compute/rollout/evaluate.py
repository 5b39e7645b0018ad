"""Sample and judge points: one checkpoint, or a sweep of averages whose weights are set in place.

Every test of every problem is run, so that the split of failures does not depend on the order of tests. While one batch
is judged the next is sampled. A problem is sent whole, all its samples at once, so that a job that is resumed samples
only the problems that are missing; their answers are the same as they would have been.
"""

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
from compute.judge.verdict import Verdict
from compute.problems.problem import BlobStore, Problem, read_problem_set
from compute.rollout.agent import AgentDialogues
from compute.rollout.answers import Answer, Harness
from compute.rollout.engines import Engine, open_engine
from compute.rollout.reasoning import Reasoning
from compute.rollout.tools import ToolDialogues
from compute.rollout.transcript import sha256_of
from compute.usage import SPENT

BATCHES_AHEAD = 2  # sampled but not yet judged: bounds memory, keeps the judge busy


def run(config: EvaluateConfig, emit: EventWriter, cancelled: Callable[[], bool]) -> dict[str, object]:
    """Evaluate all points. Raises ConfigError, MissingInput, EngineError, SandboxError, Cancelled."""
    problems = read_problem_set(config.problems.path)
    if not problems:
        raise ConfigError(f"The problem set {config.problems.path} holds no problems.")
    # The judge first: its fork server must stay small, so nothing heavy may be loaded before it starts.
    with (
        Judge(config.limits, BlobStore(config.problems.blobs), cache=config.judge_cache) as judge,
        closing(open_engine(config, lambda sentence: emit(Log(line=sentence)))) as engine,
        closing(open_harness(config, engine)) as harness,
    ):
        return Sweep(config, problems, judge, engine, harness, emit, cancelled).run()


def open_harness(config: EvaluateConfig, engine: Engine) -> Harness:
    """The setting that a config asks for. Raises SandboxError where its tools cannot be isolated."""
    if config.setting == "tools":
        return ToolDialogues(config, engine)
    if config.setting == "agentic":
        return AgentDialogues(config, engine)
    return Reasoning(engine)


class Batch(NamedTuple):
    """Some problems of one point, answered. `answers`: (problems, samples)."""

    problems: list[Problem]
    answers: list[list[Answer]]


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
    turns: int = 0
    calls: int = 0
    with_turns: int = 0
    sent_programs: set[str] = field(default_factory=set)
    sent_transcripts: set[str] = field(default_factory=set)

    def add(self, answer: Answer) -> None:
        self.samples += 1
        self.tokens += answer.tokens
        self.without_program += answer.program is None
        self.cut_off += answer.finish == "length"
        if answer.log_likelihood is not None:
            self.log_likelihood += answer.log_likelihood
            self.tokens_with_likelihood += answer.tokens
        if answer.transcript is not None:
            self.with_turns += 1
            self.turns += answer.transcript.turns
            self.calls += answer.transcript.calls

    def alarms(self) -> dict[str, float | None]:
        """Over the samples of this attempt. `mean_log_likelihood`: nats a token of the policy's own answers."""
        return dict(self.weight_alarms) | {
            "no_answer_rate": ratio(self.without_program, self.samples),
            "cut_off_rate": ratio(self.cut_off, self.samples),
            "mean_tokens": ratio(self.tokens, self.samples),
            "mean_log_likelihood": ratio(self.log_likelihood, self.tokens_with_likelihood),
            "mean_turns": ratio(self.turns, self.with_turns),
            "mean_calls": ratio(self.calls, self.with_turns),
        }


class Sweep:
    """The loop over points and batches: this thread samples and writes events, one other thread judges."""

    def __init__(
        self,
        config: EvaluateConfig,
        problems: list[Problem],
        judge: Judge,
        engine: Engine,
        harness: Harness,
        emit: EventWriter,
        cancelled: Callable[[], bool],
    ) -> None:
        self.config, self.problems, self.judge, self.engine, self.harness = config, problems, judge, engine, harness
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
            answers = self.harness.answers(problems, self.config.sampling, self.stopped)
            seconds = time.monotonic() - started
            self.seconds["sampling"] += seconds
            SPENT.add("generation", seconds, sum(answer.tokens for group in answers for answer in group))
            yield Batch(problems, answers)

    def judged(self, batch: Batch) -> list[list[Judgement]]:
        """All tests of all programs: (problems, samples). Runs in the judge thread."""
        started = time.monotonic()
        groups = []
        for problem, answers in zip(batch.problems, batch.answers, strict=True):
            wanted = dict.fromkeys(answer.program for answer in answers if not answer.is_infrastructure)
            known = self.judged_once(problem, list(wanted))
            lost = self.not_judged(problem)
            groups.append([lost if answer.is_infrastructure else known[answer.program] for answer in answers])
        seconds = time.monotonic() - started
        self.seconds["judging"] += seconds
        SPENT.add("judging", seconds)
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

    def not_judged(self, problem: Problem) -> Judgement:
        """Of an answer that the machine spoilt: it is counted, and counts for nothing."""
        nothing = (0,) * len(problem.tests)
        letters = Verdict.INFRASTRUCTURE * len(problem.tests)
        return Judgement(letters, nothing, nothing, str(self.judge.isolation), cached=False)

    def deliver(self, tally: Tally, batch: Batch | None, judging: Future[list[list[Judgement]]] | None) -> None:
        """Send one judged batch; or, after a point's last, what there is to say about the whole point."""
        if batch is None or judging is None:
            self.emit(EvaluationFinished(evaluation=tally.point.evaluation, alarms=tally.alarms()))
            return
        for problem, answers, judgements in zip(*batch, judging.result(), strict=True):
            records = []
            programs: dict[str, str] = {}
            transcripts: dict[str, str] = {}
            for index, (answer, judgement) in enumerate(zip(answers, judgements, strict=True)):
                tally.add(answer)
                program = new_text(answer.program, tally.sent_programs, programs)
                told = answer.transcript.as_text() if answer.transcript is not None else None
                transcript = new_text(told, tally.sent_transcripts, transcripts)
                records.append(record_of(problem, index, answer, judgement, program, transcript))
            self.emit(
                Samples(
                    evaluation=tally.point.evaluation,
                    samples=tuple(records),
                    programs=programs,
                    transcripts=transcripts,
                )
            )
            self.progress(len(records))

    def progress(self, more: int) -> None:
        self.done += more
        self.emit(Progress(stage="evaluate", done=self.done, total=self.total, unit="samples"))

    def stopped(self) -> bool:
        return self.stopping.is_set() or self.cancelled()

    def refuse_when_cancelled(self) -> None:
        if self.stopped():
            raise Cancelled("The evaluation was cancelled.")


def new_text(text: str | None, sent: set[str], texts: dict[str, str]) -> str | None:
    """The sha256 of `text`, which goes into `texts` unless it was `sent` before. None for None."""
    if text is None:
        return None
    sha256 = sha256_of(text)
    if sha256 not in sent:
        sent.add(sha256)
        texts[sha256] = text
    return sha256


def record_of(
    problem: Problem, index: int, answer: Answer, judgement: Judgement, program: str | None, transcript: str | None
) -> SampleRecord:
    """`program` and `transcript`: the sha256 of their texts."""
    return SampleRecord(
        problem=problem.slug,
        index=index,
        letters=judgement.letters,
        cpu_seconds=max(judgement.cpu_seconds, default=0.0),
        memory_bytes=max(judgement.memory_bytes, default=0),
        tokens=answer.tokens,
        finish=answer.finish,
        log_likelihood=answer.log_likelihood,
        program=program,
        test_cpu_seconds=tuple(round(seconds, 3) for seconds in judgement.cpu_seconds),
        transcript=transcript,
    )


def ratio(total: float, count: int) -> float | None:
    return total / count if count else None
