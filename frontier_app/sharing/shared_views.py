"""Which views there are, what decides what each of them shows, and whether a share link admits a request.

A *view* is one page and the data it asks for. Its query has two kinds of keys: those that decide which data there are,
and those that only choose what of them is drawn. A share link pins every key of the first kind, and the parts of the
address after the study; keys of the second kind are the reader's to change. Whatever the table below does not name
decides, so a key that nobody thought of closes the link rather than opening more of the study.

The query kept in a row holds the parts of the address too, under their names with an `@` before them, which no form
field has: `@problem=two-sum&at=evaluation-1`. Nothing here reads rows or renders.
"""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from django.http import HttpRequest, QueryDict
from django.urls import NoReverseMatch, Resolver404, resolve, reverse

from frontier_app.models import SavedView, ShareLink, Study

SHARE, SAVED = "share", "view"
CARRIED = frozenset({SHARE, SAVED})
"""What every request of an opened view may carry along: the link's token and the saved view's short name."""
LONGEST_QUERY = 4_000
OWN, EACH = "@", "*"
Pinned = Mapping[str, tuple[str, ...]]


class SharedView(NamedTuple):
    """`page` is the name of its route. `draws` are the keys that decide no data, with an `@` the parts of the addresses
    of its data (`@panel`). `data` are the answers that a saved view keeps: a route, and the drawing keys it is asked
    with (`study_data?family=second`). A key may have the value that the view has (OWN), or in turn that one, none and
    each difficulty of the study (EACH). `figures` are the answers in which its figures are, where a saved view keeps
    others or none."""

    page: str
    words: str
    draws: frozenset[str] = frozenset()
    data: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()

    @property
    def route(self) -> str:
        """Where a script reads its data; "" for a view without any."""
        return next(iter(self.data + self.figures), "").partition("?")[0]


def _keys(names: str) -> frozenset[str]:
    return frozenset(names.split())


VIEWS = {
    # The data hold every alpha and every problem of the view; the programs of each belong to them, where shown at all.
    # `family` asks for the data of the second slider, which `with` decides.
    "study": SharedView(
        "study",
        "the explorer",
        _keys("a b problem program evaluation beside other sort find family"),
        ("study_data", "study_data?family=second"),
        ("study_data",),
    ),
    "explore": SharedView("explore", "the frontiers", _keys("pins chosen sort drag zoom"), ("explore_data",)),
    # The grid holds every problem of the view; what is shown below it is told of some of them, without programs.
    "failures": SharedView(
        "failures",
        "the failures",
        _keys("difficulty tag find colour sort cols zoom growth of problem at @panel"),
        (
            "failures_grid",
            "failures_panel?@panel=levels&difficulty=*&tag=@",
            "failures_panel?@panel=groups&difficulty=*&tag=@",
            "failures_panel?@panel=growth&difficulty=*&tag=@&growth=@&of=@",
        ),
        ("failures_panel?@panel=levels", "failures_panel?@panel=growth"),
    ),
    # The curves hold every budget, so the page moves `k` without asking; what it tells of one budget is asked with it.
    "ensembles": SharedView("ensembles", "the ensembles", _keys("bar"), ("ensembles_json",)),
    # A list is shared whole: its pages, the order of its rows, the file of all of them. Which columns it has decides.
    "problems": SharedView("problems", "the problems", _keys("page size sort format")),
    "problem": SharedView("problem", "one problem", _keys("page at program programs_page"), figures=("problem_sizes",)),
    "audit": SharedView("audit", "the audit", _keys("page programs_page"), figures=("audit_figures",)),
    # `machine` asks for the figures of the second fold of the page.
    "runs": SharedView("runs", "the runs", _keys("page size sort format machine"), figures=("run_curves",)),
    "checkpoints": SharedView("checkpoints", "the checkpoints", _keys("page size sort format")),
    "geometry": SharedView("geometry", "the geometry of a pair", figures=("geometry_figures",)),
    "evaluations": SharedView("evaluations", "the evaluations", _keys("page size sort format")),
    "evaluation": SharedView("evaluation", "one evaluation"),
    # Which of its figures is asked for; no other is answered.
    "report": SharedView("report", "one report", _keys("address")),
    # Both evaluations are pinned; the problem only chooses whose programs are put side by side, where shown at all.
    "compare": SharedView("compare", "two evaluations", _keys("sort all problem format")),
}


