"""Waist 1, the verbs: validate what is asked, write its rows, ring for the jobs after the commit.

Page, API and commands all start and stop work here. A verb raises LaunchError with the field that is wrong and a
sentence for the person who filled it in. Rights to a study are the caller's to check (`Study.objects.writable_by`);
nothing here computes.
"""

import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path as FilePath
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from pydantic import ValidationError

import compute
from compute.configs import (
    EvaluateConfig,
    EvaluationPoint,
    Ingredient,
    InstallConfig,
    JobConfig,
    JudgeLimits,
    MergeConfig,
    ProblemsConfig,
    ProblemSetSource,
    Sampling,
    Setting,
    TrainConfig,
    one_sentence,
)
from compute.miniature import study as miniature
from compute.miniature.study import MiniaturePlan
from frontier_app import estimates, live
from frontier_app.estimates import Estimate
from frontier_app.jobs import queue
from frontier_app.models import Checkpoint, Evaluation, Job, Membership, MergeIngredient, Path, ProblemSet, Run, Study

PARTS_OF_COMPUTE = ("torch", "transformers", "safetensors", "tokenizers", "accelerate", "trl")
PREFIX_LENGTH = 40
MOST_ALPHAS = 200
LARGEST_ALPHA = 100.0
Verb = Callable[[Job, User], Job]


