"""What can happen, the whole vocabulary: one JSON object a line on a child's standard output.

A line is an event or it is refused; nothing else may be written there (a child's logging goes to standard error, which
becomes the job's log). The same events arrive from a local worker, a remote run and an imported file. Nothing here
imports torch or Django. `sequence` counts from 0 within one attempt, so that a repeated delivery is recognised.
"""

import json
import sys
import threading
from typing import Annotated, Literal, TextIO

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from compute.configs import MOST_COUNTED, Reference, Sha256, one_sentence
from compute.errors import ConfigError

MAX_LINE_BYTES = 64 << 20
# What a row can hold, and far beyond what a run can do: a larger number is an error, and must not reach an array or a
# COPY, where it would wrap around.
MOST_BYTES = 2**63 - 1
MOST_SECONDS = 1e6
MOST_SQUARE = 1e100
MOST_LAYERS = 10_000
# Of one step of a training.
MOST_FIGURES = 200
MOST_DEVICES = 64
Letters = Annotated[str, Field(pattern=r"^[AWRTMOCNI-]+$", max_length=10_000)]
Seconds = Annotated[float, Field(ge=0, le=MOST_SECONDS)]
LongSeconds = Annotated[float, Field(ge=0, le=1000 * MOST_SECONDS)]  # of a whole job, summed over what runs abreast


class Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    sequence: int = Field(-1, ge=-1)


class Started(Event):
    type: Literal["started"] = "started"
    kind: str
    pid: int
    versions: dict[str, str] = {}


class Log(Event):
    type: Literal["log"] = "log"
    line: str = Field(max_length=20_000)


class Progress(Event):
    """`done` of `total` in `unit` ("steps", "samples"), within the named stage."""

    type: Literal["progress"] = "progress"
    stage: str = Field(max_length=80)
    done: float = Field(ge=0)
    total: float = Field(gt=0)
    unit: str = Field(max_length=20)


class TestSummary(BaseModel):
    """One test of a problem without its bytes, in size order. `group` is the coverage level (1-based) it belongs to."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    identifier: str
    group: int = Field(ge=1)
    size_bytes: int = Field(ge=0)
    public: bool = False
    input_text: str | None = Field(None, description="public tests only")
    output_text: str | None = Field(None, description="public tests only")


class ProblemAdded(Event):
    """`position` is the place within the problem set; `content_sha256` identifies statement, limits and tests."""

    type: Literal["problem"] = "problem"
    problem_set: Reference
    position: int = Field(ge=0)
    slug: Reference
    title: str
    statement: str
    difficulty: str
    tags: tuple[str, ...] = ()
    cpu_seconds: float = Field(gt=0)
    memory_bytes: int = Field(gt=0)
    content_sha256: str
    levels: int = Field(ge=1)
    tests: tuple[TestSummary, ...]
    checker: str = "tokens"
    level_names: tuple[str, ...] = ()
    limit_source: str = ""


class ProblemSetReady(Event):
    """All problems of the set have been sent and its file is written. `audit` holds the coverage audit's figures."""

    type: Literal["problem_set"] = "problem_set"
    problem_set: Reference
    path: str
    blobs: str
    problems: int
    sha256: str
    audit: dict[str, object] = {}


class ProblemAudited(Event):
    """What the audit found of one problem (`compute.problems.audit.ProblemAudit`); it has no test's bytes."""

    type: Literal["problem_audited"] = "problem_audited"
    problem_set: Reference
    slug: Reference
    audit: dict[str, object]


class AuditReady(Event):
    """All problems of the set are audited. `audit`: the figures of the whole set (`compute.problems.audit.Audit`)."""

    type: Literal["audit"] = "audit"
    problem_set: Reference
    audit: dict[str, object]


class Metric(Event):
    """Training figures at one step. `run` is the reference of the run's final checkpoint. `null` means undefined."""

    type: Literal["metric"] = "metric"
    run: Reference
    step: int = Field(ge=0)
    values: dict[str, float | None] = Field(max_length=MOST_FIGURES)


