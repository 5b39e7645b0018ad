"""The graph of a study's checkpoints: narrowed, bundled, placed and handed to the template as points and curves."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_safe

from frontier_app.filters import CHECKPOINT_FIELDS, FilterError, patience
from frontier_app.models import Checkpoint, Evaluation, Study
from frontier_app.numbers.lineage import (
    Edge,
    Lineage,
    Place,
    Words,
    around,
    bundled,
    first,
    layout,
    lineage_of,
    words_of,
)
from frontier_app.views.fetch import open_study
from frontier_app.views.frame import render_page, study_context
from frontier_app.views.table_page import Filtered, read_filter

MOST_NODES = 240
LAYER_PIXELS, ROW_PIXELS, MARGIN_PIXELS = 248, 44, 28
LONGEST_NAME, LONGEST_RECIPE = 30, 38


class Drawn(NamedTuple):
    """A node as the page draws it, in pixels. `merges`: how many it stands for, 0 for one checkpoint."""

    key: str
    origin: str
    merges: int
    words: Words
    x: int
    y: float
    label: str
    recipe: str
    href: str

    @property
    def top(self) -> float:
        return self.y - 5

    @property
    def over(self) -> float:
        return self.y - 14

    @property
    def extrapolated(self) -> bool:
        return len(self.words.alphas) == 1 and not 0 <= self.words.alphas[0] <= 1


class Curve(NamedTuple):
    edge: Edge
    path: str


@require_safe
def lineage(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_study(request, slug)
    filtered = read_filter(request, CHECKPOINT_FIELDS)
    whole = lineage_of(opened.study)
    wanted = [key for key in request.GET.get("around", "").split(",") if key]
    known = [key for key in wanted if key in whole.origins]
    narrowed = around(whole, known) if known else whole
    if filtered.text:
        filtered, matching = _matching(filtered, opened.study)
        narrowed = around(narrowed, matching & narrowed.origins.keys(), descendants=False)
    unfolded = request.GET.getlist("open")
    graph = bundled(narrowed, unfolded)
    shown = first(graph, MOST_NODES)
    places = layout(shown)
    words = words_of(opened.study, shown)
    context = study_context(opened, "checkpoints") | {
        "nodes": _nodes(shown, places, words, opened.study, request.GET),
        "curves": [Curve(edge, _path(places[edge.source], places[edge.target])) for edge in shown.edges],
        "width": round(max((_x(place) for place in places.values()), default=0) + LAYER_PIXELS),
        "height": round(max((_y(place) for place in places.values()), default=0) + MARGIN_PIXELS + 12),
        "checkpoints": sum(len(shown.bundles.get(key, "1")) for key in shown.origins),
        "of": len(whole.origins),
        "left_out": len(graph.origins) - len(shown.origins),
        "around": _names(opened.study, known),
        "missing": [key for key in wanted if key not in whole.origins],
        "unfolded": unfolded,
        "most": MOST_NODES,
        "q": filtered.text,
        "filter_error": filtered.error,
    }
    return render_page(request, "lineage.html", context, parts=("graph",), status=filtered.status)


def _matching(filtered: Filtered, study: Study) -> tuple[Filtered, set[str]]:
    rows = Checkpoint.objects.filter(study=study).filter(filtered.condition)
    try:
        with patience():
            return filtered, set(rows.values_list("reference", flat=True))
    except FilterError as error:
        return filtered._replace(error=error), set()


def _names(study: Study, references: Sequence[str]) -> list[str]:
    found = dict(Checkpoint.objects.filter(study=study, reference__in=references).values_list("reference", "name"))
    return [found[reference] for reference in references]


def _nodes(
    graph: Lineage, places: dict[str, Place], words: dict[str, Words], study: Study, query: QueryDict
) -> list[Drawn]:
    evaluations = _newest_evaluations(graph.origins)
    return [
        Drawn(
            key,
            origin,
            len(graph.bundles.get(key, ())),
            words[key],
            _x(places[key]),
            _y(places[key]),
            _short(words[key].name, LONGEST_NAME),
            _short(words[key].recipe, LONGEST_RECIPE),
            _address(key, key in graph.bundles, study, evaluations, query),
        )
        for key, origin in graph.origins.items()
    ]


def _newest_evaluations(keys: Collection[str]) -> dict[str, str]:
    """Checkpoint -> reference of its newest evaluation."""
    rows = Evaluation.objects.filter(checkpoint__reference__in=keys).order_by("pk")
    return dict(rows.values_list("checkpoint__reference", "reference"))


def _address(key: str, bundle: bool, study: Study, evaluations: dict[str, str], query: QueryDict) -> str:
    """A bundle unfolds; a checkpoint opens its newest evaluation, else its row in the table."""
    if bundle:
        changed = query.copy()
        changed.appendlist("open", key)
        return "?" + changed.urlencode()
    if key in evaluations:
        return reverse("evaluation", args=[study.slug, evaluations[key]])
    changed = QueryDict(mutable=True)
    changed["q"] = f'reference = "{key}"'
    return f"{reverse('checkpoints', args=[study.slug])}?{changed.urlencode()}"


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _x(place: Place) -> int:
    return MARGIN_PIXELS + place.layer * LAYER_PIXELS


def _y(place: Place) -> float:
    return round(MARGIN_PIXELS + place.row * ROW_PIXELS, 1)


def _path(start: Place, end: Place) -> str:
    """From mark to mark, level at both ends."""
    x0, y0, x1, y1 = _x(start) + 7, _y(start), _x(end) - 8, _y(end)
    bend = x0 + (x1 - x0) * 0.7
    return f"M{x0:g} {y0:g}C{bend:g} {y0:g} {(x0 + x1) / 2:g} {y1:g} {x1:g} {y1:g}"
