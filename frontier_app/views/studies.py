"""The study page: one address holds the whole state of the view; its data and its programs come as JSON."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from frontier_app.models import Job, Path, Problem, Study
from frontier_app.models.jobs import JobQuerySet
from frontier_app.numbers import explorer
from frontier_app.numbers.placement import (
    ALL_DIFFICULTIES,
    DIFFICULTIES,
    SelectionError,
    difficulties_of,
    offered_paths,
    select,
    settings_of,
)
from frontier_app.numbers.programs_written import NotWritten, evaluation_of, one_program, problem_programs
from frontier_app.sharing.pinned import pinned_answer
from frontier_app.viewer import Viewer
from frontier_app.views.fetch import OpenStudy, open_view
from frontier_app.views.frame import render_page, study_context

# How many jobs the empty plot has room for.
SOON = 5
NO_PROGRAMS = "This link does not show programs."


@require_safe
def study(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, "study")
    choices = _choices(opened, request.GET.dict())
    context = study_context(opened, "study") | _coming(opened.study, opened.viewer) | choices
    return render_page(request, "study.html", context, parts=("coming",))


@require_safe
def study_data(request: HttpRequest, slug: str) -> HttpResponse:
    """The view that the page's address asks for; with `family=second`, that of its second slider (`with=`)."""
    opened = open_view(request, slug, "study")
    if (pinned := pinned_answer(request, opened.saved)) is not None:
        return pinned
    try:
        selection = select(opened.study, _family(request.GET.dict()))
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
    """What the evaluations of the first or (`family=second`) the second slider wrote for one problem."""
    opened = open_view(request, slug, "study")
    if not opened.viewer.may_read_programs:
        return JsonResponse({"error": NO_PROGRAMS}, status=403)
    problem = _held_out(opened, request)
    try:
        selection = select(opened.study, _family(request.GET.dict()))
    except SelectionError as error:
        return JsonResponse({"error": str(error)}, status=400)
    response = JsonResponse(problem_programs(opened.study, problem, selection))
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@require_safe
def study_program(request: HttpRequest, slug: str) -> HttpResponse:
    """One program of one evaluation, with the verdict of each test."""
    opened = open_view(request, slug, "study")
    if not opened.viewer.may_read_programs:
        return JsonResponse({"error": NO_PROGRAMS}, status=403)
    problem = _held_out(opened, request)
    try:
        selection = select(opened.study, _family(request.GET.dict()))
        found = one_program(
            evaluation_of(opened.study, selection, request.GET.get("evaluation", "")),
            problem,
            request.GET.get("program", ""),
        )
    except SelectionError as error:
        return JsonResponse({"error": str(error)}, status=400)
    except NotWritten as error:
        return JsonResponse({"error": str(error)}, status=404)
    response = JsonResponse(found)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _held_out(opened: OpenStudy, request: HttpRequest) -> Problem:
    """The held-out problem that the query names. Raises Http404."""
    held_out = Problem.objects.filter(problem_set=opened.study.held_out_set_id)
    return get_object_or_404(held_out, slug=request.GET.get("problem", ""))


def _coming(study: Study, viewer: Viewer) -> dict[str, object]:
    """What runs and what comes next, for the empty page."""
    active: JobQuerySet = Job.objects.visible_to(viewer).filter(study=study).active()
    running = list(active.exclude(state=Job.QUEUED).order_by("started", "pk")[:SOON])
    queued = list(active.filter(state=Job.QUEUED).order_by("pk")[: SOON - len(running)])
    more = active.count() - len(running) - len(queued)
    return {"running_jobs": running, "queued_jobs": queued, "more_jobs": more}


def _choices(opened: OpenStudy, query: dict[str, str]) -> dict[str, object]:
    """What the filters offer, and what the page's script needs to know before any data arrives."""
    study = opened.study
    levels = study.held_out_set.levels if study.held_out_set else 1
    settings = settings_of(study)
    difficulties = difficulties_of(study) or list(DIFFICULTIES)
    second = query.get("with", "").partition(":")[0]
    paths = offered_paths(study, query.get("path", ""), second)
    return {
        "difficulties": [*difficulties, *([ALL_DIFFICULTIES] if len(difficulties) > 1 else [])],
        "hardest": difficulties[-1],
        "settings": settings,
        "levels": [{"level": level, "coverage": level / levels} for level in range(1, levels + 1)],
        "paths": paths,
        "families": _families(paths, settings),
        "explorer": {
            "data": reverse("study_data", args=[study.slug]),
            "programs": reverse("study_programs", args=[study.slug]) if opened.viewer.may_read_programs else None,
            "program": reverse("study_program", args=[study.slug]) if opened.viewer.may_read_programs else None,
            "problem": reverse("problem", args=[study.slug, "SLUG"]) if opened.is_member else None,
            "evaluation": reverse("evaluation", args=[study.slug, "REFERENCE"]) if opened.is_member else None,
            "launch": reverse("launch", args=[study.slug, "sweep"]) if opened.may_launch else None,
            "levels": levels,
            "fixed": opened.viewer.share_link is not None,
        },
    }


def _family(query: dict[str, str]) -> dict[str, str]:
    """The query of the family that is asked for. Raises SelectionError for a second one that is not named."""
    if query.get("family") != "second":
        return query
    path, found, setting = query.get("with", "").partition(":")
    if not (path and found and setting):
        raise SelectionError(f"A second family is named path:setting, as in 3:tools, not {query.get('with', '')!r}.")
    return query | {"path": path, "setting": setting}


def _families(paths: list[Path], settings: list[str]) -> list[dict[str, str]]:
    """What a second slider can stand on: every path in every setting, as `path:setting` and in words."""
    several = len(settings) > 1
    return [
        {
            "value": f"{path.pk}:{setting}",
            "words": " · ".join([*([path.name] if len(paths) > 1 else []), *([setting] if several else [])]),
        }
        for path in paths
        for setting in settings
        if len(paths) > 1 or several
    ]