class LaunchError(Exception):
    """What is wrong with a request. `field` names the form field; empty when it is no single one."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class Launched(NamedTuple):
    """The jobs written by a verb, and what they will cost together."""

    jobs: list[Job]
    estimate: Estimate


@dataclass(frozen=True)
class Point:
    """Weights to evaluate: a checkpoint, and its place on a path."""

    checkpoint: Checkpoint
    alpha: float | None = None
    path: Path | None = None


def create_miniature_study(
    owner: User, *, slug: str = miniature.SLUG, seed: int = 0, plan: MiniaturePlan | None = None
) -> Study:
    """The laptop-sized study with all its jobs. A second call with the same slug returns the same study unchanged."""
    existing = Study.objects.filter(slug=slug).first()
    if existing is None:
        try:
            with transaction.atomic():
                return _miniature(owner, slug, seed, plan or miniature.PLAN)
        except IntegrityError:  # somebody else's call came first
            existing = Study.objects.get(slug=slug)
    if not Membership.objects.filter(study=existing, user=owner).exists():
        raise LaunchError("slug", f"There is a study {slug!r} already, and you are not a member of it.")
    return existing


def _miniature(owner: User, slug: str, seed: int, plan: MiniaturePlan) -> Study:
    prefix = reference_prefix(slug)
    sets = [
        ProblemSet.objects.create(reference=f"{prefix}.{part}", title=f"{miniature.SLUG}: {title}")
        for part, title in (("train", "training"), ("held-out", "held out"))
    ]
    study = Study.objects.create(
        slug=slug,
        title=miniature.TITLE if seed == 0 else f"{miniature.TITLE}, seed {seed}",
        question=miniature.QUESTION,
        seed=seed,
        train_set=sets[0],
        held_out_set=sets[1],
    )
    Membership.objects.create(study=study, user=owner, role=Membership.OWNER)
    study.base = Checkpoint.objects.create(
        reference=f"{prefix}.base",
        name="base",
        study=study,
        origin=Checkpoint.BASE,
        folder=str(miniature.BASE_FOLDER),
        size_bytes=_folder_bytes(miniature.BASE_FOLDER),
    )
    study.save(update_fields=["base"])
    problems = _make_problems(study, owner, plan)
    runs = {coverage: _train_miniature(study, owner, plan, coverage, problems) for coverage in _ends_first(plan)}
    low, high = (runs[coverage].checkpoints.get() for coverage in (plan.low, plan.high))
    path = Path.objects.create(study=study, name=f"{low.name} → {high.name}", low=low, high=high)
    measure = partial(_evaluate, study, owner, sampling=plan.sampling(seed), problems=plan.evaluated_problems)
    for part in _deal([Point(_on_path(path, alpha), alpha, path) for alpha in plan.alphas], workers()):
        measure(part, title=_sweep_title(path, part))
    for coverage in plan.coverages:
        if coverage not in (plan.low, plan.high):
            trained = runs[coverage].checkpoints.get()
            measure([Point(trained)], title=f"Evaluate {trained.name}")
    measure([Point(study.base)], title="Evaluate the base", needs=[problems])
    return study


def launch_training(
    study: Study,
    by: User,
    coverages: Sequence[float],
    seeds: Sequence[int] = (0,),
    steps: int = 25,
    *,
    save_steps: Sequence[int] = (),
    prompts_per_step: int = 12,
    group: int = 12,
    learning_rate: float = 2.5e-4,
    temperature: float = 1.0,
    max_tokens: int = 160,
    scale_rewards: bool = False,
    kl_coefficient: float = 0.0,
    trainer: str = "compact",
    initialisation: Checkpoint | None = None,
    remote: bool = False,
    dry_run: bool = False,
) -> Launched:
    """One run for each coverage and seed, all from the same initialisation.

    Of every launch: `remote` leaves the jobs to a run elsewhere that claims them and posts its events; `dry_run` writes
    nothing and gives the estimate.
    """
    start = initialisation or study.base
    if start is None:
        raise LaunchError("initialisation", "This study has no base checkpoint to start from.")
    needs_of_start = _needed_for(start, "initialisation")
    if not coverages:
        raise LaunchError("coverages", "Name at least one coverage, for example 0.4.")
    if not seeds:
        raise LaunchError("seeds", "Name at least one seed, for example 0.")
    with transaction.atomic(), _one_launch_at_a_time(study), _undone_if(dry_run):
        jobs = []
        for seed in dict.fromkeys(seeds):
            for coverage in dict.fromkeys(coverages):
                name = f"coverage {coverage:g}, seed {seed}"
                reference = _free_reference(study, f"cov{coverage:g}-seed{seed}")
                config = _config(
                    TrainConfig,
                    fields={"coverage": "coverages", "seed": "seeds"},
                    reference=reference,
                    initialisation=start.folder or _planned_folder(start),
                    initialisation_reference=start.reference,
                    folder=_checkpoint_folder(study, reference),
                    problems=_source(study.train_set, "coverages"),
                    coverage=coverage,
                    steps=steps,
                    save_steps=tuple(save_steps),
                    prompts_per_step=prompts_per_step,
                    group=group,
                    learning_rate=learning_rate,
                    temperature=temperature,
                    max_tokens=max_tokens,
                    scale_rewards=scale_rewards,
                    kl_coefficient=kl_coefficient,
                    seed=seed,
                    trainer=trainer,
                    judge_cache=_judge_cache(),
                )
                needs = [*needs_of_start, *_needed_for_set(study.train_set)]
                jobs.append(_train(study, by, config, name, start, needs, remote).job)
        return _launched(jobs)


def launch_sweep(
    study: Study,
    by: User,
    low: Checkpoint,
    high: Checkpoint,
    alphas: Sequence[float],
    samples: int = 16,
    *,
    temperature: float = 1.0,
    max_tokens: int = 160,
    seed: int | None = None,
    setting: Setting = "reasoning",
    remote: bool = False,
    dry_run: bool = False,
) -> Launched:
    """Measure (1 - alpha) low + alpha high at those alphas that are not measured yet."""
    _refuse_foreign(study, low=low, high=high)
    if low == high:
        raise LaunchError("high", "The two ends are the same checkpoint: choose another.")
    if not alphas:
        raise LaunchError("alphas", "Name at least one alpha, for example 0.5.")
    if len(alphas) > MOST_ALPHAS:
        raise LaunchError("alphas", f"At most {MOST_ALPHAS} alphas can be launched at once.")
    for alpha in alphas:
        _check_alpha(alpha, "alphas")
    sampling = _sampling(study, samples, temperature, max_tokens, seed)
    with transaction.atomic(), _one_launch_at_a_time(study), _undone_if(dry_run):
        path, _ = Path.objects.get_or_create(
            low=low, high=high, defaults={"study": study, "name": f"{low.name} → {high.name}"}
        )
        points = [Point(_on_path(path, alpha), alpha, path) for alpha in dict.fromkeys(alphas)]
        points = [point for point in points if not _is_measured(study, point, sampling, setting)]
        if not points:
            raise LaunchError("alphas", "All of these alphas are measured, or being measured, with this sampling.")
        jobs = [
            _evaluate(
                study, by, part, sampling=sampling, setting=setting, remote=remote, title=_sweep_title(path, part)
            )
            for part in _deal(points, workers())
        ]
        return _launched(jobs)


def launch_evaluation(
    study: Study,
    by: User,
    checkpoint: Checkpoint,
    samples: int = 16,
    *,
    temperature: float = 1.0,
    max_tokens: int = 160,
    seed: int | None = None,
    setting: Setting = "reasoning",
    remote: bool = False,
    dry_run: bool = False,
) -> Launched:
    """Measure one checkpoint on the study's held-out problems."""
    _refuse_foreign(study, checkpoint=checkpoint)
    sampling = _sampling(study, samples, temperature, max_tokens, seed)
    point = Point(checkpoint)
    with transaction.atomic(), _one_launch_at_a_time(study), _undone_if(dry_run):
        if _is_measured(study, point, sampling, setting):
            raise LaunchError("checkpoint", f"{checkpoint.name} is measured, or being measured, with this sampling.")
        return _launched(
            [
                _evaluate(
                    study,
                    by,
                    [point],
                    sampling=sampling,
                    setting=setting,
                    remote=remote,
                    title=f"Evaluate {checkpoint.name}",
                )
            ]
        )


