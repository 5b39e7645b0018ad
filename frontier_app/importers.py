"""A run that happened elsewhere, from its files: the config it was given and the event lines it printed.

The same rows, rights and refusals as a remote run that posts its events; this one is only late. Weights are not
copied: a checkpoint keeps the folder that the events name.
"""

from pathlib import Path
from typing import IO

from django.contrib.auth.models import User
from django.db import transaction

from compute.configs import EvaluateConfig, EvaluationPoint, MergeConfig, ProblemsConfig, TrainConfig, read_config
from frontier_app.ingest import ingest
from frontier_app.jobs import queue
from frontier_app.jobs.log import JobLog
from frontier_app.jobs.stream import EventStream
from frontier_app.launch import LaunchError
from frontier_app.models import Checkpoint, Evaluation, Job, MergeIngredient, ProblemSet, Run, Study
from frontier_app.planning.launches import path_between, plan_training

Importable = EvaluateConfig | TrainConfig | ProblemsConfig | MergeConfig


def replay(study: Study, by: User, kind: str, config: Path, events: IO[bytes]) -> Job:
    """Import one run. Returns its job as it ended.

    A file that stops before the last event leaves a failed job with what was there; the import of the whole file later
    stores only what is new. Raises ConfigError and LaunchError.
    """
    asked = read_config(config, kind)
    if not isinstance(asked, Importable):
        raise LaunchError("kind", f"A run of kind {kind!r} cannot be imported.")
    with transaction.atomic():
        planned = _plan(study, by, asked)
        job = queue.claim(planned.reference, f"{by.get_username()}'s import", remote=True)
    assert job is not None
    log = JobLog(job)
    for parsed in EventStream(events, "imported events").batches(1.0):
        log.write(*parsed.refused)
        if parsed.events:
            log.write(*ingest(job, job.token, parsed.events).log)
            queue.keep_alive(job.pk, job.token)
    log.follow(last=True)
    unfinished = "The file ends before the run does."
    queue.finish(job.pk, job.token, Job.FAILED, error_kind="incomplete", error=unfinished)
    return Job.objects.get(pk=job.pk)


def _plan(study: Study, by: User, config: Importable) -> Job:
    if isinstance(config, TrainConfig):
        return _plan_training(study, by, config)
    if isinstance(config, ProblemsConfig):
        _refuse_other_sets(study, config)
    job = queue.enqueue(config, title=f"Imported {config.kind} run", study=study, launched_by=by, remote=True)
    if isinstance(config, EvaluateConfig):
        problem_set = ProblemSet.objects.filter(reference=config.problems.reference).first()
        if problem_set is None or problem_set not in (study.held_out_set, study.train_set):
            raise LaunchError("problems", f"This study has no problem set {config.problems.reference!r}.")
        for point in config.points:
            _plan_point(study, job, problem_set, config, point)
    return job


def _plan_training(study: Study, by: User, config: TrainConfig) -> Job:
    known = Run.objects.filter(reference=config.reference).select_related("job").first()
    if known is not None:
        again = queue.retry(known.job, launched_by=by) if known.study == study and known.job is not None else None
        if again is None:
            raise LaunchError("reference", f"There is a run {config.reference!r} already.")
        return again
    start = study.checkpoints.filter(reference=config.initialisation_reference).first()
    if start is None:
        raise LaunchError("initialisation", f"This study has no checkpoint {config.initialisation_reference!r}.")
    job = plan_training(study, by, config, config.reference, start, [], remote=True).job
    assert job is not None
    return job


def _refuse_other_sets(study: Study, config: ProblemsConfig) -> None:
    own = {one.reference for one in (study.train_set, study.held_out_set) if one is not None}
    for reference in (config.train_reference, config.held_out_reference):
        if reference not in own:
            raise LaunchError("problems", f"This study has no problem set {reference!r}.")


def _plan_point(
    study: Study, job: Job, problem_set: ProblemSet, config: EvaluateConfig, point: EvaluationPoint
) -> None:
    """The evaluation that a point means; one imported before goes on with this job."""
    known = Evaluation.objects.filter(reference=point.evaluation).select_related("job").first()
    if known is not None:
        if known.study != study or (known.job is not None and not known.job.ended_already):
            raise LaunchError("points", f"There is an evaluation {point.evaluation!r} already.")
        known.job = job
        known.save(update_fields=["job"])
        return
    ends = [_ingredient(study, one.reference) for one in point.ingredients]
    path = path_between(study, *ends) if point.alpha is not None and len(ends) == 2 else None
    Evaluation.objects.create(
        study=study,
        reference=point.evaluation,
        checkpoint=_evaluated(study, point, ends),
        path=path,
        alpha=point.alpha,
        problem_set=problem_set,
        setting=config.setting,
        sampling=config.sampling.model_dump(mode="json"),
        limits=config.limits.model_dump(mode="json"),
        job=job,
    )


def _ingredient(study: Study, reference: str) -> Checkpoint:
    found = study.checkpoints.filter(reference=reference).first()
    if found is None:
        raise LaunchError("points", f"This study has no checkpoint {reference!r}: import its training first.")
    return found


def _evaluated(study: Study, point: EvaluationPoint, ends: list[Checkpoint]) -> Checkpoint:
    """The checkpoint that a point names; a merge that is not known yet becomes a virtual one."""
    known = Checkpoint.objects.filter(reference=point.checkpoint).first()
    if known is None:
        known = Checkpoint.objects.create(
            reference=point.checkpoint, name=point.checkpoint, study=study, origin=Checkpoint.MERGED
        )
        for end, ingredient in zip(ends, point.ingredients, strict=True):
            MergeIngredient.objects.create(merge=known, checkpoint=end, weight=ingredient.weight)
    if known.study_id != study.pk:
        raise LaunchError("points", f"The checkpoint {point.checkpoint!r} belongs to another study.")
    return known
