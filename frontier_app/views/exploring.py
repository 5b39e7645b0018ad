"""The Frontiers page: any set of evaluated checkpoints on any two axes; its data comes as JSON of the same address."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from frontier_app.filters import FilterError
from frontier_app.models import ProblemSet
from frontier_app.numbers.exploration.choice import (
    FACETS,
    FORMS,
    LARGEST_K,
    MEASURES,
    ORIGINS,
    choose,
    offered_difficulties,
    problem_sets_of,
    read_address,
)
from frontier_app.numbers.exploration.page import conditions_of, data_version
from frontier_app.numbers.exploration.page import explore as measured
from frontier_app.numbers.exploration.panels import exploration_data
from frontier_app.numbers.placement import ALL_DIFFICULTIES, SelectionError, offered_paths, settings_of
from frontier_app.sharing.pinned import pinned_answer
from frontier_app.views.fetch import OpenStudy, open_view
from frontier_app.views.frame import render_page, study_context

VIEW = "explore"
TOOLS = {
    "": "dragging zooms; a double click shows all",
    "pan": "dragging moves what is shown; a double click shows all",
    "select": "dragging selects a box",
    "lasso": "dragging selects",
}


@require_safe
def explore(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, VIEW)
    context = study_context(opened, VIEW) | _choices(opened, request.GET.get("set", ""), request.GET.get("path", ""))
    context["q"] = request.GET.get("q", "").strip()
    return render_page(request, "explore.html", context)


@require_safe
def explore_data(request: HttpRequest, slug: str) -> HttpResponse:
    """400 with one sentence for an address that means nothing; `caret` marks the mistake in a filter."""
    opened = open_view(request, slug, VIEW)
    if (pinned := pinned_answer(request, opened.saved)) is not None:
        return pinned
    study = opened.study
    try:
        asked = read_address(study, request.GET.dict())
        chosen = choose(study, asked)
    except FilterError as error:
        return JsonResponse(
            {"error": error.message, "caret": error.excerpt(request.GET.get("q", "").strip())}, status=400
        )
    except SelectionError as error:
        return JsonResponse({"error": str(error)}, status=400)
    version = f'"{data_version(study, asked, chosen)}-{"editor" if opened.may_launch else "reader"}"'
    if request.headers.get("If-None-Match") == version:
        response = HttpResponse(status=304)
    else:
        explored = measured(study, asked, chosen)
        data = exploration_data(study, explored, opened.may_launch)
        response = JsonResponse(data | {"conditions": conditions_of(study, explored)})
    response.headers["ETag"] = version
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _choices(opened: OpenStudy, wanted_set: str, wanted_path: str) -> dict[str, object]:
    """What the selection offers, and what the page's script needs before any data arrives."""
    study = opened.study
    sets = problem_sets_of(study)
    chosen: ProblemSet | None = next((one for one in sets if one.reference == wanted_set), study.held_out_set)
    levels = chosen.levels if chosen else 1
    return {
        "difficulties": [*offered_difficulties(chosen), ALL_DIFFICULTIES],
        "problem_sets": sets,
        "settings": settings_of(study),
        "levels": [{"level": level, "coverage": level / levels} for level in range(1, levels + 1)],
        "paths": offered_paths(study, wanted_path),
        "origins": ORIGINS,
        "measures": MEASURES.items(),
        "facets": FACETS.items(),
        "forms": FORMS.items(),
        "largest_k": LARGEST_K,
        "tools": TOOLS.items(),
        "any_evaluation": study.evaluations.exists(),
        "explore": {
            "data": reverse("explore_data", args=[study.slug]),
            "evaluation": reverse("evaluation", args=[study.slug, "REFERENCE"]) if opened.is_member else None,
            "launch": reverse("launch", args=[study.slug, "sweep"]) if opened.may_launch else None,
        },
    }
