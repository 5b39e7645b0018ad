"""The ensembles page and its numbers: one address holds the whole state of the view."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from frontier_app.numbers.ensembles.choice import MOST_MEMBERS, choose
from frontier_app.numbers.ensembles.page import ensembles_data
from frontier_app.numbers.placement import DIFFICULTIES, SelectionError, difficulties_of, offered_paths, settings_of
from frontier_app.sharing.pinned import pinned_answer
from frontier_app.views.fetch import OpenStudy, open_view
from frontier_app.views.frame import render_page, study_context

VIEW = "ensembles"


@require_safe
def ensembles(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, VIEW)
    context = study_context(opened, VIEW) | _choices(opened, request.GET.dict())
    return render_page(request, "ensembles.html", context)


@require_safe
def ensembles_json(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, VIEW)
    if (pinned := pinned_answer(request, opened.saved)) is not None:
        return pinned
    try:
        data = ensembles_data(opened.study, choose(opened.study, request.GET.dict()))
    except SelectionError as error:
        return JsonResponse({"error": str(error)}, status=400)
    response = JsonResponse(data)
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
