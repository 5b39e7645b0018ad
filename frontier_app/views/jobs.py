"""The queue: lists of jobs, one job with its live log, cancelling and retrying."""

import json

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, F, Q, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from compute.usage import WATCHED
from frontier_app import launch
from frontier_app.models import Job
from frontier_app.models.jobs import JobQuerySet
from frontier_app.numbers.explorer import rates_of
from frontier_app.numbers.usage import usage_of
from frontier_app.running_elsewhere import Elsewhere, commands_elsewhere, server_address
from frontier_app.viewer import Viewer, viewer_of
from frontier_app.views.evaluations import study_address
from frontier_app.views.fetch import open_job, open_study, signed_in
from frontier_app.views.frame import job_counts, render_page, study_context
from frontier_app.views.paging import Slice

PAGE = 50
LOG_BYTES = 256 << 10
SHOWN = {
    "all": (),
    "active": (Job.QUEUED, Job.RUNNING, Job.CANCELLING),
    "succeeded": (Job.SUCCEEDED,),
    "failed": (Job.FAILED, Job.LOST),
    "cancelled": (Job.CANCELLED,),
}
IMPORT_COUNTS = (
    ("new", "new", "in none of the sets compared with"),
    ("duplicates", "duplicate", "the same statement, limits and tests as a problem known already"),
    ("refused", "refused", "could not be read; the reasons are below"),
)


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    visible = Job.objects.visible_to(Viewer(user=signed_in(request)))
    return render_page(request, "jobs.html", _table(request, visible), parts=("rows",))