def launch_merge(
    study: Study, by: User, low: Checkpoint, high: Checkpoint, alpha: float, *, dry_run: bool = False
) -> Launched:
    """Write the average at `alpha` to a folder of its own ("materialise")."""
    _refuse_foreign(study, low=low, high=high)
    if low == high:
        raise LaunchError("high", "The two ends are the same checkpoint: choose another.")
    _check_alpha(alpha, "alpha")
    if alpha in (0, 1):
        raise LaunchError("alpha", f"At alpha {alpha:g} the average is an end itself, which has a folder already.")
    with transaction.atomic(), _one_launch_at_a_time(study), _undone_if(dry_run):
        path, _ = Path.objects.get_or_create(
            low=low, high=high, defaults={"study": study, "name": f"{low.name} → {high.name}"}
        )
        merge = _on_path(path, alpha)
        if merge.materialised:
            raise LaunchError("alpha", f"{merge.name} is written already.")
        if merge.made_by is not None and not merge.made_by.ended_already:
            raise LaunchError("alpha", f"{merge.name} is being written already.")
        config = _config(
            MergeConfig,
            reference=merge.reference,
            folder=_checkpoint_folder(study, merge.reference),
            ingredients=_ingredients(merge),
        )
        needs = [*_needed_for(low, "low"), *_needed_for(high, "high"), *_compute_part(study, by)]
        job = _enqueue(config, title=f"Write {merge.name}", study=study, needs=needs, launched_by=by)
        merge.made_by = job
        merge.save(update_fields=["made_by"])
        return _launched([job])


def cancel(job: Job, by: User) -> Job:
    """Ask a job to stop. A running one says itself when it has."""
    state = queue.cancel(job.pk)
    job.refresh_from_db()
    if state is None:
        raise LaunchError("", f"This job is {job.state}: there is nothing to cancel.")
    live.job_changed(job)
    return job


def retry(job: Job, by: User) -> Job:
    """Try an ended job again, as a new job that takes its place."""
    again = queue.retry(job, launched_by=by)
    if again is None:
        job.refresh_from_db()
        known = job.retried_by()
        reason = f"it is retried by {known.reference} already" if known else f"it is {job.state}"
        raise LaunchError("", f"This job cannot be retried: {reason}.")
    live.job_changed(again)
    return again


def workers() -> int:
    """Into how many jobs a sweep is dealt: one a worker of the `gpu` queue."""
    return max(1, int(getattr(settings, "FRONTIER_GPU_SLOTS", 0) or 2))


def reference_prefix(slug: str) -> str:
    """What the references of a study begin with. They are unique everywhere and at most 64 characters long."""
    return (
        slug if len(slug) <= PREFIX_LENGTH else f"{slug[: PREFIX_LENGTH - 9]}-{sha256(slug.encode()).hexdigest()[:8]}"
    )