class IngredientRecord(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    checkpoint: Reference
    weight: float


class CheckpointWritten(Event):
    """A safetensors folder exists and is complete. `run` names the training run for early checkpoints as well.

    `ingredients`: the terms of a weighted sum of checkpoints; empty for a merge that is none, as by slerp or TIES:
    that one says in `grown_from` what went into it.
    """

    type: Literal["checkpoint"] = "checkpoint"
    checkpoint: Reference
    origin: Literal["base", "trained", "merged"]
    folder: str
    sha256: Sha256
    size_bytes: int
    run: Reference | None = None
    parent: Reference | None = None
    step: int | None = None
    coverage: float | None = None
    ingredients: tuple[IngredientRecord, ...] = ()
    grown_from: tuple[Reference, ...] = ()


class DeltaSums(BaseModel):
    """Of one layer: |low - base|^2, |high - base|^2, their inner product, and how many numbers they have."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    layer: str = Field(max_length=500, pattern=r"^[\w.\-]+$")
    low_square: float = Field(ge=0, le=MOST_SQUARE)
    high_square: float = Field(ge=0, le=MOST_SQUARE)
    product: float = Field(ge=-MOST_SQUARE, le=MOST_SQUARE)
    count: int = Field(ge=0, le=MOST_BYTES)


class GeometryMeasured(Event):
    """How two checkpoints moved away from their initialisation, layer by layer in the order of the model's files."""

    type: Literal["geometry"] = "geometry"
    low: Reference
    high: Reference
    base: Reference
    layers: tuple[DeltaSums, ...] = Field(max_length=MOST_LAYERS)


class EvaluationStarted(Event):
    type: Literal["evaluation_started"] = "evaluation_started"
    evaluation: Reference
    checkpoint: Reference
    problem_set: Reference
    alpha: float | None
    setting: str
    samples_per_problem: int
    isolation: str
    levels: int


class SampleRecord(BaseModel):
    """One judged answer. `letters`: one verdict letter a test in size order; `cpu_seconds` and `memory_bytes`: maxima
    over its tests; `test_cpu_seconds`: one value a test, rounded to milliseconds."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    problem: Reference
    index: int = Field(ge=0, le=MOST_COUNTED)
    letters: Letters
    cpu_seconds: Seconds
    memory_bytes: int = Field(ge=0, le=MOST_BYTES)
    tokens: int = Field(ge=0, le=MOST_COUNTED)
    finish: Literal["stop", "length"] = "stop"
    log_likelihood: float | None = None
    program: Sha256 | None = Field(description="sha256 of the program's text; null when no program was found")
    test_cpu_seconds: tuple[Seconds, ...] = ()
    transcript: Sha256 | None = Field(None, description="sha256 of the transcript's text; null after a single turn")


class Samples(Event):
    """All samples of some problems of one evaluation: a problem is either whole in one event or not yet judged.

    `programs` maps the sha256 of each program that this event is the first to mention to its text, `transcripts`
    likewise of each `compute.rollout.transcript.Transcript`.
    """

    type: Literal["samples"] = "samples"
    evaluation: Reference
    samples: tuple[SampleRecord, ...]
    programs: dict[str, str] = {}
    transcripts: dict[Sha256, str] = {}


class EvaluationFinished(Event):
    """`alarms`: collapse indicators (no_answer_rate, mean_tokens, mean_log_likelihood, distance, cosine, ...)."""

    type: Literal["evaluation_finished"] = "evaluation_finished"
    evaluation: Reference
    alarms: dict[str, float | None] = {}


class DeviceUsage(BaseModel):
    """One device at one moment. `utilisation` in [0, 1], null where the driver does not say."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    name: str = Field(max_length=80)
    memory_bytes: int = Field(gt=0, le=MOST_BYTES)
    used_bytes: int = Field(ge=0, le=MOST_BYTES)
    utilisation: float | None = Field(ge=0, le=1)


class Usage(Event):
    """The devices that the job sees, `seconds` after its start; tokens and the seconds of each part since then."""

    type: Literal["usage"] = "usage"
    seconds: LongSeconds
    devices: tuple[DeviceUsage, ...] = Field(max_length=MOST_DEVICES)
    tokens: int = Field(0, ge=0, le=MOST_BYTES)
    generation_seconds: LongSeconds = 0.0
    judging_seconds: LongSeconds = 0.0
    learning_seconds: LongSeconds = 0.0


class Finished(Event):
    type: Literal["finished"] = "finished"
    summary: dict[str, object] = {}


class CancelAcknowledged(Event):
    type: Literal["cancelled"] = "cancelled"


class Failed(Event):
    type: Literal["failed"] = "failed"
    error_kind: str
    message: str


AnyEvent = Annotated[
    Started
    | Log
    | Progress
    | ProblemAdded
    | ProblemSetReady
    | ProblemAudited
    | AuditReady
    | Metric
    | CheckpointWritten
    | GeometryMeasured
    | EvaluationStarted
    | Samples
    | EvaluationFinished
    | Usage
    | Finished
    | CancelAcknowledged
    | Failed,
    Field(discriminator="type"),
]
_adapter: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
FINAL = ("finished", "cancelled", "failed")


def parse_event(line: str | bytes) -> AnyEvent:
    """One line -> one event. Raises ConfigError with one sentence when the line is not an event of this vocabulary."""
    if len(line) > MAX_LINE_BYTES:
        raise ConfigError(f"An event line of {len(line)} bytes is longer than {MAX_LINE_BYTES}.")
    try:
        return _adapter.validate_json(line)
    except ValidationError as error:
        start = line[:80] if isinstance(line, str) else line[:80].decode("utf-8", "replace")
        raise ConfigError(f"Not an event: {one_sentence(error)} The line begins {start!r}.") from None


class EventWriter:
    """Numbers events and writes them, one line each; safe to call from several threads."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lock = threading.Lock()
        self._sequence = 0

    def __call__(self, event: Event) -> None:
        with self._lock:
            data = event.model_dump(mode="json") | {"sequence": self._sequence}
            self._stream.write(json.dumps(data, separators=(",", ":"), allow_nan=False) + "\n")
            self._stream.flush()
            self._sequence += 1
