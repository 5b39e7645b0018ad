"""The rows behind the verbs: jobs with what they need, planned runs, evaluations and merges, and where files will lie.

`frontier_app.launch` decides what is asked for; this writes it down. Nothing here is called by pages.
"""

import importlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path as FilePath
from typing import TypeVar, get_args

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from pydantic import BaseModel, ValidationError

import compute
from compute.configs import (
    FROM_BASE,
    CheckpointSource,
    EvaluateConfig,
    EvaluationPoint,
    Ingredient,
    InstallConfig,
    JobConfig,
    JudgeLimits,
    MergeBase,
    MergeConfig,
    ProblemSetSource,
    Sampling,
    Setting,
    Tests,
    ToolLimits,
    TrainConfig,
    WeightsEngine,
    one_sentence,
)
from compute.fitting import gigabytes
from frontier_app import live
from frontier_app.jobs import queue
from frontier_app.models import Checkpoint, Evaluation, Job, MergeIngredient, Path, ProblemSet, Run, Study
from frontier_app.planning import estimates
from frontier_app.planning.queues import default_queue, refuse_misfit
from frontier_app.planning.refusal import LaunchError

PARTS_OF_COMPUTE = ("torch", "transformers", "safetensors", "tokenizers", "accelerate", "trl")
PREFIX_LENGTH = 40
GIVEN_UP = (Job.FAILED, Job.CANCELLED, Job.LOST)
Config = TypeVar("Config", bound=BaseModel)
USUAL_TOOLS = ToolLimits()


@dataclass(frozen=True)
class Point:
    """Weights to evaluate: a checkpoint, and its place on a path."""

    checkpoint: Checkpoint
    alpha: float | None = None
    path: Path | None = None


def reference_prefix(slug: str) -> str:
    """What the references of a study begin with. They are unique everywhere and at most 64 characters long."""
    return (
        slug if len(slug) <= PREFIX_LENGTH else f"{slug[: PREFIX_LENGTH - 9]}-{sha256(slug.encode()).hexdigest()[:8]}"
    )


def training_config(
    study: Study, start: Checkpoint, coverage: float, seed: int, tests: Tests, recipe: Mapping[str, object]
) -> TrainConfig:
    """One training of a sweep, under a name that is free. `recipe`: everything else that a `TrainConfig` can say."""
    reference = free_reference(study, f"{'random' if tests == 'random' else 'cov'}{coverage:g}-seed{seed}")
    return valid_config(
        TrainConfig,
        fields={"coverage": "coverages", "seed": "seeds", "lora": "lora_rank", "held_out": "measure_every"},
        reference=reference,
        initialisation=start.folder or planned_folder(start),
        initialisation_reference=start.reference,
        folder=checkpoint_folder(study, reference),
        problems=source(study.train_set, "coverages"),
        coverage=coverage,
        seed=seed,
        tests=tests,
        judge_cache=judge_cache(),
        **recipe,
    )


def plan_runs(
    study: Study,
    by: User,
    start: Checkpoint,
    configs: Iterable[TrainConfig],
    remote: bool = False,
    on: str = "",
) -> list[Run]:
    """A run for each config, all from `start`; each config is asked for when the rows of the one before are written."""
    needs = [*needed_for(start, "initialisation"), *needed_for_set(study.train_set)]
    measured = needed_for_set(study.held_out_set)

    def needed(config: TrainConfig) -> list[Job]:
        return [*needs, *(measured if config.held_out else [])]

    other = "" if start.pk == study.base_id else f" ({start.name:.40})"
    return [plan_training(study, by, one, _run_name(one) + other, start, needed(one), remote, on) for one in configs]


def _run_name(config: TrainConfig) -> str:
    """What tells it from the runs beside it."""
    at_random = " at random" if config.tests == "random" else ""
    repairs = " with repairs" if config.repairs_per_step else ""
    return f"coverage {config.coverage:g}{at_random}{repairs}, seed {config.seed}"


def plan_training(
    study: Study,
    by: User,
    config: TrainConfig,
    name: str,
    start: Checkpoint,
    needs: Sequence[Job],
    remote: bool = False,
    on: str = "",
) -> Run:
    """The job, the run and the planned checkpoint of one training."""
    job = enqueue(
        config,
        title=f"Train {name}" if "coverage" in name else f"Train {name} (coverage {config.coverage:g})",
        study=study,
        on=on or default_queue(),
        needs=[*needs, *compute_part(study, by, remote)],
        launched_by=by,
        remote=remote,
    )
    run = Run.objects.create(
        study=study,
        reference=config.reference,
        name=name,
        coverage=config.coverage,
        seed=config.seed,
        steps=config.steps,
        initialisation=start,
        job=job,
        config=job.config,
    )
    Checkpoint.objects.create(
        reference=config.reference,
        name=name,
        study=study,
        origin=Checkpoint.TRAINED,
        made_by=job,
        parent=start,
        run=run,
        step=config.steps,
        coverage=config.coverage,
    )
    return run


