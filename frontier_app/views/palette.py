"""The command palette's search."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from frontier_app import palette as names
from frontier_app.views.fetch import open_study, signed_in


@require_safe
def palette(request: HttpRequest, slug: str = "") -> HttpResponse:
    """The studies of the person, and of the study at hand whatever is called so, as JSON."""
    words = " ".join(request.GET.get("q", "").split())[: names.WORDS_AT_MOST]
    found = names.within(open_study(request, slug).study, words) if slug else []
    found += names.studies(signed_in(request), words)
    response = JsonResponse({"items": [item._asdict() for item in found]})
    response.headers["Cache-Control"] = "private, no-cache"
    return response
