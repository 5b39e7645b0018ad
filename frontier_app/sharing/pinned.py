"""Pinned data: what a saved view keeps of a figure, and how its answer is given again.

A data endpoint becomes pinnable in two steps. Its route is named in the `data` of its view in
`frontier_app.sharing.shared_views`, and after its rights are checked it asks `pinned_answer`:

    opened = open_view(request, slug, "explore")
    if (pinned := pinned_answer(request, opened.saved)) is not None:
        return pinned

A snapshot is what a share link without programs would be answered, so it can be shown to everybody who may see the
view. What is not pinned, programs among it, is answered as it is today.
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Max, Q, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.urls import resolve, reverse

from frontier_app.models import Problem, SavedView, ShareLink, Snapshot, Study
from frontier_app.sharing.shared_views import CARRIED, VIEWS, drawn_by

OK = 200
NOT_MODIFIED = 304


def data_version(study: Study, view: str) -> str:
    """Changes when what the study has measured or audited does; four queries at any size."""
    rows = study.evaluations.aggregate(
        n=Count("pk"), versions=Sum("version"), samples=Sum("samples_done"), last=Max("pk")
    )
    complete = study.evaluations.filter(state="complete").count()
    problems = Problem.objects.filter(problem_set=study.held_out_set_id)
    audited = problems.aggregate(n=Count("pk"), audited=Count("pk", filter=~Q(audit={})))
    made = study.checkpoints.aggregate(n=Count("pk", distinct=True), last=Max("pk"), runs=Count("run", distinct=True))
    told = [view, *rows.values(), complete, *audited.values(), *made.values()]
    return sha256(repr(told).encode()).hexdigest()[:32]


def take_snapshot(study: Study, view: str, query: str) -> Snapshot | None:
    """The answers of a view's pinnable endpoints now; None for a view that has none or that answers nothing."""
    answers = {}
    for entry in VIEWS[view].data:
        answer = _answered(study, view, query, entry)
        if answer is not None:
            answers[entry] = answer
    return Snapshot.of(answers) if answers else None


def _answered(study: Study, view: str, query: str, entry: str) -> object:
    """What one endpoint tells a link to this view; None for anything but an answer."""
    route, _, drawn = entry.partition("?")
    kept = QueryDict(query, mutable=True)
    parts = {name[1:]: kept.pop(name)[-1] for name in list(kept) if name.startswith("@")}
    for name in drawn_by(view):
        kept.pop(name, None)
    for name, value in QueryDict(drawn).items():
        if name.startswith("@"):
            parts[name[1:]] = str(value)
        else:
            kept[name] = str(value)
    request = HttpRequest()
    request.method, request.path = "GET", reverse(route, kwargs={"slug": study.slug, **parts})
    request.path_info, request.GET = request.path, QueryDict(kept.urlencode())
    request.META = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "QUERY_STRING": kept.urlencode()}
    request.user, request.session = AnonymousUser(), {}  # type: ignore[assignment]  # nobody: the link alone decides
    request.embedded_link = ShareLink(study=study, view=view, query=query)  # type: ignore[attr-defined]
    match = request.resolver_match = resolve(request.path)
    response = match.func(request, *match.args, **match.kwargs)
    return json.loads(response.content) if response.status_code == OK else None


def pinned_answer(request: HttpRequest, saved: SavedView | None) -> HttpResponse | None:
    """The answer that a saved view keeps for this request; None where the request is to be answered as of now."""
    if saved is None or saved.snapshot_id is None:
        return None
    version = f'"pinned-{saved.snapshot_id[:32]}"'
    answers = saved.snapshot.data if saved.snapshot else {}
    match = request.resolver_match
    if match is None or match.url_name not in {entry.partition("?")[0] for entry in answers}:
        return None
    entry = entry_of(request, saved.view, answers)
    if entry not in answers:
        return JsonResponse({"error": "The saved view keeps no such data."}, status=404)
    response: HttpResponse
    if request.headers.get("If-None-Match") == version:
        response = HttpResponse(status=NOT_MODIFIED)
    else:
        response = JsonResponse(answers[entry], safe=False)
    response.headers["ETag"] = version
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def entry_of(request: HttpRequest, view: str, answers: Iterable[str]) -> str:
    """The name under which a snapshot keeps the answer to this request: its route and those drawing keys by which its
    answers differ. Any other key changes no answer, and must not lead past those that are kept."""
    match = request.resolver_match
    assert match is not None
    told = {name for entry in answers for name in QueryDict(entry.partition("?")[2])}
    drawn = (drawn_by(view) - CARRIED) & told
    asked = {f"@{name}": str(value) for name, value in match.kwargs.items() if f"@{name}" in drawn}
    asked |= {name: value for name in request.GET if name in drawn and (value := request.GET.get(name, ""))}
    return f"{match.url_name}?{urlencode(sorted(asked.items()), safe='@')}" if asked else str(match.url_name)