def parse_numbers(text: str, field: str) -> list[float]:
    """ "0, 0.5 1.25" or "-0.5:1.5:0.25" as numbers. Raises LaunchError for the field."""
    numbers: list[float] = []
    for word in text.replace(",", " ").split():
        parts = word.split(":")
        try:
            values = [float(part) for part in parts]
        except ValueError:
            raise LaunchError(field, f"{word!r} is not a number: write for example 0, 0.5, 1 or 0:1:0.25.") from None
        if not all(math.isfinite(value) for value in values):
            raise LaunchError(field, f"{word!r} is not a finite number.")
        if len(values) == 1:
            numbers += values
        elif len(values) == 3 and values[2] > 0 and 0 <= (values[1] - values[0]) / values[2] <= MOST_ALPHAS:
            first, last, step = values
            numbers += [round(first + n * step, 9) for n in range(round((last - first) / step + 1e-9) + 1)]
        else:
            raise LaunchError(field, f"{word!r} is not a range: write first:last:step, for example 0:1:0.25.")
    return numbers


def _make_problems(study: Study, by: User, plan: MiniaturePlan) -> Job:
    assert study.train_set is not None
    assert study.held_out_set is not None
    config = ProblemsConfig(
        train_reference=study.train_set.reference,
        held_out_reference=study.held_out_set.reference,
        folder=_home("problem_sets"),
        blobs=_home("blobs"),
        seed=study.seed,
        train=plan.train,
        held_out=plan.held_out,
        weak_share=plan.weak_share,
    )
    needs = _compute_part(study, by)
    return _enqueue(config, title="Write the problems and their tests", study=study, needs=needs, launched_by=by)


def _ends_first(plan: MiniaturePlan) -> list[float]:
    """The path's ends are needed most, so they are trained before what lies between."""
    return [plan.low, plan.high, *(c for c in plan.coverages if c not in (plan.low, plan.high))]


def _train_miniature(study: Study, by: User, plan: MiniaturePlan, coverage: float, problems: Job) -> Run:
    name = {plan.low: "low", plan.high: "high"}.get(coverage, "mid" if len(plan.coverages) == 3 else f"c{coverage:g}")
    reference = f"{reference_prefix(study.slug)}.{name}"
    assert study.base is not None
    config = TrainConfig(
        reference=reference,
        initialisation=miniature.BASE_FOLDER,
        initialisation_reference=study.base.reference,
        folder=_checkpoint_folder(study, reference),
        problems=_source(study.train_set, ""),
        coverage=coverage,
        steps=plan.steps,
        save_steps=(plan.early_step,) if plan.early_step < plan.steps else (),
        prompts_per_step=plan.prompts_per_step,
        group=plan.group,
        learning_rate=plan.learning_rate,
        warmup_steps=plan.warmup_steps,
        temperature=plan.temperature,
        max_tokens=plan.max_tokens,
        seed=study.seed,
        trainer=plan.trainer,
        judge_cache=_judge_cache(),
    )
    return _train(study, by, config, name, study.base, [problems])


