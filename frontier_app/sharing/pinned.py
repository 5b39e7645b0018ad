"""Pinned data: what a saved view keeps of a figure, and how its answer is given again.

A data endpoint becomes pinnable in two steps. Its route is named in the `data` of its view in
`frontier_app.sharing.shared_views`, and after its rights are checked it asks `pinned_answer`:

    opened = open_view(request, slug, "explore")
    if (pinned := pinned_answer(request, opened.saved)) is not None:
        return pinned

A snapshot is what a share link without programs would be answered, so it can be shown to everybody who may see the
view. Of a pinned endpoint it gives nothing else than what it keeps. What is not pinned, programs among it, is answered
as it is today, and the page says so.
"""

from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from itertools import product
from urllib.parse import urlencode

from django.db.models import Count, Max, Q, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.urls import ResolverMatch

from frontier_app.models import Problem, SavedView, Snapshot, Study
from frontier_app.numbers.placement import difficulties_of
from frontier_app.sharing.shared_views import EACH, OWN, VIEWS, drawn_by
from frontier_app.sharing.view_answers import NotAnswered, answer_to

NOT_MODIFIED = 304
# A set with more of them keeps its panels for the first ones.
MOST_DIFFICULTIES = 6


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
    for entry in entries_of(study, view, query):
        with suppress(NotAnswered):
            answers[entry] = _answered(study, view, query, entry)
    return Snapshot.of(answers) if answers else None


def entries_of(study: Study, view: str, query: str) -> list[str]:
    """What a view with this query keeps: its `data` with the values that its own keys and the difficulties give."""
    own, difficulties = QueryDict(query), difficulties_of(study)[:MOST_DIFFICULTIES]
    found = []
    for entry in VIEWS[view].data:
        route, _, drawn = entry.partition("?")
        choices = []
        for name, value in QueryDict(drawn).items():
            mine = own.get(name, "")
            values = {OWN: [mine], EACH: [mine, "", *difficulties]}.get(str(value), [str(value)])
            choices.append([(name, one) for one in dict.fromkeys(values)])
        found += [_named(route, chosen) for chosen in product(*choices)]
    return found


def _answered(study: Study, view: str, query: str, entry: str) -> object:
    """What one endpoint tells a link to this view, asked with the drawing keys of the entry alone. Raises
    NotAnswered."""
    route, _, drawn = entry.partition("?")
    kept, parts = QueryDict(query, mutable=True), QueryDict(mutable=True)
    for name in drawn_by(view):
        kept.pop(name, None)
    for name, value in QueryDict(drawn).items():
        (parts if name.startswith("@") else kept)[name] = str(value)
    return answer_to(study, view, kept.urlencode(), _named(route, parts.items()))


def _named(route: str, drawn: Iterable[tuple[str, object]]) -> str:
    """A route with the keys that have a value, in their one order."""
    asked = sorted((name, str(value)) for name, value in drawn if value)
    return f"{route}?{urlencode(asked, safe='@')}" if asked else route


def pinned_answer(request: HttpRequest, saved: SavedView | None) -> HttpResponse | None:
    """The answer that a saved view keeps for this request, or that it keeps none (404); None where the request is to be
    answered as of now."""
    match = request.resolver_match
    if saved is None or saved.snapshot_id is None or match is None:
        return None
    if match.url_name not in {entry.partition("?")[0] for entry in VIEWS[saved.view].data}:
        return None
    version = f'"pinned-{saved.snapshot_id[:32]}"'
    if request.headers.get("If-None-Match") == version:  # which only a kept answer of this address has given
        return _kept(HttpResponse(status=NOT_MODIFIED), version)
    answers, entry = saved.snapshot.data if saved.snapshot else {}, entry_of(match, request.GET, saved.view)
    if entry not in answers:
        return JsonResponse({"error": "The saved view keeps no such data."}, status=404)
    return _kept(JsonResponse(answers[entry], safe=False), version)


def _kept(response: HttpResponse, version: str) -> HttpResponse:
    response.headers["ETag"] = version
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def entry_of(match: ResolverMatch, query: QueryDict, view: str) -> str:
    """The name under which a snapshot keeps the answer to a request: its route and those drawing keys with which that
    is kept. Any other key changes no answer, and must not lead past those that are kept."""
    parts = {f"@{name}": str(value) for name, value in match.kwargs.items() if f"@{name}" in drawn_by(view)}
    told: set[str] = set()
    for entry in VIEWS[view].data:
        route, _, drawn = entry.partition("?")
        keys = QueryDict(drawn)
        if route == match.url_name and all(keys.get(name) == value for name, value in parts.items()):
            told |= {str(name) for name in keys if not str(name).startswith("@")}
    return _named(str(match.url_name), [*parts.items(), *((name, query.get(name, "")) for name in told)])
