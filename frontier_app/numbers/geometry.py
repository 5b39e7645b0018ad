"""How a pair of checkpoints moved away from their base: from the sums a job measured to lengths, angles, distances."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from compute.stats.deltas import Geometry, in_total
from frontier_app.models import Checkpoint, Evaluation, PairGeometry, Path, Study

FIRST_ALPHA, LAST_ALPHA, STEPS = -1.0, 2.0, 60


class LayerGeometry(NamedTuple):
    """One layer: Euclidean lengths of the two differences from the base, and the cosine between them."""

    layer: str
    numbers: int
    low_norm: float
    high_norm: float
    cosine: float | None
    gap: float


class Distance(NamedTuple):
    """Euclidean, of the merge at `alpha` from the base."""

    alpha: float
    distance: float


class MeasuredPair(NamedTuple):
    """`predicted`: on a grid of alphas. `measured`: of evaluations along the path, by the engine that ran them.
    `closest`: where the path passes nearest to the base."""

    layers: list[LayerGeometry]
    total: LayerGeometry
    predicted: list[Distance]
    measured: list[Distance]
    closest: Distance | None


def pair_of(study: Study, query: Mapping[str, str]) -> tuple[Checkpoint | None, Checkpoint | None]:
    """The two checkpoints that an address names; the ends of the newest path where it names none."""
    wanted = {name: query.get(name, "") for name in ("low", "high")}
    found = {
        one.reference: one for one in study.checkpoints.filter(reference__in=[ref for ref in wanted.values() if ref])
    }
    path = study.paths.newest()
    low, high = found.get(wanted["low"]), found.get(wanted["high"])
    if path is not None and not any(wanted.values()):
        low, high = path.low, path.high
    return low, high


def row_of(study: Study, low: Checkpoint | None, high: Checkpoint | None) -> PairGeometry | None:
    """What was measured of a pair, from the study's base."""
    if low is None or high is None:
        return None
    rows = PairGeometry.objects.filter(study=study, base=study.base_id, low=low, high=high)
    return rows.select_related("low", "high", "base").first()


def measured_pair(row: PairGeometry) -> MeasuredPair:
    sums = {layer["layer"]: geometry_of(layer) for layer in row.layers}
    total = in_total(sums.values())
    return MeasuredPair(
        [figures_of(name, one) for name, one in sums.items()],
        figures_of("all", total),
        [Distance(alpha, total.distance(alpha)) for alpha in _alphas()],
        _measured(row),
        _closest(total),
    )


def geometry_of(layer: Mapping[str, Any]) -> Geometry:
    return Geometry(layer["low_square"], layer["high_square"], layer["product"], layer["count"])


def figures_of(name: str, one: Geometry) -> LayerGeometry:
    return LayerGeometry(name, one.count, one.low_norm, one.high_norm, one.cosine, one.gap)


def _alphas() -> Sequence[float]:
    return [round(FIRST_ALPHA + (LAST_ALPHA - FIRST_ALPHA) * step / STEPS, 9) for step in range(STEPS + 1)]


def _measured(row: PairGeometry) -> list[Distance]:
    """By alpha; of several evaluations of one, the newest. Only transformers measures on the weights that it set; what
    the other engines report is the same prediction."""
    path = Path.objects.filter(study=row.study_id, low=row.low_id, high=row.high_id).first()
    if path is None:
        return []
    found = Evaluation.objects.filter(path=path, state=Evaluation.COMPLETE, alpha__isnull=False).order_by("pk")
    found = found.filter(job__config__engine="transformers")
    distances = {one.alpha: one.alarms.get("distance") for one in found.only("alpha", "alarms")}
    known = [(alpha, value) for alpha, value in distances.items() if alpha is not None and value is not None]
    return [Distance(alpha, value) for alpha, value in sorted(known)]


def _closest(total: Geometry) -> Distance | None:
    """The distance is a square root of a parabola, with its least where its slope is 0."""
    if total.gap == 0:
        return None
    alpha = (total.low_square - total.product) / total.gap**2
    return Distance(alpha, total.distance(alpha))
