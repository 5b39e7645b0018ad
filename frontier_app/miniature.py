"""The miniature study as rows: its problem sets, base and path, and the jobs that train, sweep and evaluate it.

The recipe is `compute.miniature.study`; `frontier_app.launch` asks for it. Decides nothing and checks no rights.
"""

from functools import partial

from django.contrib.auth.models import User

from compute.configs import ProblemsConfig, TrainConfig
from compute.miniature import study as miniature
from compute.miniature.study import MiniaturePlan
from frontier_app.models import Checkpoint, Job, Membership, ProblemSet, Run, Study
from frontier_app.planning.launches import (
    Point,
    checkpoint_folder,
    compute_part,
    deal,
    enqueue,
    folder_bytes,
    home_folder,
    judge_cache,
    on_path,
    path_between,
    plan_evaluation,
    plan_training,
    reference_prefix,
    source,
    sweep_title,
)
from frontier_app.planning.queues import workers


def write_miniature(owner: User, slug: str, seed: int, plan: MiniaturePlan) -> Study:
    """All rows of a new study. The caller holds a transaction; IntegrityError means that the slug is taken."""
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
        size_bytes=folder_bytes(miniature.BASE_FOLDER),
    )
    study.save(update_fields=["base"])
    problems = _make_problems(study, owner, plan)
    runs = {coverage: _train_miniature(study, owner, plan, coverage, problems) for coverage in _ends_first(plan)}
    low, high = (runs[coverage].checkpoints.get() for coverage in (plan.low, plan.high))
    path = path_between(study, low, high)
    measure = partial(plan_evaluation, study, owner, sampling=plan.sampling(seed), problems=plan.evaluated_problems)
    for part in deal([Point(on_path(path, alpha), alpha, path) for alpha in plan.alphas], workers()):
        measure(part, title=sweep_title(path, part))
    for coverage in plan.coverages:
        if coverage not in (plan.low, plan.high):
            trained = runs[coverage].checkpoints.get()
            measure([Point(trained)], title=f"Evaluate {trained.name}")
    measure([Point(study.base)], title="Evaluate the base", needs=[problems])
    return study


def _make_problems(study: Study, by: User, plan: MiniaturePlan) -> Job:
    assert study.train_set is not None
    assert study.held_out_set is not None
    config = ProblemsConfig(
        train_reference=study.train_set.reference,
        held_out_reference=study.held_out_set.reference,
        folder=home_folder("problem_sets"),
        blobs=home_folder("blobs"),
        seed=study.seed,
        train=plan.train,
        held_out=plan.held_out,
        weak_share=plan.weak_share,
    )
    needs = compute_part(study, by)
    return enqueue(config, title="Write the problems and their tests", study=study, needs=needs, launched_by=by)


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
        folder=checkpoint_folder(study, reference),
        problems=source(study.train_set, ""),
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
        judge_cache=judge_cache(),
    )
    return plan_training(study, by, config, name, study.base, [problems])