def _train(
    study: Study,
    by: User,
    config: TrainConfig,
    name: str,
    start: Checkpoint,
    needs: Sequence[Job],
    remote: bool = False,
) -> Run:
    """The job, the run and the planned checkpoint of one training."""
    job = _enqueue(
        config,
        title=f"Train {name}" if "coverage" in name else f"Train {name} (coverage {config.coverage:g})",
        study=study,
        on="gpu",
        needs=[*needs, *_compute_part(study, by, remote)],
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


def _evaluate(
    study: Study,
    by: User,
    points: Sequence[Point],
    *,
    sampling: Sampling,
    title: str,
    setting: Setting = "reasoning",
    needs: Sequence[Job] = (),
    problems: int | None = None,
    remote: bool = False,
) -> Job:
    """One job for some points, and the planned evaluation of each."""
    if study.held_out_set is None:
        raise LaunchError("checkpoint", "This study has no held-out problem set.")
    limits = JudgeLimits()
    references = [queue.new_reference("evaluation") for _ in points]
    ends = {one.pk: one for point in points for one, _ in _recipe(point.checkpoint)}
    config = _config(
        EvaluateConfig,
        fields={"setting": "setting"},
        points=tuple(
            EvaluationPoint(
                evaluation=reference,
                checkpoint=point.checkpoint.reference,
                alpha=point.alpha,
                ingredients=_ingredients(point.checkpoint),
            )
            for reference, point in zip(references, points, strict=True)
        ),
        problems=_source(study.held_out_set, "checkpoint"),
        setting=setting,
        sampling=sampling,
        limits=limits,
        judge_cache=_judge_cache(),
        initialisation=study.base.folder if study.base and study.base.folder else None,
    )
    needed = [job for end in ends.values() for job in _needed_for(end, "checkpoint")]
    job = _enqueue(
        config,
        title=title,
        study=study,
        on="gpu",
        needs=[*needs, *needed, *_needed_for_set(study.held_out_set), *_compute_part(study, by, remote)],
        launched_by=by,
        remote=remote,
        problems=problems or study.held_out_set.problems.count(),
    )
    for reference, point in zip(references, points, strict=True):
        Evaluation.objects.create(
            study=study,
            reference=reference,
            checkpoint=point.checkpoint,
            path=point.path,
            alpha=point.alpha,
            problem_set=study.held_out_set,
            setting=setting,
            sampling=sampling.model_dump(mode="json"),
            limits=limits.model_dump(mode="json"),
            job=job,
        )
    return job


def _is_measured(study: Study, point: Point, sampling: Sampling, setting: str) -> bool:
    """Whether the same question has an answer, or will have one unless somebody interferes."""
    same = Evaluation.objects.filter(
        study=study,
        checkpoint=point.checkpoint,
        path=point.path,
        problem_set=study.held_out_set,
        setting=setting,
        sampling=sampling.model_dump(mode="json"),
    )
    given_up = (Job.FAILED, Job.CANCELLED, Job.LOST)
    return any(
        one.state == Evaluation.COMPLETE or (one.job is not None and one.job.state not in given_up)
        for one in same.select_related("job")
    )


def _on_path(path: Path, alpha: float) -> Checkpoint:
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


def _recipe(checkpoint: Checkpoint) -> list[tuple[Checkpoint, float]]:
    """What to add up: the checkpoint itself, or the ingredients of a merge that has no folder."""
    if checkpoint.materialised or checkpoint.origin != Checkpoint.MERGED:
        return [(checkpoint, 1.0)]
    return [(one.checkpoint, one.weight) for one in checkpoint.recipe.select_related("checkpoint")]


def _ingredients(checkpoint: Checkpoint) -> tuple[Ingredient, ...]:
    return tuple(
        Ingredient(reference=one.reference, folder=FilePath(one.folder or _planned_folder(one)), weight=weight)
        for one, weight in _recipe(checkpoint)
    )


def _needed_for(checkpoint: Checkpoint, field: str) -> list[Job]:
    """The jobs that must succeed before `checkpoint` can be read. Raises LaunchError when none will write it."""
    waits = []
    for one, _ in _recipe(checkpoint):
        if one.materialised:
            continue
        if one.made_by is None or one.made_by.state in (Job.FAILED, Job.CANCELLED, Job.LOST, Job.SUCCEEDED):
            how = f"its job is {one.made_by.state}" if one.made_by else "no job writes it"
            raise LaunchError(field, f"{one.name} has no weights: {how}.")
        waits.append(one.made_by)
    return waits


def _needed_for_set(problem_set: ProblemSet | None) -> list[Job]:
    """The job that still has to write a problem set."""
    if problem_set is None or problem_set.ready:
        return []
    writing = Job.objects.active().filter(kind="problems")
    named = {"train_reference", "held_out_reference"}
    return [job for job in writing if problem_set.reference in {job.config.get(name) for name in named}]


def _compute_part(study: Study, by: User, remote: bool = False) -> list[Job]:
    """The job that installs the compute part, where it is missing: the one under way, or a new one."""
    importlib.invalidate_caches()
    if remote or all(find_spec(name) is not None for name in PARTS_OF_COMPUTE):
        return []
    under_way = Job.objects.active().filter(kind="install").order_by("pk").first()
    if under_way is None:
        config = InstallConfig(project=FilePath(compute.__file__).parent.parent)
        under_way = _enqueue(config, title="Install the compute part", study=study, launched_by=by)
    return [under_way]


def _enqueue(
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


def _launched(jobs: list[Job]) -> Launched:
    basis = estimates.of_config(jobs[0].config).basis
    return Launched(jobs, Estimate(sum(job.cost_estimate_seconds or 0.0 for job in jobs), basis))


@contextmanager
def _one_launch_at_a_time(study: Study) -> Iterator[None]:
    """Two clicks at once must not launch the same thing twice."""
    Study.objects.select_for_update().get(pk=study.pk)
    yield


@contextmanager
def _undone_if(dry_run: bool) -> Iterator[None]:
    """Leave no row behind when only the estimate was wanted."""
    yield
    if dry_run:
        transaction.set_rollback(True)


def _config(kind: type, *, fields: dict[str, str] | None = None, **values: object) -> JobConfig:
    """A valid config, or a LaunchError for the form's field that holds the first wrong value."""
    try:
        return kind(**values)
    except ValidationError as error:
        name = str(error.errors(include_url=False)[0]["loc"][0]) if error.errors()[0]["loc"] else ""
        if name == "":
            name = "save_steps" if "save_steps" in str(error) else ""
        raise LaunchError((fields or {}).get(name, name), one_sentence(error)) from None


def _sampling(study: Study, samples: int, temperature: float, max_tokens: int, seed: int | None) -> Sampling:
    try:
        return Sampling(
            samples=samples,
            temperature=temperature,
            max_tokens=max_tokens,
            seed=study.seed if seed is None else seed,
        )
    except ValidationError as error:
        raise LaunchError(str(error.errors()[0]["loc"][0]), one_sentence(error)) from None


def _refuse_foreign(study: Study, **checkpoints: Checkpoint) -> None:
    for field, checkpoint in checkpoints.items():
        if checkpoint.study_id != study.pk:
            raise LaunchError(field, f"{checkpoint.name} belongs to another study.")
        if checkpoint.folder and not FilePath(checkpoint.folder).is_dir():
            raise LaunchError(field, f"The folder of {checkpoint.name}, {checkpoint.folder}, is not there any more.")
        _needed_for(checkpoint, field)


def _check_alpha(alpha: float, field: str) -> None:
    if not math.isfinite(alpha) or abs(alpha) > LARGEST_ALPHA:
        raise LaunchError(field, f"Alpha must be a number between -{LARGEST_ALPHA:g} and {LARGEST_ALPHA:g}.")


def _sweep_title(path: Path, points: Sequence[Point]) -> str:
    alphas = sorted(point.alpha for point in points if point.alpha is not None)
    if len(alphas) > 6:
        return f"Evaluate {path.name} at {len(alphas)} alphas"
    return f"Evaluate {path.name} at {', '.join(f'{alpha:g}' for alpha in alphas)}"


def _deal(points: Sequence[Point], hands: int) -> list[list[Point]]:
    """Points for each of `hands` jobs, the trained ends first, so that what anchors the path is known soonest."""
    ordered = sorted(points, key=lambda point: (point.alpha not in (0, 1), abs((point.alpha or 0) - 0.5), point.alpha))
    return [dealt for hand in range(hands) if (dealt := list(ordered[hand::hands]))]


def _free_reference(study: Study, name: str) -> str:
    reference = f"{reference_prefix(study.slug)}.{name}"
    if not Checkpoint.objects.filter(reference=reference).exists():
        return reference
    return f"{reference}-{queue.new_reference('run').removeprefix('run-')}"


def _source(problem_set: ProblemSet | None, field: str) -> ProblemSetSource:
    if problem_set is None:
        raise LaunchError(field, "This study has no problem set.")
    return ProblemSetSource(
        reference=problem_set.reference,
        path=FilePath(problem_set.path or _home("problem_sets") / f"{problem_set.reference}.jsonl"),
        blobs=FilePath(problem_set.blobs or _home("blobs")),
    )


def _planned_folder(checkpoint: Checkpoint) -> FilePath:
    """Where the job that makes `checkpoint` was told to write it."""
    assert checkpoint.made_by is not None
    config = checkpoint.made_by.config
    folder = FilePath(config["folder"])
    if config["kind"] == "train" and checkpoint.step not in (None, config["steps"]):
        return folder.with_name(f"{folder.name}-step{checkpoint.step}")
    return folder


def _checkpoint_folder(study: Study, reference: str) -> FilePath:
    return _home("checkpoints") / study.slug / reference


def _judge_cache() -> FilePath:
    return _home("judge") / "cache.sqlite"


def _home(folder: str) -> FilePath:
    return FilePath(settings.FRONTIER_HOME) / folder


def _folder_bytes(folder: FilePath) -> int:
    return sum(file.stat().st_size for file in folder.glob("*")) if folder.is_dir() else 0
