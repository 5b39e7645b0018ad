"""The study page: one address holds the whole state of the view; its data and its programs come as JSON."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from frontier_app import explorer
from frontier_app.models import Job, Study
from frontier_app.models.jobs import JobQuerySet
from frontier_app.placement import DIFFICULTIES, SelectionError, difficulties_of, select
from frontier_app.viewer import Viewer
from frontier_app.views.fetch import OpenStudy, open_problem, open_study
from frontier_app.views.frame import render_page, study_context

# How many jobs the empty plot has room for.
SOON = 5


@require_safe
def study(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_study(request, slug)
    context = study_context(opened, "study") | _coming(opened.study, opened.viewer) | _choices(opened)
    return render_page(request, "study.html", context, parts=("coming",))


@require_safe
def study_data(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_study(request, slug)
    try:
        selection = select(opened.study, request.GET.dict())
    except SelectionError as error:
        return JsonResponse({"error": str(error)}, status=400)
    shown = "shared" if opened.viewer.share_link else "member"
    version = f'"{explorer.data_version(opened.study, selection)}-{shown}"'
    if request.headers.get("If-None-Match") == version:
        response = HttpResponse(status=304)
    else:
        response = JsonResponse(explorer.explorer_data(opened.study, selection, opened.viewer))
    response.headers["ETag"] = version
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@require_safe
def study_programs(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_study(request, slug)
    if not opened.viewer.may_read_programs:
        return JsonResponse({"error": "This link does not show programs."}, status=403)
    problem = open_problem(opened, request.GET.get("problem", ""))
    try:
        selection = select(opened.study, request.GET.dict())
    except SelectionError as error:
        return JsonResponse({"error": str(error)}, status=400)
    response = JsonResponse(explorer.problem_programs(opened.study, problem, selection))
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _coming(study: Study, viewer: Viewer) -> dict[str, object]:
    """What runs and what comes next, for the empty page."""
    active: JobQuerySet = Job.objects.visible_to(viewer).filter(study=study).active()
    running = list(active.exclude(state=Job.QUEUED).order_by("started", "pk")[:SOON])
    queued = list(active.filter(state=Job.QUEUED).order_by("pk")[: SOON - len(running)])
    more = active.count() - len(running) - len(queued)
    return {"running_jobs": running, "queued_jobs": queued, "more_jobs": more}


def _choices(opened: OpenStudy) -> dict[str, object]:
    """What the filters offer, and what the page's script needs to know before any data arrives."""
    study = opened.study
    levels = study.held_out_set.levels if study.held_out_set else 1
    settings = sorted(set(study.evaluations.values_list("setting", flat=True)) | {"reasoning"})
    return {
        "difficulties": difficulties_of(study) or list(DIFFICULTIES),
        "settings": settings,
        "levels": [{"level": level, "coverage": level / levels} for level in range(1, levels + 1)],
        "paths": study.paths.all(),
        "explorer": {
            "data": reverse("study_data", args=[study.slug]),
            "programs": reverse("study_programs", args=[study.slug]) if opened.viewer.may_read_programs else None,
            "problem": reverse("problem", args=[study.slug, "SLUG"]),
            "evaluation": reverse("evaluation", args=[study.slug, "REFERENCE"]),
            "launch": reverse("launch", args=[study.slug, "sweep"]) if opened.may_launch else None,
            "levels": levels,
        },
    }