def plan_evaluation(
    study: Study,
    by: User,
    points: Sequence[Point],
    *,
    sampling: Sampling,
    title: str,
    setting: Setting = "reasoning",
    tools: ToolLimits = USUAL_TOOLS,
    engine: WeightsEngine = "transformers",
    needs: Sequence[Job] = (),
    problems: int | None = None,
    remote: bool = False,
    on: str = "",
) -> Job:
    """One job for some points, and the planned evaluation of each. What was begun and given up is taken up again."""
    if study.held_out_set is None:
        raise LaunchError("checkpoint", "This study has no held-out problem set.")
    limits = JudgeLimits()
    asked = {"sampling": sampling.model_dump(mode="json"), "setting": setting}
    begun = [same_question(study, point, sampling, engine, setting, tools).first() for point in points]
    references = [one.reference if one else queue.new_reference("evaluation") for one in begun]
    ends = {one.pk: one for point in points for one, _ in recipe(point.checkpoint)}
    config = valid_config(
        EvaluateConfig,
        fields={"setting": "setting"},
        points=tuple(
            EvaluationPoint(
                evaluation=reference,
                checkpoint=point.checkpoint.reference,
                alpha=point.alpha,
                ingredients=ingredients(point.checkpoint),
            )
            for reference, point in zip(references, points, strict=True)
        ),
        problems=source(study.held_out_set, "checkpoint"),
        setting=setting,
        tools=tools,
        sampling=sampling,
        limits=limits,
        judge_cache=judge_cache(),
        engine=engine,
        initialisation=study.base.folder if study.base and study.base.folder else None,
    )
    needed = [job for end in ends.values() for job in needed_for(end, "checkpoint")]
    job = enqueue(
        config,
        title=title,
        study=study,
        on=on or default_queue(),
        needs=[*needs, *needed, *needed_for_set(study.held_out_set), *compute_part(study, by, remote)],
        launched_by=by,
        remote=remote,
        problems=problems or study.held_out_set.problems.count(),
    )
    for reference, point in zip(references, points, strict=True):
        Evaluation.objects.update_or_create(
            reference=reference,
            defaults={"job": job},
            create_defaults={
                "study": study,
                "checkpoint": point.checkpoint,
                "path": point.path,
                "alpha": point.alpha,
                "problem_set": study.held_out_set,
                "limits": limits.model_dump(mode="json") | tools_asked(setting, tools),
                "job": job,
                **asked,
            },
        )
    return job


def tools_asked(setting: Setting, tools: ToolLimits) -> dict[str, object]:
    """What an evaluation's limits hold besides the judge's."""
    return {} if setting == "reasoning" else {"tools": tools.model_dump(mode="json")}


def same_question(
    study: Study,
    point: Point,
    sampling: Sampling,
    engine: str,
    setting: Setting,
    tools: ToolLimits,
    anywhere: bool = False,
) -> QuerySet[Evaluation]:
    """Evaluations of the same weights with the same problems, sampling and limits of tools, the newest first, without
    those of another engine that reads checkpoints; `anywhere`: on whatever path they were asked for."""
    others = [name for name in get_args(WeightsEngine) if name != engine]
    rows = Evaluation.objects.exclude(job__config__engine__in=others).filter(
        study=study,
        checkpoint=point.checkpoint,
        problem_set=study.held_out_set,
        setting=setting,
        sampling=sampling.model_dump(mode="json"),
        **{f"limits__{key}": value for key, value in tools_asked(setting, tools).items()},
    )
    return (rows if anywhere else rows.filter(path=point.path)).order_by("-pk")


def is_measured(
    study: Study,
    point: Point,
    sampling: Sampling,
    engine: str,
    setting: Setting = "reasoning",
    tools: ToolLimits = USUAL_TOOLS,
    anywhere: bool = False,
) -> bool:
    """Whether the question has an answer, or will have one unless somebody interferes."""
    return any(
        one.state == Evaluation.COMPLETE or (one.job is not None and one.job.state not in GIVEN_UP)
        for one in same_question(study, point, sampling, engine, setting, tools, anywhere).select_related("job")
    )


def path_between(study: Study, low: Checkpoint, high: Checkpoint) -> Path:
    path, _ = Path.objects.get_or_create(
        low=low, high=high, defaults={"study": study, "name": f"{low.name} → {high.name}"}
    )
    return path


