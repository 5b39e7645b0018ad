"""The data behind a view's figures, for scripts: what the page's own data address answers, to whom it answers."""

import json
from http import HTTPStatus

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import NoReverseMatch, resolve, reverse
from ninja import Router
from ninja.errors import HttpError

from frontier_app.sharing.shared_views import VIEWS

router = Router()
ROUTES = {name: view.route for name, view in VIEWS.items() if view.route}
# The failures page reads each figure below its grid from an address of its own: `panel` names it.
PANEL = "failures_panel"
# The parts of an address that the query gives.
PARTS = {"problem_sizes": ("problem",), PANEL: ("panel",)}


@router.get("/studies/{slug}/figures/{view}")
def figure_data(request: HttpRequest, slug: str, view: str) -> HttpResponse:
    """The same JSON as the page has for the same query; a refusal keeps its sentence."""
    if view not in ROUTES:
        raise HttpError(404, f"There are no figures of {view!r}; there are those of {', '.join(ROUTES)}.")
    route = PANEL if view == "failures" and request.GET.get("panel") else ROUTES[view]
    parts = PARTS.get(route, ())
    try:
        query = request.GET.copy()
        named = {name: query.pop(name, [""])[-1] for name in parts}
        match = resolve(reverse(route, kwargs={"slug": slug, **named}))
        # What is pinned, and what a share link may show, is decided by the address that answers.
        request.resolver_match, request.GET = match, query  # type: ignore[assignment]
        answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
    except NoReverseMatch:
        raise HttpError(422, f"The query must name: {', '.join(parts)}.") from None
    except Http404:
        raise HttpError(404, f"There is no study {slug!r} with such a view that you may see.") from None
    except PermissionDenied:
        raise HttpError(403, "You may not read this view.") from None
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        raise HttpError(answer.status_code, _sentence(answer))
    return answer


def _sentence(answer: HttpResponse) -> str:
    """The reason that a page's data address gives."""
    try:
        return str(json.loads(answer.content)["error"])
    except (ValueError, KeyError, TypeError):
        return f"The server answered {answer.status_code}."
