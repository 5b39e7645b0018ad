"""Training runs: their table, their curves, what two of them differ in, and the end of several at once."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import F, Max, Min, Q
from django.db.models.functions import Mod
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from frontier_app import launch
from frontier_app.figures.curves import Curve, curves_figure
from frontier_app.filters import RUN_FIELDS, FilterError, compile_filter, patience
from frontier_app.models import Job, MetricPoint, Run, Study
from frontier_app.tables import runs as run_table
from frontier_app.tables.configurations import agreeing, differences
from frontier_app.tables.runs import RunRow
from frontier_app.tables.table import Table
from frontier_app.views.fetch import OpenStudy, open_study, open_study_to_write, open_view
from frontier_app.views.frame import render_page, study_context
from frontier_app.views.table_page import (
    Line,
    Listing,
    Shown,
    baseline_of,
    chosen_grouping,
    difficulty_of,
    filter_word,
    list_page,
    page_of,
    read_filter,
)

RUNS = 25
# More lines than this in one small figure tell nothing apart.
CURVES = 25
POINTS_A_CURVE = 400
MOST_COMPARED = 20
# The figures in the order in which a reader asks for them; whatever else a trainer reports follows by name.
FIRST = (
    "reward",
    "repair_reward",
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
ACTS = "parts/table_acts_runs.html"


@require_safe
def runs(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, "runs")
    study = opened.study
    difficulty, difficulties = difficulty_of(request, study)
    columns = run_table.columns(study, difficulty)
    table = Table("runs", "runs", request.GET, columns, RUNS)
    everything = Run.objects.filter(study=study)
    offered = run_table.groupings(columns)
    by = chosen_grouping(table, offered, run_table.configured)
    baseline, shades = baseline_of(table, by, everything), _shades(study)

    def shown(keys: Sequence[int]) -> Shown:
        return Shown(*run_table.rows_of(study, keys, shades, difficulty, baseline))

    listing = Listing(
        table,
        RUN_FIELDS,
        everything,
        shown,
        lambda row: _line(row, opened, table),
        offered,
        by,
        run_table.UNIT,
        baseline,
    )
    return list_page(
        request,
        opened,
        listing,
        _curves_below,
        difficulty=difficulty,
        difficulties=difficulties,
        most_compared=MOST_COMPARED,
    )


def _curves_below(lines: Sequence[Line]) -> dict[str, object]:
    """Which figures stand below the table, of how many of its runs."""
    names = in_order({name for line in lines[:CURVES] for name in line.row.run.last_metrics})
    return {
        "names": [name for name in names if name not in MACHINE],
        "machine_names": [name for name in names if name in MACHINE],
        "curves_of": min(len(lines), CURVES),
    }


def _line(row: RunRow, opened: OpenStudy, table: Table) -> Line:
    job = row.run.job
    checkpoints = reverse("checkpoints", args=[opened.study.slug])
    written = f"{checkpoints}?{urlencode({'q': f'run = {filter_word(row.run.name)}'})}"
    href = job.get_absolute_url() if job is not None else written
    pin = table.address(baseline=None if table.baseline == row.key else row.key)
    return Line(row, row.run.pk, row.key, row.run.name, href if opened.is_member else "", pin, ACTS)


@require_safe
def curves(request: HttpRequest, slug: str) -> HttpResponse:
    """Metric name -> figure of the page's first runs: of those about the policy, or of those about the machine."""
    opened = open_view(request, slug, "runs")
    study = opened.study
    about_machine = "machine" in request.GET
    table = Table("runs", "runs", request.GET, run_table.columns(study, difficulty_of(request, study)[0]), RUNS)
    _, keys = page_of(table, read_filter(request, RUN_FIELDS), Run.objects.filter(study=study))
    drawn = in_keys(keys[:CURVES])
    longest = max((run.steps for run in drawn), default=1)
    points = _points(drawn, max(1, longest // POINTS_A_CURVE), about_machine)
    shades = _shades(study)
    figures = {}
    for name in in_order(points):
        known = [run for run in drawn if run.pk in points[name]]
        lines = [Curve(run.name, shades(run.coverage), run.seed, *points[name][run.pk]) for run in known]
        figures[name] = curves_figure(lines, longest, named=not about_machine)
    return JsonResponse(figures)


def in_keys(keys: Sequence[int]) -> list[Run]:
    found = Run.objects.defer("config").in_bulk(list(keys))
    return [found[key] for key in keys if key in found]


Points = dict[str, dict[int, tuple[list[int], list[float | None]]]]


def _points(runs: Sequence[Run], stride: int, about_machine: bool) -> Points:
    """Metric -> run -> steps and values, the first step and every `stride`th: a run that begins has a point."""
    points: Points = defaultdict(lambda: defaultdict(_no_points))
    thinned = MetricPoint.objects.filter(run__in=runs).annotate(place=Mod(F("step"), stride))
    thinned = thinned.filter(Q(place=0) | Q(step=1))
    thinned = thinned.filter(name__in=MACHINE) if about_machine else thinned.exclude(name__in=MACHINE)
    for name, run, step, value in thinned.order_by("step").values_list("name", "run_id", "step", "value"):
        steps, values = points[name][run]
        steps.append(step)
        values.append(value)
    return points


def _no_points() -> tuple[list[int], list[float | None]]:
    return [], []


def _shades(study: Study) -> Callable[[float], float]:
    """Coverage -> place on the colour scale: 0 for the study's lowest coverage, 1 for its highest."""
    ends = Run.objects.filter(study=study).aggregate(low=Min("coverage"), high=Max("coverage"))
    low, high = ends["low"] or 0.0, ends["high"] or 1.0
    return lambda coverage: (coverage - low) / (high - low) if high > low else 1.0


def in_order(names: Iterable[str]) -> list[str]:
    known = FIRST + MACHINE
    return sorted(names, key=lambda name: (known.index(name) if name in known else len(known), name))


@require_safe
def diff(request: HttpRequest, slug: str) -> HttpResponse:
    """In what the configurations of some runs differ. `runs` holds their references, by commas."""
    opened = open_study(request, slug)
    wanted = list(dict.fromkeys(one for one in request.GET.get("runs", "").split(",") if one))
    found = {run.reference: run for run in Run.objects.filter(study=opened.study, reference__in=wanted[:MOST_COMPARED])}
    compared = [found[reference] for reference in wanted if reference in found]
    missing = [reference for reference in wanted[:MOST_COMPARED] if reference not in found]
    configs = [run.config for run in compared]
    context = study_context(opened, "runs") | {
        "runs": compared,
        "differences": differences(configs),
        "agreeing": agreeing(configs),
        "missing": missing,
        "left_out": max(0, len(wanted) - MOST_COMPARED),
        "most": MOST_COMPARED,
    }
    return render_page(request, "run_diff.html", context)


@require_POST
def cancel_runs(request: HttpRequest, slug: str) -> HttpResponse:
    """End the jobs of some runs: those named by `runs`, or with `all` every run that the filter `q` matches."""
    opened = open_study_to_write(request, slug)
    rows, named = Run.objects.filter(study=opened.study), Q(reference__in=request.POST.get("runs", "").split(","))
    try:
        if request.POST.get("all"):
            named = compile_filter(request.POST.get("q", "").strip(), RUN_FIELDS)
        with patience():
            jobs = list(
                Job.objects.active().filter(runs__in=rows.filter(named)).exclude(state=Job.CANCELLING).distinct()
            )
    except FilterError as error:
        messages.error(request, f"Nothing was cancelled: {error.message}")
        return redirect("runs", slug)
    asked = 0
    for job in jobs:
        with suppress(launch.LaunchError):  # it ended meanwhile
            launch.cancel(job, opened.person)
            asked += 1
    messages.success(
        request, f"{_jobs(asked)} asked to stop." if asked else "None of these runs was queued or running."
    )
    return redirect("runs", slug)


def _jobs(number: int) -> str:
    return f"{number} job{'' if number == 1 else 's'}"
