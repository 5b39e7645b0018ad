"""Studies: read their points and rows, launch in them."""

from collections import defaultdict
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router
from ninja.errors import HttpError

from frontier_app import launch
from frontier_app.api.rights import open_study, open_study_to_write, person, viewer
from frontier_app.api.schemas import (
    AuditOut,
    AuditRequest,
    CheckpointOut,
    Curve,
    EvaluateRequest,
    ImportRequest,
    JobOut,
    LaunchedOut,
    MergeRequest,
    MiniatureRequest,
    Points,
    ProblemAuditOut,
    RunOut,
    SamplingRequest,
    StudyOut,
    StudyRequest,
    SweepRequest,
    TemplateRequest,
    TrainRequest,
    TranscriptOut,
)
from frontier_app.launch import LaunchError
from frontier_app.models import Checkpoint, Job, MetricPoint, ProblemSet, Study
from frontier_app.numbers.failures.samples import open_sample
from frontier_app.numbers.summary import measured_points

MOST_ROWS = 1_000
router = Router()


@router.get("/studies", response=list[StudyOut])
def studies(request: HttpRequest) -> list[Study]:
    return list(Study.objects.visible_to(viewer(request))[:MOST_ROWS])


@router.get("/studies/{slug}", response=StudyOut)
def study(request: HttpRequest, slug: str) -> Study:
    return open_study(request, slug)


@router.get("/studies/{slug}/points", response=Points)
def points(request: HttpRequest, slug: str) -> dict[str, object]:
    """Every complete evaluation, judged by whole suites: the file that `demo --summary` writes."""
    return {"points": [point.as_json() for point in measured_points(open_study(request, slug))]}


@router.get("/studies/{slug}/checkpoints", response=list[CheckpointOut])
def checkpoints(request: HttpRequest, slug: str) -> list[Checkpoint]:
    person(request)
    return list(open_study(request, slug).checkpoints.all()[:MOST_ROWS])


@router.get("/studies/{slug}/runs", response=list[RunOut])
def runs(request: HttpRequest, slug: str) -> list:
    person(request)
    return list(open_study(request, slug).runs.all()[:MOST_ROWS])


@router.get("/studies/{slug}/runs/{reference}/curves", response=list[Curve])
def curves(request: HttpRequest, slug: str, reference: str) -> list[Curve]:
    person(request)
    rows = MetricPoint.objects.filter(run__study=open_study(request, slug), run__reference=reference)
    found: dict[str, Curve] = defaultdict(lambda: Curve(name="", steps=[], values=[]))
    for point in rows.order_by("name", "step"):
        curve = found[point.name]
        curve.name = point.name
        curve.steps.append(point.step)
        curve.values.append(point.value)
    return list(found.values())


@router.get(
    "/studies/{slug}/evaluations/{reference}/samples/{problem}/{index}/transcript",
    response=TranscriptOut,
    exclude_defaults=True,
)
def transcript(request: HttpRequest, slug: str, reference: str, problem: str, index: int) -> TranscriptOut:
    """Of one sample in a setting with turns. `problem`: its slug, `index`: the sample's, from 0."""
    person(request)
    evaluation = open_study(request, slug).evaluations.filter(reference=reference).first()
    opened = open_sample(evaluation, f"{problem}:{index}") if evaluation is not None else None
    if opened is None:
        raise HttpError(404, f"There is no sample {index} of {problem!r} in {reference!r}.")
    if opened.transcript is None:
        raise HttpError(404, f"Sample {index} of {problem!r} has no transcript: it took a single turn.")
    record = opened.transcript
    return TranscriptOut(
        setting=record.setting, ended=record.ended, turns=record.turns, calls=record.calls, steps=list(record.steps)
    )


@router.get("/studies/{slug}/jobs", response=list[JobOut])
def study_jobs(request: HttpRequest, slug: str) -> list[JobOut]:
    person(request)
    jobs = Job.objects.visible_to(viewer(request)).filter(study=open_study(request, slug))
    return [JobOut.of(job) for job in jobs.select_related("study", "parent")[:MOST_ROWS]]


@router.post("/studies", response=StudyOut)
def create_miniature(request: HttpRequest, body: MiniatureRequest) -> Study:
    """The laptop-sized study; asking again gives the same one."""
    return launch.create_miniature_study(person(request), slug=body.slug, seed=body.seed)


@router.put("/studies/{slug}", response=StudyOut)
def create_study(request: HttpRequest, slug: str, body: StudyRequest) -> Study:
    """A study of one's own without problems, for an import. A name that is kept, and one in use by people whose study
    the caller may not see, are refused in the same words (422)."""
    return launch.create_study(person(request), slug=slug, **body.model_dump())


