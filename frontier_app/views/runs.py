"""Training runs and their curves."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import F, Max, Min
from django.db.models.functions import Mod
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from frontier_app.figures.curves import Curve, curves_figure
from frontier_app.models import MetricPoint, Run
from frontier_app.views.fetch import OpenStudy, open_study
from frontier_app.views.frame import render_page, study_context
from frontier_app.views.paging import Slice

RUNS = 20
POINTS_A_CURVE = 400
# The figures in the order in which a reader asks for them; whatever else a trainer reports follows by name.
FIRST = (
    "reward",
    "solved_rate",
    "too_slow_rate",
    "wrong_rate",
    "no_answer_rate",
    "mean_tokens",
    "loss",
    "gradient_norm",
    "entropy",
    "mean_entropy",
    "learning_rate",
)
# What tells of the machine and not of the policy stands folded, below the rest.
MACHINE = ("sampling_seconds", "judging_seconds", "learning_seconds", "cache_hit_rate", "infrastructure_count")


@require_safe
def runs(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_study(request, slug)
    page = _page(request, opened)
    metrics = MetricPoint.objects.filter(run__in=page.rows).order_by().values("run", "name")
    last_steps: dict[int, int] = defaultdict(int)
    names = set()
    for row in metrics.annotate(last=Max("step")):
        last_steps[row["run"]] = max(last_steps[row["run"]], row["last"])
        names.add(row["name"])
    shades, seeds = _shades(opened, page.rows), sorted({run.seed for run in page.rows})
    context = study_context(opened, "runs") | {
        "slice": page,
        "rows": [
            {"run": run, "step": last_steps.get(run.pk), "shade": shades[run.pk], "seed_rank": seeds.index(run.seed)}
            for run in page.rows
        ],
        "names": [name for name in in_order(names) if name not in MACHINE],
        "machine_names": [name for name in in_order(names) if name in MACHINE],
    }
    return render_page(request, "runs.html", context, parts=("rows",))


@require_safe
def curves(request: HttpRequest, slug: str) -> HttpResponse:
    """Metric name -> figure of the page's runs: of those about the policy, or of those about the machine."""
    opened = open_study(request, slug)
    about_machine = "machine" in request.GET
    shown = _page(request, opened).rows
    longest = max((run.steps for run in shown), default=1)
    stride = max(1, longest // POINTS_A_CURVE)
    points: dict[str, dict[int, tuple[list[int], list[float | None]]]] = defaultdict(lambda: defaultdict(_no_points))
    thinned = MetricPoint.objects.filter(run__in=shown).annotate(kept=Mod(F("step"), stride)).filter(kept=0)
    thinned = thinned.filter(name__in=MACHINE) if about_machine else thinned.exclude(name__in=MACHINE)
    for name, run, step, value in thinned.order_by("step").values_list("name", "run_id", "step", "value"):
        steps, values = points[name][run]
        steps.append(step)
        values.append(value)
    shades = _shades(opened, shown)
    figures = {}
    for name in in_order(points):
        drawn = [run for run in shown if run.pk in points[name]]
        lines = [Curve(run.name, shades[run.pk], run.seed, *points[name][run.pk]) for run in drawn]
        figures[name] = curves_figure(lines, longest, named=not about_machine)
    return JsonResponse(figures)


def _no_points() -> tuple[list[int], list[float | None]]:
    return [], []


def _page(request: HttpRequest, opened: OpenStudy) -> "Slice[Run]":
    listed = Run.objects.filter(study=opened.study).select_related("job", "initialisation")
    return Slice(request, listed.defer("job__config", "job__log_tail"), RUNS)


def _shades(opened: OpenStudy, shown: Sequence[Run]) -> dict[int, float]:
    """Run -> place on the colour scale: 0 for the study's lowest coverage, 1 for its highest."""
    ends = Run.objects.filter(study=opened.study).aggregate(low=Min("coverage"), high=Max("coverage"))
    low, high = ends["low"] or 0.0, ends["high"] or 1.0
    return {run.pk: (run.coverage - low) / (high - low) if high > low else 1.0 for run in shown}


def in_order(names: Iterable[str]) -> list[str]:
    known = FIRST + MACHINE
    return sorted(names, key=lambda name: (known.index(name) if name in known else len(known), name))
