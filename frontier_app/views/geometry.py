"""How two checkpoints moved away from the study's base, layer by layer, before anybody merges or runs them."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from frontier_app.figures.geometry import Layer, Point, cosine_figure, distance_figure, norms_figure
from frontier_app.forms import GeometryForm
from frontier_app.models import Checkpoint, Job
from frontier_app.numbers.geometry import LayerGeometry, measured_pair, pair_of, row_of
from frontier_app.views.fetch import OpenStudy, open_view
from frontier_app.views.frame import render_page, study_context


@require_safe
def geometry(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, "geometry")
    low, high = pair_of(opened.study, request.GET.dict())
    row = row_of(opened.study, low, high)
    chosen = {"low": low.reference if low else "", "high": high.reference if high else ""}
    context = study_context(opened, "checkpoints") | {
        "form": GeometryForm(opened.study, initial=chosen),
        "low": low,
        "high": high,
        "row": row,
        "pair": measured_pair(row) if row is not None else None,
        "same": low is not None and low == high,
        "pair_query": urlencode(chosen),
        "under_way": _under_way(opened, low, high),
    }
    return render_page(request, "geometry.html", context, parts=("head",))


@require_safe
def figures(request: HttpRequest, slug: str) -> HttpResponse:
    """Name -> figure; none before the pair is measured."""
    opened = open_view(request, slug, "geometry")
    row = row_of(opened.study, *pair_of(opened.study, request.GET.dict()))
    if row is None:
        return JsonResponse({})
    pair = measured_pair(row)
    layers = [_layer(one) for one in pair.layers]
    return JsonResponse(
        {
            "norms": norms_figure(layers, row.low.name, row.high.name),
            "cosine": cosine_figure(layers),
            "distance": distance_figure(
                [Point(*one) for one in pair.predicted],
                [Point(*one) for one in pair.measured],
                (pair.total.low_norm, pair.total.high_norm),
            ),
        }
    )


def _layer(one: LayerGeometry) -> Layer:
    return Layer(one.layer, one.numbers, one.low_norm, one.high_norm, one.cosine)


def _under_way(opened: OpenStudy, low: Checkpoint | None, high: Checkpoint | None) -> Job | None:
    """The job that measures this pair, for those who see jobs."""
    if low is None or high is None:
        return None
    active = Job.objects.visible_to(opened.viewer).active().filter(study=opened.study, kind="geometry")
    return active.filter(config__low__reference=low.reference, config__high__reference=high.reference).first()