@router.get("/studies/{slug}/audit", response=AuditOut)
def read_audit(request: HttpRequest, slug: str, problem_set: Literal["held-out", "training"] = "held-out") -> AuditOut:
    person(request)
    found = _set_of(open_study(request, slug), problem_set)
    rows = found.problems.order_by("position").values_list("slug", "difficulty", "audit")
    problems = [ProblemAuditOut(slug=name, difficulty=difficulty, audit=audit) for name, difficulty, audit in rows]
    return AuditOut(problem_set=found.reference, figures=found.audit, problems=problems)


@router.post("/studies/{slug}/import", response=LaunchedOut)
def import_problems(request: HttpRequest, slug: str, body: ImportRequest) -> LaunchedOut:
    study, user = open_study_to_write(request, slug)
    return _out(launch.launch_import(study, user, **body.model_dump()))


@router.post("/studies/{slug}/audit", response=LaunchedOut)
def audit(request: HttpRequest, slug: str, body: AuditRequest) -> LaunchedOut:
    study, user = open_study_to_write(request, slug)
    values = body.model_dump(exclude={"problem_set"})
    return _out(launch.launch_audit(study, user, _set_of(study, body.problem_set), **values))


@router.post("/studies/{slug}/train", response=LaunchedOut)
def train(request: HttpRequest, slug: str, body: TrainRequest) -> LaunchedOut:
    study, user = open_study_to_write(request, slug)
    return _out(launch.launch_training(study, user, **body.model_dump()))


@router.post("/studies/{slug}/sweep", response=LaunchedOut)
def sweep(request: HttpRequest, slug: str, body: SweepRequest) -> LaunchedOut:
    study, user = open_study_to_write(request, slug)
    low, high = _checkpoint(study, body.low, "low"), _checkpoint(study, body.high, "high")
    return _out(launch.launch_sweep(study, user, low, high, **asked(body, "low", "high")))


def asked(body: SamplingRequest, *named: str) -> dict[str, Any]:
    """What a launch takes of a request, besides the checkpoints that it names."""
    return body.model_dump(exclude={*named, "tools"}) | {"tools": body.tools}


@router.post("/studies/{slug}/evaluate", response=LaunchedOut)
def evaluate(request: HttpRequest, slug: str, body: EvaluateRequest) -> LaunchedOut:
    study, user = open_study_to_write(request, slug)
    checkpoint = _checkpoint(study, body.checkpoint, "checkpoint")
    return _out(launch.launch_evaluation(study, user, checkpoint=checkpoint, **asked(body, "checkpoint")))


@router.post("/studies/{slug}/merge", response=LaunchedOut)
def merge(request: HttpRequest, slug: str, body: MergeRequest) -> LaunchedOut:
    study, user = open_study_to_write(request, slug)
    low, high = _checkpoint(study, body.low, "low"), _checkpoint(study, body.high, "high")
    return _out(launch.launch_merge(study, user, low, high, **body.model_dump(exclude={"low", "high"})))


@router.post("/studies/{slug}/templates/{template}", response=LaunchedOut)
def template(request: HttpRequest, slug: str, template: str, body: TemplateRequest) -> LaunchedOut:
    """Trainings, sweeps and evaluations that answer one question: levels, random-tests, from-base, soup or seeds."""
    study, user = open_study_to_write(request, slug)
    low = _checkpoint(study, body.low, "low") if body.low else None
    high = _checkpoint(study, body.high, "high") if body.high else None
    members = [_checkpoint(study, name, "members") for name in body.members]
    rest = body.model_dump(exclude={"low", "high", "members"})
    return _out(launch.launch_template(study, user, template, low=low, high=high, members=members, **rest))


def _set_of(study: Study, use: str) -> ProblemSet:
    found = study.set_of(use)
    if found is None:
        raise LaunchError("problem_set", f"This study has no {use} problem set.")
    return found


def _checkpoint(study: Study, reference: str, field: str) -> Checkpoint:
    found = study.checkpoints.filter(reference=reference).first()
    if found is None:
        raise LaunchError(field, f"This study has no checkpoint {reference!r}.")
    return found


def _out(launched: launch.Launched) -> LaunchedOut:
    return LaunchedOut(
        jobs=[JobOut.of(job) for job in launched.jobs],
        estimate_seconds=launched.estimate.seconds,
        estimate_basis=launched.estimate.basis,
        concludes=list(launched.concludes),
    )
