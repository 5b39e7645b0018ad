"""What the API takes and gives. Rates lie in [0, 1]; what is not known is null."""

from datetime import datetime
from typing import Literal

from ninja import Schema
from pydantic import ConfigDict, Field

from compute.configs import MergeMethod, Sampler, Seed, Setting, Tests, ToolLimits, Trainer, WeightsEngine
from compute.miniature.study import PLAN
from compute.rollout.transcript import Step
from frontier_app.models import Job


class Request(Schema):
    """A body. Unknown keys are refused rather than ignored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class MiniatureRequest(Request):
    slug: str = Field("miniature", min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    seed: Seed = 0


class TrainRequest(Request):
    coverages: list[float]
    seeds: list[int] = [0]
    steps: int = PLAN.steps
    save_steps: list[int] = []
    prompts_per_step: int = PLAN.prompts_per_step
    repairs_per_step: int = 0
    group: int = PLAN.group
    learning_rate: float = PLAN.learning_rate
    temperature: float = PLAN.temperature
    max_tokens: int = PLAN.max_tokens
    scale_rewards: bool = False
    kl_coefficient: float = 0.0
    tests: Tests = "first"
    trainer: Trainer = PLAN.trainer
    queue: str = Field("", description="one of /queues; the usual one when left out")
    mask_truncated: bool = False
    lora_rank: int | None = None
    measure_every: int | None = None
    patience: int | None = None
    resume_every: int | None = None
    sampler: Sampler = "cached"
    vllm_server: str | None = None
    remote: bool = False
    dry_run: bool = False


class TemplateRequest(Request):
    """Each template takes what it needs. `low`, `high` and `members` are references of checkpoints."""

    coverages: list[float] = []
    seeds: list[int] = [0]
    alphas: list[float] = []
    low: str | None = None
    high: str | None = None
    members: list[str] = []
    steps: int = PLAN.steps
    samples: int = PLAN.samples
    temperature: float = 1.0
    max_tokens: int = PLAN.max_tokens
    setting: Setting = "reasoning"
    engine: WeightsEngine = "transformers"
    queue: str = Field("", description="one of /queues; the usual one when left out")
    dry_run: bool = False


class SamplingRequest(Request):
    samples: int = 16
    temperature: float = 1.0
    max_tokens: int = 160
    seed: int | None = None
    setting: Setting = "reasoning"
    tools: ToolLimits = Field(ToolLimits(), description="of the settings tools and agentic")
    engine: WeightsEngine = "transformers"
    queue: str = Field("", description="one of /queues; the usual one when left out")
    remote: bool = False
    dry_run: bool = False


class SweepRequest(SamplingRequest):
    low: str = Field(description="reference of the checkpoint at alpha 0")
    high: str = Field(description="reference of the checkpoint at alpha 1")
    alphas: list[float]


class EvaluateRequest(SamplingRequest):
    checkpoint: str


class MergeRequest(Request):
    low: str
    high: str
    alpha: float
    method: MergeMethod = "linear"
    coefficients: list[float] = Field([], description="of the two differences from the base, for methods that add them")
    density: float | None = Field(None, description="share of each difference that ties and dare keep")
    parts: dict[str, float] = Field({}, description="pattern of tensor names -> alpha; the last that matches counts")
    queue: str = Field("", description="one of /queues; cpu when left out")
    dry_run: bool = False


class StudyRequest(Request):
    title: str = Field(min_length=1, max_length=120)
    question: str = ""


class ImportRequest(Request):
    path: str = Field(description="a file or folder that the workers can read")
    format: str | None = Field(None, description="recognised from the files when left out")
    use_as: Literal["held-out", "training"] = "held-out"
    dry_run_only: bool = Field(False, description="a job that counts new, duplicate and refused problems, writing none")
    compare: Literal["seen", "study"] = Field(
        "seen", description="duplicates are problems of any set you can see, or of this study's own sets"
    )
    cpu_seconds: float | None = Field(None, description="limit of problems that state none")
    memory_mib: float | None = Field(None, description="limit of problems that state none")
    dry_run: bool = Field(False, description="launch nothing and give the estimate")


class AuditRequest(Request):
    problem_set: Literal["held-out", "training"] = "held-out"
    repeats: int = 2
    safety_factor: float = 5.0
    programs: str = Field("", description="a file of known programs, instead of those beside the set")
    dry_run: bool = False


class ProblemAuditOut(Schema):
    slug: str
    difficulty: str
    audit: dict[str, object] = Field(description="figures, marks and judged programs; empty before an audit")


class AuditOut(Schema):
    """What the tests of a set can tell apart. It has no test's bytes and no program's text."""

    problem_set: str
    figures: dict[str, object] = Field(description="of the whole set")
    problems: list[ProblemAuditOut]


class StudyOut(Schema):
    slug: str
    title: str
    question: str
    seed: int
    created: datetime


class CheckpointOut(Schema):
    reference: str
    name: str
    origin: str
    materialised: bool
    sha256: str
    size_bytes: int
    step: int | None
    coverage: float | None


class RunOut(Schema):
    reference: str
    name: str
    coverage: float
    seed: int
    steps: int


class Rates(Schema):
    n: int
    solve_rate: float | None
    optimisation_failure_rate: float | None
    correctness_failure_rate: float | None
    no_answer_rate: float | None
    infrastructure_count: int


class PointOut(Schema):
    checkpoint: str
    alpha: float | None
    setting: str
    difficulties: dict[str, Rates]


class Points(Schema):
    points: list[PointOut]


class Curve(Schema):
    """One figure of a run along its steps."""

    name: str
    steps: list[int]
    values: list[float | None]


class TranscriptOut(Schema):
    """What was said, called and returned on the way to one answer."""

    setting: str
    ended: str = Field(description="why it ended, such as submitted, answered or out of turns")
    turns: int = Field(description="of the policy")
    calls: int = Field(description="of tools, that were run")
    steps: list[Step] = Field(description="message by message, from the system's on")


class JobOut(Schema):
    reference: str
    study: str | None
    kind: str
    title: str
    queue: str
    state: str
    attempt: int
    remote: bool
    stage: str
    done: float
    total: float
    unit: str
    queue_position: int | None
    error_kind: str
    error: str
    summary: dict[str, object]
    retries: str | None = Field(description="the job that this one tries again")
    retried_by: str | None
    cost_estimate_seconds: float | None
    cost_seconds: float | None
    created: datetime
    started: datetime | None
    ended: datetime | None

    @classmethod
    def of(cls, job: Job) -> "JobOut":
        again = job.retried_by()
        named = {name: getattr(job, name) for name in cls.model_fields if hasattr(job, name)}
        return cls(
            **named
            | {
                "study": job.study.slug if job.study else None,
                "queue_position": job.queue_position(),
                "retries": job.parent.reference if job.parent else None,
                "retried_by": again.reference if again else None,
            }
        )


class WorkerOut(Schema):
    name: str
    queues: list[str]
    devices: list[dict[str, object]] = Field(description="name, memory_bytes and accelerator of each")


class QueuesOut(Schema):
    queues: list[str] = Field(description="that jobs can be launched for, the usual one first")
    workers: list[WorkerOut] = Field(description="those alive")


class LaunchedOut(Schema):
    jobs: list[JobOut]
    estimate_seconds: float = Field(description="of one worker, all jobs together")
    estimate_basis: str
    concludes: list[str] = Field([], description="of a template: what its results will be able to decide")


class LogOut(Schema):
    text: str


class ElsewhereOut(Schema):
    command: str
    submit: str = Field(description="on a Slurm cluster's login node")
    slurm: str = Field(description="an sbatch script of the same")


class ClaimOut(Schema):
    token: int
    config: dict[str, object] = Field(description="for `python -m compute KIND config.json`")


class Delivered(Schema):
    state: str
    last_sequence: int
    refused: list[str] = Field(description="a sentence for every line that is not an event")


class StateOut(Schema):
    state: str