@require_safe
def study_jobs(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_study(request, slug)
    if not opened.is_member:
        raise PermissionDenied
    visible = Job.objects.visible_to(opened.viewer).filter(study=opened.study)
    context = study_context(opened, "jobs") | _table(request, visible)
    return render_page(request, "study_jobs.html", context, parts=("rows",))


def _table(request: HttpRequest, visible: JobQuerySet) -> dict[str, object]:
    shown = request.GET.get("state", "all")
    shown = shown if shown in SHOWN else "all"
    wanted = request.GET.get("q", "").strip()
    rows = _in_order(visible.for_lists())
    if SHOWN[shown]:
        rows = rows.filter(state__in=SHOWN[shown])
    if wanted:
        rows = rows.filter(title__icontains=wanted)
    return {"slice": Slice(request, rows, PAGE), "shown": shown, "choices": list(SHOWN), "q": wanted}


def _in_order(rows: JobQuerySet) -> JobQuerySet:
    """What runs, then the queue as it will run, then what ended, newest first."""
    running = Q(state__in=(Job.RUNNING, Job.CANCELLING))
    return rows.order_by(
        Case(When(running, then=0), When(state=Job.QUEUED, then=1), default=2),
        F("has_unmet_needs"),
        Case(When(running | Q(state=Job.QUEUED), then="pk")),
        F("ended").desc(nulls_last=True),
        "-pk",
    )


@require_safe
def chip(request: HttpRequest, slug: str) -> HttpResponse:
    """The running and queued counts in the study's header."""
    opened = open_study(request, slug)
    context = {"study": opened.study, "counts": job_counts(opened.study, opened.viewer)}
    return render(request, "study_base.html#chip", context)


@require_safe
def job(request: HttpRequest, reference: str) -> HttpResponse:
    job = open_job(request, reference)
    context: dict[str, object] = {
        "job": job,
        "may_change": _may_change(request, job),
        "config": json.dumps(job.config, indent=2),
        "position": job.queue_position(),
        "waiting": job.waits_for() if job.state == Job.QUEUED else [],
        "unserved": job.is_unserved(),
        "needs": list(job.needs.only("reference", "title", "state")[:50]),
        "children": list(job.children.only("reference", "title", "state", "attempt")[:50]),
        "runs": list(job.runs.all()[:50]),
        "checkpoints": list(job.checkpoints.all()[:50]),
        "evaluations": evaluations_made(job),
        "found": found_by(job),
        "log": log_text(job),
        "elsewhere": how_elsewhere(request, job),
        "watched": job.kind in WATCHED,
        "usage": usage_of(job),
        "against_estimate": against_estimate(job),
    }
    return render_page(request, "job.html", context, parts=("state", "found", "usage", "outcome"))


def how_elsewhere(request: HttpRequest, job: Job) -> Elsewhere | None:
    """For a job that waits for a run elsewhere."""
    waits = job.remote and job.state == Job.QUEUED
    return commands_elsewhere(job, server_address(request)) if waits else None


def against_estimate(job: Job) -> float | None:
    """How many times the estimate a job took that succeeded."""
    if job.state != Job.SUCCEEDED or not job.cost_seconds or not job.cost_estimate_seconds:
        return None
    return job.cost_seconds / job.cost_estimate_seconds


def found_by(job: Job) -> dict[str, object] | None:
    """What an import, an audit or a geometry that succeeded has to say; None for any other job."""
    if job.state != Job.SUCCEEDED or job.kind not in ("import", "audit", "geometry"):
        return None
    found: dict[str, object] = {"kind": job.kind, **job.summary}
    if job.kind == "geometry":
        return found | {"pair": {end: job.config[end]["reference"] for end in ("low", "high")}}
    if job.kind == "import":
        reference = job.config["reference"]
        found["counts"] = [(words, job.summary.get(name), tip) for name, words, tip in IMPORT_COUNTS]
    else:
        reference = job.config["problems"]["reference"]
    train = job.study.train_set if job.study else None
    return found | {"set": "train" if train is not None and train.reference == reference else "held_out"}


def evaluations_made(job: Job) -> list[dict[str, object]]:
    """Each evaluation, its rates once something is judged, and the study page's address at its place."""
    rows = job.evaluations.select_related("checkpoint", "path__low", "path__high")
    evaluations = list(rows.prefetch_related("checkpoint__recipe")[:50])
    if job.study is None or not evaluations:
        return []
    difficulty, rates = rates_of(job.study, evaluations)
    first = job.study.paths.select_related("low", "high").first()
    return [
        {
            "evaluation": one,
            "difficulty": difficulty,
            "rates": rates.get(one.pk),
            "address": study_address(job.study, one, first),
        }
        for one in evaluations
    ]


def _may_change(request: HttpRequest, job: Job) -> bool:
    return Job.objects.writable_by(viewer_of(request)).filter(pk=job.pk).exists()


@require_safe
def log(request: HttpRequest, reference: str) -> HttpResponse:
    """The end of the job's log as plain text."""
    return HttpResponse(log_text(open_job(request, reference)), content_type="text/plain; charset=utf-8")


def log_text(job: Job) -> str:
    """The last lines of the log file, else the tail kept in the row."""
    try:
        with job.log_path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - LOG_BYTES))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return job.log_tail
    return text if size <= LOG_BYTES else text.partition("\n")[2]


@require_POST
def cancel(request: HttpRequest, reference: str) -> HttpResponse:
    job = open_job(request, reference)
    return _change(request, job, launch.cancel)


@require_POST
def retry(request: HttpRequest, reference: str) -> HttpResponse:
    job = open_job(request, reference)
    return _change(request, job, launch.retry)


@require_POST
def send_elsewhere(request: HttpRequest, reference: str) -> HttpResponse:
    """Keep it from the workers here; its page then shows how it is run."""
    job = open_job(request, reference)
    return _change(request, job, launch.send_elsewhere)


@require_POST
def take_back(request: HttpRequest, reference: str) -> HttpResponse:
    job = open_job(request, reference)
    return _change(request, job, launch.take_back)


@require_POST
def import_for_real(request: HttpRequest, reference: str) -> HttpResponse:
    """What a dry run tried, with the same config."""
    job = open_job(request, reference)
    return _change(request, job, launch.import_for_real)


def _change(request: HttpRequest, job: Job, verb: "launch.Verb") -> HttpResponse:
    """Call the verb and show the job that is concerned now (a retry may be another row). Its page says what became of
    it, and goes on saying it as the state changes."""
    if not _may_change(request, job):
        raise PermissionDenied
    try:
        changed = verb(job, signed_in(request))
    except launch.LaunchError as error:
        messages.error(request, str(error))
        return redirect(job)
    return redirect(changed if isinstance(changed, Job) else job)