class Address(NamedTuple):
    """An address of a study, taken apart: the view, its query as a row keeps it, and the short name of the saved view
    that it shows ("" for none)."""

    view: str
    query: str
    saved: str = ""


class NotAView(ValueError):
    """An address names no view of the study; the message is one sentence."""


def read_address(study: Study, address: str) -> Address:
    """The view that a page's address (path and query, as the browser shows it) names. Raises NotAView."""
    try:
        parts = urlsplit(address)
        match = resolve(unquote(parts.path))
    except (Resolver404, ValueError):
        raise NotAView("This address is not one of the study's views.") from None
    if "\x00" in unquote(address):
        raise NotAView("An address cannot hold a NUL character.")
    arguments = {name: str(value) for name, value in match.kwargs.items()}
    view = next((name for name, one in VIEWS.items() if one.page == match.url_name), None)
    if view is None or arguments.pop("slug", None) != study.slug:
        raise NotAView("This address is not one of the study's views.")
    if len(parts.query) > LONGEST_QUERY:
        raise NotAView(f"The address is too long to be kept: at most {LONGEST_QUERY} characters after the ?.")
    query = QueryDict(mutable=True)
    for name, value in arguments.items():
        query[f"@{name}"] = value
    for name, values in QueryDict(parts.query).lists():
        if any(values) and name not in CARRIED and not name.startswith("@"):
            query.setlist(name, values)
    return Address(view, query.urlencode(), QueryDict(parts.query).get(SAVED, ""))


def address_of(study: Study, view: str, query: str, saved: SavedView | None = None) -> str | None:
    """The page of a view as kept in a row; None when there is no such page any more. It is always one of this site."""
    if view not in VIEWS:
        return None
    kept = QueryDict(query, mutable=True)
    arguments = {name[1:]: kept.pop(name)[-1] for name in list(kept) if name.startswith("@")}
    if saved is not None:
        kept[SAVED] = saved.short
    try:
        page = reverse(VIEWS[view].page, kwargs={"slug": study.slug, **arguments})
    except NoReverseMatch:
        return None
    return f"{page}?{kept.urlencode()}" if kept else page


def words_of(view: str, query: str) -> str:
    """A view in words: "the explorer: difficulty hard, rule first_failure"."""
    name = VIEWS[view].words if view in VIEWS else view
    told = [f"{key.removeprefix('@')} {', '.join(values)}" for key, values in QueryDict(query).lists()]
    return f"{name}: {', '.join(told)}" if told else name


def pinned(view: str, query: str) -> Pinned:
    """The keys of a kept query that decide data."""
    return _deciding(view, QueryDict(query))


def asked(view: str, request: HttpRequest) -> Pinned:
    """What a request asks of a view, to be compared with `pinned`."""
    match = request.resolver_match
    drawn = drawn_by(view)
    parts = {f"@{name}": (str(value),) for name, value in match.kwargs.items() if name != "slug"} if match else {}
    found = {name: values for name, values in parts.items() if name not in drawn}
    # A key of the query with an @ is no part of the address: under its own name it would pass for one.
    return {**found, **{name.replace("@", "?"): values for name, values in _deciding(view, request.GET).items()}}


def drawn_by(view: str) -> frozenset[str]:
    """The keys that decide nothing in a view; of an unknown one, none."""
    return CARRIED | (VIEWS[view].draws if view in VIEWS else frozenset())


def _deciding(view: str, query: QueryDict) -> dict[str, tuple[str, ...]]:
    """A key whose values are all empty says nothing. Otherwise every one counts, an empty one too: a view reads the
    last."""
    drawn = drawn_by(view)
    return {name: tuple(values) for name, values in query.lists() if name not in drawn and any(values)}


def admits(link: ShareLink, view: str, request: HttpRequest) -> bool:
    """Whether a link shows what the request asks for: its own view, with its own query, to be read."""
    if request.method not in ("GET", "HEAD") or link.view != view:
        return False
    saved = link.saved_view.short if link.saved_view else None
    if request.GET.get(SAVED, saved) != saved:
        return False
    return asked(view, request) == pinned(link.view, link.query)
