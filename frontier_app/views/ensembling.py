"""The ensembles page and its numbers: one address holds the whole state of the view."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from frontier_app.filters import FilterError
from frontier_app.numbers.ensembles.choice import MOST_MEMBERS, candidates, choose
from frontier_app.numbers.ensembles.page import data_version, ensembles_data
from frontier_app.numbers.placement import DIFFICULTIES, SelectionError, difficulties_of, offered_paths, settings_of
from frontier_app.sharing.pinned import pinned_answer
from frontier_app.views.fetch import OpenStudy, open_view
from frontier_app.views.frame import render_page, study_context

VIEW = "ensembles"


@require_safe
def ensembles(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, VIEW)
    context = study_context(opened, VIEW) | _choices(opened, request.GET.dict())
    context["q"] = request.GET.get("q", "").strip()
    return render_page(request, "ensembles.html", context)


@require_safe
def ensembles_json(request: HttpRequest, slug: str) -> HttpResponse:
    """400 with one sentence for an address that means nothing; `caret` marks the mistake in a filter."""
    opened = open_view(request, slug, VIEW)
    if (pinned := pinned_answer(request, opened.saved)) is not None:
        return pinned
    response: HttpResponse
    try:
        choice = choose(opened.study, request.GET.dict())
        offered = candidates(opened.study, choice)
        version = f'"{data_version(opened.study, choice, offered)}"'
        if request.headers.get("If-None-Match") == version:
            response = HttpResponse(status=304)
        else:
            response = JsonResponse(ensembles_data(opened.study, choice, offered))
    except FilterError as error:
        caret = error.excerpt(request.GET.get("q", "").strip())
        return JsonResponse({"error": error.message, "caret": caret}, status=400)
    except SelectionError as error:
        return JsonResponse({"error": str(error)}, status=400)
    response.headers["ETag"] = version
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _choices(opened: OpenStudy, query: dict[str, str]) -> dict[str, object]:
    """What the filters offer, and what the page's script needs to know before any data arrives."""
    study = opened.study
    levels = study.held_out_set.levels if study.held_out_set else 1
    return {
        "difficulties": difficulties_of(study) or list(DIFFICULTIES),
        "settings": settings_of(study),
        "levels": [{"level": level, "coverage": level / levels} for level in range(1, levels + 1)],
        "paths": offered_paths(study, query.get("path", "")),
        "sizes": range(2, MOST_MEMBERS + 1),
        "ensembles": {
            "data": reverse("ensembles_json", args=[study.slug]),
            "problem": reverse("problem", args=[study.slug, "SLUG"]) if opened.is_member else None,
            "fixed": opened.viewer.share_link is not None,
        },
    }