def on_path(path: Path, alpha: float) -> Checkpoint:
    """The checkpoint at `alpha`: an end of the path, or the merge, which stays virtual until it is written."""
    if alpha in (0, 1):
        return path.high if alpha else path.low
    recipe = f"{path.low.reference} {path.high.reference} {alpha!r}"
    merge, created = Checkpoint.objects.get_or_create(
        reference=f"{reference_prefix(path.study.slug)}.merge-{sha256(recipe.encode()).hexdigest()[:12]}",
        defaults={"name": f"{path.name} at {alpha:g}", "study": path.study, "origin": Checkpoint.MERGED},
    )
    if created:
        for end, weight in ((path.low, 1 - alpha), (path.high, alpha)):
            MergeIngredient.objects.create(merge=merge, checkpoint=end, weight=weight)
    return merge


def off_path(
    low: Checkpoint,
    high: Checkpoint,
    method: str,
    weights: Sequence[float],
    density: float | None,
    parts: Mapping[str, float],
) -> Checkpoint:
    """A merge that is not one weighted sum of its ends: it has no ingredients to add up, and is read once written."""
    amounts = f"{weights[0]:g}, {weights[1]:g}" + (f", density {density:g}" if density is not None else "")
    recipe = f"{low.reference} {high.reference} {method} {tuple(weights)!r} {density!r}"
    if parts:
        amounts += "".join(f"; {pattern} {alpha:g}" for pattern, alpha in parts.items())
        recipe += f" {list(parts.items())!r}"
    digest = sha256(recipe.encode()).hexdigest()[:12]
    name = f"{low.name} → {high.name} by {method} ({amounts})"
    merge, created = Checkpoint.objects.get_or_create(
        reference=f"{reference_prefix(low.study.slug)}.merge-{digest}",
        defaults={
            "name": name if len(name) <= 120 else f"{name[:110]} … {digest[:6]}",
            "study": low.study,
            "origin": Checkpoint.MERGED,
        },
    )
    if created:
        base = [low.study.base] if method in FROM_BASE and low.study.base is not None else []
        merge.grown_from.set([low, high, *base])
    return merge


def merge_base(study: Study) -> MergeBase:
    """The study's base, from which differences are taken. Raises LaunchError where it has none."""
    if study.base is None:
        raise LaunchError("method", "This study has no base checkpoint to take differences from.")
    folder = FilePath(study.base.folder or planned_folder(study.base))
    return MergeBase(reference=study.base.reference, folder=folder, sha256=study.base.sha256 or None)


def checkpoint_source(checkpoint: Checkpoint) -> CheckpointSource:
    """Where a checkpoint with a folder of its own lies, or will lie."""
    folder = FilePath(checkpoint.folder or planned_folder(checkpoint))
    return CheckpointSource(reference=checkpoint.reference, folder=folder, sha256=checkpoint.sha256 or None)


def recipe(checkpoint: Checkpoint) -> list[tuple[Checkpoint, float]]:
    """What to add up: the checkpoint itself, or the ingredients of a merge that has no folder and is their sum."""
    if checkpoint.materialised or checkpoint.origin != Checkpoint.MERGED:
        return [(checkpoint, 1.0)]
    parts = [(one.checkpoint, one.weight) for one in checkpoint.recipe.select_related("checkpoint")]
    return parts or [(checkpoint, 1.0)]


def ingredients(checkpoint: Checkpoint) -> tuple[Ingredient, ...]:
    return weighted(recipe(checkpoint))


def weighted(parts: Sequence[tuple[Checkpoint, float]]) -> tuple[Ingredient, ...]:
    return tuple(
        Ingredient(
            reference=one.reference,
            folder=FilePath(one.folder or planned_folder(one)),
            weight=weight,
            sha256=one.sha256 or None,
        )
        for one, weight in parts
    )


def needed_for(checkpoint: Checkpoint, field: str) -> list[Job]:
    """The jobs that must succeed before `checkpoint` can be read. Raises LaunchError when none will write it."""
    waits = []
    for one, _ in recipe(checkpoint):
        if one.materialised:
            continue
        if one.made_by is None or one.made_by.ended_already:
            how = f"its job is {one.made_by.state}" if one.made_by else "no job writes it"
            raise LaunchError(field, f"{one.name} has no weights: {how}.")
        waits.append(one.made_by)
    return waits


def needed_for_set(problem_set: ProblemSet | None) -> list[Job]:
    """The job that still has to write a problem set."""
    if problem_set is None or problem_set.ready:
        return []
    writing = [
        job for job in Job.objects.active().filter(kind__in=("problems", "import")) if not job.config.get("dry_run")
    ]
    named = {"train_reference", "held_out_reference", "reference"}
    return [job for job in writing if problem_set.reference in {job.config.get(name) for name in named}]


