"""What can be asked of compute: one frozen model a kind of job, readable without torch.

A config is the whole request. The page, the API, the command line and the tests all build one of these, and
`python -m compute KIND config.json` runs it; unknown keys are refused. Paths are absolute. Nothing here runs anything.
"""

import difflib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from compute.errors import ConfigError

Setting = Literal["reasoning", "tools", "agentic"]
SETTINGS: tuple[Setting, ...] = get_args(Setting)
Trainer = Literal["trl", "compact"]
Tests = Literal["first", "random"]
Sampler = Literal["cached", "vllm"]
WeightsEngine = Literal["transformers", "vllm"]  # those that read checkpoints, and so become averages by themselves
EngineName = Literal["transformers", "vllm", "openai", "scripted"]
MergeMethod = Literal["linear", "soup", "task_arithmetic", "slerp", "ties", "dare"]
FROM_BASE = ("task_arithmetic", "ties", "dare")
SPARSE = ("ties", "dare")
Coverage = Annotated[float, Field(gt=0, le=1)]
# Rows keep seeds and steps as 32-bit integers.
MOST_COUNTED = 2**31 - 1
Seed = Annotated[int, Field(ge=0, le=MOST_COUNTED)]
REFERENCE_LENGTH = 64
Reference = Annotated[str, Field(min_length=1, max_length=REFERENCE_LENGTH, pattern=r"^[A-Za-z0-9._:-]+$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ProblemSetSource(Strict):
    """A problem set on disk: JSON lines of `compute.problems.problem.Problem`; tests' bytes lie in `blobs` by hash."""

    reference: Reference
    path: Path
    blobs: Path


class Sampling(Strict):
    """How answers are drawn. The same seed gives every checkpoint the same random numbers for a problem and index."""

    samples: int = Field(16, ge=1, le=4096)
    temperature: float = Field(1.0, ge=0, le=5)
    max_tokens: int = Field(160, ge=1, le=131_072)
    seed: Seed = 0
    problems_per_batch: int = Field(16, ge=1, le=1024)


class Toolchain(Strict):
    """Who runs programs. `interpreter` None is the Python that runs the judge. A CPython from 3.11 on is kept warm, any
    other interpreter starts anew for each run. `cpp_flags` go to g++."""

    interpreter: Path | None = None
    cpp_flags: tuple[str, ...] = ("-O2", "-std=gnu++20", "-static", "-pipe")


class JudgeLimits(Strict):
    """Limits on one test. `None` takes the problem's own limit. The wall limit only guards against sleeping."""

    cpu_seconds: float | None = Field(None, gt=0, le=600)
    memory_bytes: int | None = Field(None, ge=16 << 20)
    output_bytes: int = Field(16 << 20, ge=1024)
    wall_factor: float = Field(10.0, ge=2)
    workers: int = Field(1, ge=1, le=256)
    unsafe: bool = False
    toolchain: Toolchain = Toolchain()


def server_address(value: str) -> str:
    """Raises ValueError unless it is one, without a key."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the server's address begins with http:// or https://")
    if parts.username or parts.password or parts.query:
        raise ValueError("a key has no place in the address: name the environment variable that holds it")
    return value.rstrip("/")


class InstallConfig(Strict):
    """Install the compute part of Frontier into the running environment."""

    kind: Literal["install"] = "install"
    project: Path
    extra: str = "ml"


class ProblemsConfig(Strict):
    """Write the miniature problem family's training and held-out sets, with tests, and audit them."""

    kind: Literal["problems"] = "problems"
    train_reference: Reference
    held_out_reference: Reference
    folder: Path
    blobs: Path
    seed: Seed = 0
    train: dict[Literal["easy", "medium", "hard"], int] = {"easy": 30, "medium": 60, "hard": 210}
    held_out: dict[Literal["easy", "medium", "hard"], int] = {"easy": 24, "medium": 32, "hard": 72}
    weak_share: float = Field(0.3, ge=0, le=1)


class ImportConfig(Strict):
    """Read problems from `path` in one of `compute.problems.formats` and write them as a problem set.

    `format` None is recognised from the files. Problems that stand in one of the `known` sets, or twice here, count as
    duplicates and are left out. A `dry_run` writes nothing and reports the same counts. `cpu_seconds` and
    `memory_bytes` serve problems that state none; without, a time limit is computed from accepted solutions.
    """

    kind: Literal["import"] = "import"
    reference: Reference
    path: Path
    format: str | None = None
    folder: Path
    blobs: Path
    known: tuple[Path, ...] = ()
    dry_run: bool = False
    cpu_seconds: float | None = Field(None, gt=0, le=600)
    memory_bytes: int | None = Field(None, ge=16 << 20)
    limits: JudgeLimits = JudgeLimits()
    judge_cache: Path | None = None


class AuditConfig(Strict):
    """Judge the known programs of a problem set and say what its tests can tell apart.

    `programs`: JSON lines of `compute.problems.problem.KnownProgram`; None takes the file beside the set's. Every
    program is judged `repeats` times. Suggested limits are the slowest accepted program's time x `safety_factor`.
    """

    kind: Literal["audit"] = "audit"
    problems: ProblemSetSource
    programs: Path | None = None
    repeats: int = Field(2, ge=1, le=100)
    safety_factor: float = Field(5.0, gt=1)
    limits: JudgeLimits = JudgeLimits()


class InspectConfig(Strict):
    """Run one program on one public test of a problem and keep what it wrote, for a person who looks into a failure.

    `test` is the test's place in size order, from 1. Hidden tests are refused: their bytes must not come back.
    """

    kind: Literal["inspect"] = "inspect"
    problems: ProblemSetSource
    problem: Reference
    test: int = Field(ge=1, le=MOST_COUNTED)
    program: str = Field(max_length=1 << 20)
    language: str = "python"
    limits: JudgeLimits = JudgeLimits()


class PretrainConfig(Strict):
    """Supervised pre-training of a miniature base, whose scale is its width and number of layers."""

    kind: Literal["pretrain"] = "pretrain"
    folder: Path
    reference: Reference = "base"
    steps: int = Field(500, ge=1)
    batch: int = Field(64, ge=1)
    learning_rate: float = Field(3e-3, gt=0)
    hidden_size: int = Field(128, ge=16, le=4096, multiple_of=8)
    layers: int = Field(3, ge=1, le=64)
    seed: Seed = 0


class Lora(Strict):
    """Train a low-rank adapter (arXiv 2106.09685) instead of all weights: its difference is alpha / rank x B A.

    `targets`: names of modules as PEFT takes them; "all-linear" alone is every linear layer but the output.
    """

    rank: int = Field(16, ge=1, le=4096)
    alpha: int = Field(32, ge=1, le=65_536)
    targets: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = Field(("all-linear",), min_length=1)


class HeldOut(Strict):
    """Measure the policy on other problems every `every` steps, each answer judged on its problem's whole suite.

    `most`: of the set's problems, so many at even distances; None takes all. `patience` ends the training when the
    solve rate has not risen in so many measurements. It chooses by these problems: measure what it chose on others.
    """

    problems: ProblemSetSource
    every: int = Field(5, ge=1)
    samples: int = Field(4, ge=1, le=4096)
    most: int | None = Field(None, ge=1)
    patience: int | None = Field(None, ge=1)


class TrainConfig(Strict):
    """GRPO under nested unit-test coverage. Coverage is the one factor that differs between the runs of a sweep.

    `scale_rewards` divides advantages by the group's standard deviation and `kl_coefficient` adds a KL term to the
    initialisation; both are off as in arXiv 2605.28751. `trainer` chooses TRL's `GRPOTrainer` or the compact loop.
    `sampler` chooses who answers while TRL learns: our cached sampler, or vLLM inside TRL for models that need GPUs.
    `tests`: the reward requires the `first` tests in size order, which nest by coverage, or as many drawn at `random`.
    `repairs_per_step`: prompts besides, about attempts of the step that failed (online fixing, of the same paper).
    `micro_batch` is the most sequences in one forward pass and changes nothing but memory and speed.
    `mask_truncated` learns nothing from answers cut at `max_tokens` (DAPO, arXiv 2503.14476). Off, because an answer
    without a program earns 0 here, and infrastructure trouble alone drops a sample; for long answers it is steadier.
    `lora`: the checkpoint is the merged model, with the adapter in its folder `adapter`.
    `vllm_server`: the address of a `trl vllm-serve`, which gets the weights after every step; without it vLLM runs
    beside the policy. Neither can be run without a GPU, and so neither is tested here.
    `resume_every`: after how many steps the state is kept from which a killed training goes on (0: never). With 1 no
    step is done twice. A state is some three times the weights in float32, so that large models choose more.
    """

    kind: Literal["train"] = "train"
    reference: Reference
    initialisation: Path
    initialisation_reference: Reference
    folder: Path
    problems: ProblemSetSource
    coverage: Coverage
    tests: Tests = "first"
    steps: int = Field(25, ge=1, le=MOST_COUNTED)
    save_steps: tuple[int, ...] = ()
    prompts_per_step: int = Field(12, ge=1)
    repairs_per_step: int = Field(0, ge=0)
    group: int = Field(12, ge=2)
    learning_rate: float = Field(2.5e-4, gt=0)
    warmup_steps: int = Field(5, ge=0)
    temperature: float = Field(1.0, gt=0, le=5)
    max_tokens: int = Field(160, ge=1)
    scale_rewards: bool = False
    kl_coefficient: float = Field(0.0, ge=0)
    gradient_clip: float = Field(1.0, gt=0)
    seed: Seed = 0
    trainer: Trainer = "trl"
    sampler: Sampler = "cached"
    micro_batch: int = Field(48, ge=1)
    dtype: Literal["float32", "bfloat16"] = "float32"
    gradient_checkpointing: bool = False
    mask_truncated: bool = False
    lora: Lora | None = None
    held_out: HeldOut | None = None
    vllm_server: str | None = Field(None, max_length=500)
    resume_every: int = Field(1, ge=0)
    limits: JudgeLimits = JudgeLimits()
    judge_cache: Path | None = None

    @model_validator(mode="after")
    def vllm_answers_inside_trl(self) -> "TrainConfig":
        if self.sampler == "vllm" and self.trainer != "trl":
            raise ValueError("the vllm sampler needs the trl trainer")
        if self.vllm_server is not None and self.sampler != "vllm":
            raise ValueError("vllm_server is of no use without the vllm sampler")
        return self

    @model_validator(mode="after")
    def repairs_are_asked_by_our_sampler(self) -> "TrainConfig":
        if self.repairs_per_step and self.sampler == "vllm":
            raise ValueError("repairs_per_step needs the cached sampler: vLLM inside TRL asks each step's prompts once")
        return self

    @field_validator("vllm_server")
    @classmethod
    def the_server_has_an_address(cls, value: str | None) -> str | None:
        return None if value is None else server_address(value)

    @model_validator(mode="after")
    def one_judge_reads_both_sets(self) -> "TrainConfig":
        if self.held_out is not None and self.held_out.problems.blobs != self.problems.blobs:
            raise ValueError(
                "held_out: its tests must lie in the same folder (blobs) as those of the training problems"
            )
        return self

    @model_validator(mode="after")
    def saved_steps_lie_in_the_run(self) -> "TrainConfig":
        if any(not 1 <= step <= self.steps for step in self.save_steps):
            raise ValueError(f"save_steps must lie between 1 and steps ({self.steps})")
        return self

    @model_validator(mode="after")
    def early_checkpoints_have_names_that_fit(self) -> "TrainConfig":
        longest = max((self.reference_at(step) for step in self.save_steps), key=len, default="")
        if len(longest) > REFERENCE_LENGTH:
            raise ValueError(f"the early checkpoint {longest!r} has a name longer than {REFERENCE_LENGTH} letters")
        return self

    @property
    def prompts_asked(self) -> int:
        """Prompts of a step, repairs included."""
        return self.prompts_per_step + self.repairs_per_step

    @property
    def early_steps(self) -> list[int]:
        """After which steps a checkpoint is written besides the last one."""
        return sorted(set(self.save_steps) - {self.steps})

    def reference_at(self, step: int) -> str:
        """The checkpoint written after `step`: the run's own reference at the end, an early one's before it."""
        return self.reference if step == self.steps else f"{self.reference}-step{step}"

    def folder_at(self, step: int) -> Path:
        return self.folder if step == self.steps else self.folder.with_name(f"{self.folder.name}-step{step}")


class Ingredient(Strict):
    """A checkpoint folder and its weight in an average. `sha256`: its weights' hash, where it is known beforehand."""

    reference: Reference
    folder: Path
    weight: float
    sha256: str | None = None


class MergeBase(Strict):
    """The checkpoint from which differences are taken, as a rule the shared initialisation; `sha256` as above."""

    reference: Reference
    folder: Path
    sha256: str | None = None


class PartWeights(Strict):
    """Weights of their own, one an ingredient, for the tensors whose names match a shell pattern."""

    pattern: str = Field(min_length=1, max_length=500)
    weights: tuple[float, ...]

    @field_validator("pattern")
    @classmethod
    def names_tensors(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("a pattern has no control characters")
        return value


class MergeConfig(Strict):
    """Write a merge of checkpoints, computed in float32 and cast once (`compute.merging.methods` has the formulas).

    linear: the sum over ingredients of weight x tensor, with weights that sum to 1. soup: the same with equal weights.
    slerp: from the first of two ingredients to the second, whose weight is alpha. The others add differences from
    `base`: task_arithmetic each with its weight; dare so too, of a random share `density` of their entries, drawn from
    `seed`; ties `scale` x the weighted mean of the largest share `density` that agree in sign. Their ingredients may be
    LoRA adapters (a folder as PEFT writes it), and a weight of -1 subtracts one. `parts` give weights to single layers
    or modules, such as "model.layers.0.*": the last pattern that matches a tensor wins, and where none does the
    ingredients' own weights hold.
    """

    kind: Literal["merge"] = "merge"
    reference: Reference
    folder: Path
    ingredients: tuple[Ingredient, ...] = Field(min_length=1)
    method: MergeMethod = "linear"
    base: MergeBase | None = None
    density: float | None = Field(None, gt=0, le=1)
    scale: float = 1.0
    seed: Seed = 0
    parts: tuple[PartWeights, ...] = ()

    @model_validator(mode="after")
    def the_method_has_what_it_needs(self) -> "MergeConfig":
        if (self.base is None) == (self.method in FROM_BASE):
            raise ValueError(f"base is {'needed' if self.base is None else 'of no use'} for the method {self.method}")
        if (self.density is None) == (self.method in SPARSE):
            verdict = "needed" if self.density is None else "of no use"
            raise ValueError(f"density is {verdict} for the method {self.method}")
        if self.scale != 1 and self.method != "ties":
            raise ValueError(f"scale is of no use for the method {self.method}")
        return self

    @model_validator(mode="after")
    def the_weights_suit_the_method(self) -> "MergeConfig":
        if any(len(part.weights) != len(self.ingredients) for part in self.parts):
            raise ValueError(f"parts need one weight an ingredient, {len(self.ingredients)} each")
        rows = [tuple(one.weight for one in self.ingredients), *(part.weights for part in self.parts)]
        if self.method == "soup" and (self.parts or len(set(rows[0])) > 1):
            raise ValueError("ingredients of a soup have equal weights")
        if self.method == "slerp" and len(self.ingredients) != 2:
            raise ValueError("ingredients of slerp are two, the ends of an arc")
        if self.method == "ties" and min(weight for row in rows for weight in row) < 0:
            raise ValueError("ingredients of ties have weights from 0 on; scale extrapolates")
        return self


class CheckpointSource(Strict):
    """A checkpoint folder; `sha256`: its weights' hash, where it is known beforehand."""

    reference: Reference
    folder: Path
    sha256: str | None = None


class GeometryConfig(Strict):
    """Measure how `low` and `high` moved away from `base`, layer by layer, without running them."""

    kind: Literal["geometry"] = "geometry"
    base: CheckpointSource
    low: CheckpointSource
    high: CheckpointSource


class EvaluationPoint(Strict):
    """One evaluation: the weights to set and the reference under which its samples are stored.

    One ingredient of weight 1 is a plain checkpoint; more are averaged in place and never written.
    `finished` holds the indices of problems that are already judged and must not be sampled again.
    """

    evaluation: Reference
    checkpoint: Reference
    alpha: float | None = None
    ingredients: tuple[Ingredient, ...] = Field(min_length=1)
    finished: tuple[str, ...] = ()


class VllmOptions(Strict):
    """`data_parallel` copies of the model, each on `tensor_parallel` devices.

    `dtype` "checkpoint" computes in the type of the weights. `memory_share`: of each device, for weights and cache.
    `context_tokens` None is the model's own. `eager` saves the minutes of compiling, and is slower afterwards.
    """

    tensor_parallel: int = Field(1, ge=1, le=64)
    data_parallel: int = Field(1, ge=1, le=64)
    dtype: Literal["checkpoint", "float32", "bfloat16", "float16"] = "checkpoint"
    memory_share: float = Field(0.9, gt=0, le=1)
    context_tokens: int | None = Field(None, ge=1)
    eager: bool = False


class Served(Strict):
    """A server that speaks OpenAI's API. `model` is the name it serves the checkpoint under.

    `interface` "chat" sends conversations and knows no weights; "vllm" sends tokens of the checkpoint's own tokenizer
    to a vLLM server that lets its weights be set. The key is read from the environment variable `key_variable` where
    the job runs. `spool` keeps finished answers, so that a job that was killed asks for none of them twice.
    `log_probabilities` asks for them, as the server reports them; "vllm" always does.
    """

    base_url: str = Field(max_length=500)
    model: str = Field(min_length=1, max_length=500)
    interface: Literal["chat", "vllm"] = "chat"
    key_variable: str | None = Field(None, pattern=r"^(OPENAI_API_KEY|FRONTIER_KEY_[A-Z0-9_]+)$")
    requests_per_minute: float | None = Field(None, gt=0)
    tokens_per_minute: float | None = Field(None, gt=0)
    concurrency: int = Field(16, ge=1, le=1024)
    attempts: int = Field(7, ge=1, le=100)
    first_wait_seconds: float = Field(1.0, gt=0, le=60)
    timeout_seconds: float = Field(600.0, gt=0)
    length_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    log_probabilities: bool = False
    spool: Path | None = None

    @field_validator("base_url")
    @classmethod
    def is_an_address_without_a_key(cls, value: str) -> str:
        return server_address(value)


class ToolLimits(Strict):
    """What the settings with several turns allow an answer. `Sampling.max_tokens` bounds one turn.

    `turns` None is 16 with tools and 128 in the agentic setting. `context_tokens`: of the whole conversation, and never
    more than the model's own. `attempts`: programs tried on the public samples, the last of which is graded; tools
    only. `calls`, `calls_per_turn`: of tools, beyond which they are not run; the agentic setting has one a turn.
    `mistakes`: turns in a row without a call that could be run, after which the answer ends. `call_seconds` of CPU and
    of waiting, `memory_bytes` of one process. `shown_characters` of a tool's output go back to the model.
    """

    turns: int | None = Field(None, ge=1, le=1000)
    context_tokens: int = Field(131_072, ge=16)
    attempts: int = Field(3, ge=1, le=100)
    calls: int = Field(32, ge=0, le=10_000)
    calls_per_turn: int = Field(4, ge=1, le=100)
    mistakes: int = Field(3, ge=1, le=100)
    call_seconds: float = Field(10.0, gt=0, le=600)
    memory_bytes: int = Field(256 << 20, ge=64 << 20)
    shown_characters: int = Field(4000, ge=100, le=1_000_000)


class EvaluateConfig(Strict):
    """Sample and judge one or more points. A sweep over alpha is several points that share their ingredients."""

    kind: Literal["evaluate"] = "evaluate"
    points: tuple[EvaluationPoint, ...] = Field(min_length=1)
    problems: ProblemSetSource
    setting: Setting = "reasoning"
    tools: ToolLimits = Field(ToolLimits(), description="of the settings tools and agentic")
    sampling: Sampling = Sampling()
    limits: JudgeLimits = JudgeLimits()
    judge_cache: Path | None = None
    engine: EngineName = "transformers"
    vllm: VllmOptions = VllmOptions()
    served: Served | None = Field(None, description="the server that the openai engine asks")
    script: Path | None = Field(
        None, description="answers of the scripted engine: a JSON file, problem -> list of texts"
    )
    initialisation: Path | None = Field(None, description="the shared start, for the alarms `distance` and `cosine`")

    @model_validator(mode="after")
    def the_openai_engine_has_a_server(self) -> "EvaluateConfig":
        if self.engine == "openai" and self.served is None:
            raise ValueError("the openai engine needs a server: served.base_url and served.model")
        return self


JobConfig = Annotated[
    InstallConfig
    | ProblemsConfig
    | ImportConfig
    | AuditConfig
    | InspectConfig
    | PretrainConfig
    | TrainConfig
    | MergeConfig
    | GeometryConfig
    | EvaluateConfig,
    Field(discriminator="kind"),
]
_adapter: TypeAdapter[JobConfig] = TypeAdapter(JobConfig)
KINDS = ("install", "problems", "import", "audit", "inspect", "pretrain", "train", "merge", "geometry", "evaluate")


def parse_config(data: object) -> JobConfig:
    """Validate a decoded JSON value as a job config. Raises ConfigError with one sentence that names the field."""
    try:
        return _adapter.validate_python(data) if not isinstance(data, str | bytes) else _adapter.validate_json(data)
    except ValidationError as error:
        raise ConfigError(one_sentence(error, tagged=True)) from None


def read_config(path: Path, kind: str) -> JobConfig:
    """Read `path` and check that it is a config of `kind`. Raises ConfigError."""
    try:
        data = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The config {path} cannot be read: {error}.") from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"The config {path} is not JSON: {error}.") from None
    if not isinstance(data, dict):
        raise ConfigError(f"The config {path} must be a JSON object.")
    if data.setdefault("kind", kind) != kind:
        raise ConfigError(f"The config {path} is of kind {data['kind']!r}, not {kind!r}.")
    return parse_config(data)


def request_sha256(config: JobConfig) -> str:
    """Identifies what a job was asked to make, whatever the folder and whatever changes nothing but its speed."""
    speed = {"judge_cache": True, "micro_batch": True, "resume_every": True}
    data = config.model_dump(mode="json", exclude={"folder": True, "ingredients": {"__all__": {"sha256"}}, **speed})
    if (limits := data.get("limits")) and limits["toolchain"] == Toolchain().model_dump(mode="json"):
        del limits["toolchain"]  # as in requests made before there was a choice
    for key in ("tests", "repairs_per_step", "mask_truncated", "lora", "held_out", "vllm_server"):  # likewise
        if isinstance(config, TrainConfig) and getattr(config, key) == TrainConfig.model_fields[key].default:
            del data[key]
    if isinstance(config, MergeConfig):
        for key in ("method", "base", "density", "scale", "seed", "parts"):
            if getattr(config, key) == MergeConfig.model_fields[key].default:
                del data[key]
        if config.base is not None:
            data["base"] = config.base.reference
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def one_sentence(error: ValidationError, *, tagged: bool = False) -> str:
    """The first problem of a pydantic error as a sentence a person can act on.

    `tagged`: the error is of a `JobConfig`, whose places begin with the kind.
    """
    first = error.errors(include_url=False)[0]
    parts = first["loc"][1:] if tagged else first["loc"]
    place = ".".join(str(part) for part in parts)
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(parts[-1]), _keys_beside(first["loc"]), n=1) if tagged else []
        return f"Unknown key {place!r}." + (f" Did you mean {close[0]!r}?" if close else "")
    if first["type"] == "missing":
        return f"The key {place!r} is missing."
    message = first["msg"].removeprefix("Value error, ")
    return f"{place or 'The config'}: {message}."


def _keys_beside(place: Sequence[str | int]) -> list[str]:
    """The keys allowed where the last part of a config's `place` (kind, key, ...) stands."""
    kinds = (_model_in(kind) for kind in get_args(get_args(JobConfig)[0]))
    model = next((kind for kind in kinds if kind and kind.model_fields["kind"].default == place[0]), None)
    for part in place[1:-1]:
        if model is not None and isinstance(part, str):  # a number is a place in a tuple of models
            model = _model_in(model.model_fields[part].annotation)
    return list(model.model_fields) if model else []


def _model_in(annotation: object) -> type[Strict] | None:
    """The model that an annotation such as `tuple[Ingredient, ...]` holds."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part))), None)
