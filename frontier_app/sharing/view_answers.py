"""What a view's data answer to the bearer of a link to it: how a saved view and a report ask for what they keep.

The endpoint itself is called with a link that is in no database, so rights, mistakes in a query and the shape of an
answer are those of the page.
"""

import json

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, QueryDict
from django.urls import NoReverseMatch, resolve, reverse

from frontier_app.models import ShareLink, Study

OK = 200


class NotAnswered(Exception):
    """The endpoint refused; the message is its own sentence."""


def answer_to(study: Study, view: str, query: str, entry: str) -> object:
    """The JSON of one endpoint for a view and its query; `entry` is its route, and the parts of its address that are
    not of the view (`failures_panel?@panel=levels`). Raises NotAnswered."""
    route, _, own = entry.partition("?")
    kept = QueryDict(query, mutable=True)
    parts = {name[1:]: kept.pop(name)[-1] for name in list(kept) if name.startswith("@")}
    parts |= {name.removeprefix("@"): str(value) for name, value in QueryDict(own).items()}
    request = HttpRequest()
    try:
        request.method, request.path = "GET", reverse(route, kwargs={"slug": study.slug, **parts})
    except NoReverseMatch:
        raise NotAnswered("The address of the view is not complete.") from None
    request.path_info, request.GET = request.path, QueryDict(kept.urlencode())
    request.META = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "QUERY_STRING": kept.urlencode()}
    request.user, request.session = AnonymousUser(), {}  # type: ignore[assignment]  # nobody: the link alone decides
    request.embedded_link = ShareLink(study=study, view=view, query=query)  # type: ignore[attr-defined]
    match = request.resolver_match = resolve(request.path)
    try:
        response = match.func(request, *match.args, **match.kwargs)
    except (Http404, PermissionDenied):
        raise NotAnswered("What the address names is not in this study.") from None
    try:
        told = json.loads(response.content)
    except ValueError:
        told = {}
    if response.status_code != OK:
        words = told.get("error") if isinstance(told, dict) else None
        raise NotAnswered(str(words or f"The view answered {response.status_code}."))
    return told