def compute_part(study: Study, by: User, remote: bool = False) -> list[Job]:
    """The job that installs the compute part, where it is missing: the one under way, or a new one."""
    importlib.invalidate_caches()
    if remote or all(find_spec(name) is not None for name in PARTS_OF_COMPUTE):
        return []
    under_way = Job.objects.active().filter(kind="install").order_by("pk").first()
    if under_way is None:
        config = InstallConfig(project=FilePath(compute.__file__).parent.parent)
        under_way = enqueue(config, title="Install the compute part", study=study, launched_by=by)
    return [under_way]


def enqueue(
    config: JobConfig,
    *,
    title: str,
    study: Study,
    launched_by: User,
    on: str = "cpu",
    needs: Sequence[Job] = (),
    problems: int = 1,
    remote: bool = False,
) -> Job:
    if not remote:
        refuse_misfit(config, on)
    if isinstance(config, MergeConfig):
        refuse_full_disk(config)
    cost = estimates.of_config(config.model_dump(mode="json"), problems)
    job = queue.enqueue(
        config,
        title=title[:160],
        study=study,
        queue=on,
        needs=dict.fromkeys(needs),
        launched_by=launched_by,
        estimate_seconds=cost.seconds,
        remote=remote,
    )
    live.job_changed(job)
    return job


def refuse_full_disk(config: MergeConfig) -> None:
    """A merge is as large as its largest ingredient. Raises LaunchError where that is not free at its folder."""
    needed = max(folder_bytes(ingredient.folder) for ingredient in config.ingredients)
    place = next(folder for folder in config.folder.parents if folder.is_dir())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise LaunchError(
            "", f"This merge writes {gigabytes(needed)}, and {gigabytes(free)} are free at {place}: make room for it."
        )


def valid_config(kind: type[Config], *, fields: dict[str, str] | None = None, **values: object) -> Config:
    """A valid config, or a LaunchError for the form's field that holds the first wrong value.

    `fields`: key of the config -> field of the form, where they differ.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        # A rule about several keys has no place; its message begins with the one that is wrong.
        key = str(first["loc"][0]) if first["loc"] else next((w for w in first["msg"].split() if w in values), "")
        raise LaunchError((fields or {}).get(key, key), one_sentence(error)) from None


def free_reference(study: Study, name: str) -> str:
    reference = f"{reference_prefix(study.slug)}.{name}"
    taken = Checkpoint.objects.filter(reference=reference).exists()
    if not taken and not checkpoint_folder(study, reference).exists():  # a deleted study leaves its folders
        return reference
    return f"{reference}-{queue.new_reference('run').removeprefix('run-')}"


def source(problem_set: ProblemSet | None, field: str) -> ProblemSetSource:
    if problem_set is None:
        raise LaunchError(field, "This study has no problem set.")
    return ProblemSetSource(
        reference=problem_set.reference,
        path=FilePath(problem_set.path or home_folder("problem_sets") / f"{problem_set.reference}.jsonl"),
        blobs=FilePath(problem_set.blobs or home_folder("blobs")),
    )


def planned_folder(checkpoint: Checkpoint) -> FilePath:
    """Where the job that makes `checkpoint` was told to write it."""
    assert checkpoint.made_by is not None
    config = checkpoint.made_by.config
    folder = FilePath(config["folder"])
    if config["kind"] == "train" and checkpoint.step not in (None, config["steps"]):
        return folder.with_name(f"{folder.name}-step{checkpoint.step}")
    return folder


def checkpoint_folder(study: Study, reference: str) -> FilePath:
    return home_folder("checkpoints") / study.slug / reference


def judge_cache() -> FilePath:
    return home_folder("judge") / "cache.sqlite"


def home_folder(folder: str) -> FilePath:
    return FilePath(settings.FRONTIER_HOME) / folder


def folder_bytes(folder: FilePath) -> int:
    return sum(file.stat().st_size for file in folder.glob("*")) if folder.is_dir() else 0


def deal(points: Sequence[Point], hands: int) -> list[list[Point]]:
    """Points for each of `hands` jobs, the trained ends first, so that what anchors the path is known soonest."""
    ordered = sorted(points, key=lambda point: (point.alpha not in (0, 1), abs((point.alpha or 0) - 0.5), point.alpha))
    return [dealt for hand in range(hands) if (dealt := list(ordered[hand::hands]))]


def sweep_title(path: Path, points: Sequence[Point]) -> str:
    alphas = sorted(point.alpha for point in points if point.alpha is not None)
    if len(alphas) > 6:
        return f"Evaluate {path.name} at {len(alphas)} alphas"
    return f"Evaluate {path.name} at {', '.join(f'{alpha:g}' for alpha in alphas)}"
