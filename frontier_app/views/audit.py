"""The audit of a study's problem set: what its tests can tell apart, before anything is trained on them."""

from typing import Any

from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from frontier_app.figures.audit import caught_figure, reference_figure, sizes_figure
from frontier_app.models import Job, Problem, ProblemSet
from frontier_app.numbers.audit import (
    DISAGREE,
    KINDS,
    UNSTABLE,
    Mark,
    audited,
    found_of,
    judged_programs,
    limits,
    marks_of,
    overview,
    problem_figures,
)
from frontier_app.views.fetch import OpenStudy, open_view
from frontier_app.views.frame import render_page, study_context
from frontier_app.views.paging import Slice

PROBLEMS, PROGRAMS, LIMITS = 50, 30, 12
SHOWN_PROGRAMS = {"": "all", DISAGREE: "not as declared", UNSTABLE: "unstable"}


@require_safe
def audit(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, "audit")
    chosen, problem_set = chosen_set(request, opened)
    rows = audited(problem_set)
    seen = overview(problem_set, rows)
    context = study_context(opened, "problems") | {
        "chosen": chosen,
        "problem_set": problem_set,
        "overview": seen,
        "under_way": _under_way(opened, problem_set),
    }
    if seen.audited:
        suggested = limits(rows)
        context |= _problems(request, rows) | {
            "limits": suggested[:LIMITS],
            "more_limits": max(0, len(suggested) - LIMITS),
            "all_limits": {one["slug"]: one["suggested"] for one in sorted(suggested, key=lambda one: one["slug"])},
        }
        if opened.viewer.may_read_programs and problem_set is not None:
            context |= _programs(request, problem_set)
    return render_page(request, "audit.html", context, parts=("head", "marks", "rows", "programs"))


def chosen_set(request: HttpRequest, opened: OpenStudy) -> tuple[str, ProblemSet | None]:
    chosen = "train" if request.GET.get("set") == "train" else "held_out"
    return chosen, opened.study.train_set if chosen == "train" else opened.study.held_out_set


def _problems(request: HttpRequest, rows: QuerySet[Problem, Any]) -> dict[str, object]:
    """A page of the problems, those with most marks first."""
    mark, wanted = request.GET.get("mark", ""), request.GET.get("q", "").strip()
    if mark in KINDS:
        rows = rows.filter(audit__marks__contains=[mark])
    if wanted:
        rows = rows.filter(slug__icontains=wanted)
    page = Slice(request, rows.order_by(F("marked").desc(nulls_last=True), "position"), PROBLEMS)
    return {
        "mark": Mark(mark) if mark in KINDS else None,
        "q": wanted,
        "slice": page,
        "rows": [_row(row, found_of(row)) for row in page.rows],
    }


def _row(problem: Problem, found: dict[str, Any]) -> dict[str, object]:
    return {"problem": problem, "found": found, "marks": marks_of(found.get("marks", ()))}


def _programs(request: HttpRequest, problem_set: ProblemSet) -> dict[str, object]:
    """A page of the known programs with what was declared of them."""
    wanted = request.GET.get("programs", "")
    wanted = wanted if wanted in SHOWN_PROGRAMS else ""
    asked = request.GET.get("programs_page", "1")
    number = int(asked) if asked.isdecimal() and len(asked) < 7 else 1
    found = judged_programs(problem_set, wanted, number, PROGRAMS)
    return {
        "judged": found,
        "wanted_programs": wanted,
        "shown_programs": SHOWN_PROGRAMS.items(),
        "earlier_programs": _address(request, found.page - 1) if found.page > 1 else None,
        "later_programs": _address(request, found.page + 1) if found.page < found.pages else None,
    }


def _address(request: HttpRequest, page: int) -> str:
    query = request.GET.copy()
    query["programs_page"] = str(page)
    return "?" + query.urlencode()


def _under_way(opened: OpenStudy, problem_set: ProblemSet | None) -> Job | None:
    """The audit of this set that runs or waits, for those who see jobs."""
    if problem_set is None:
        return None
    active = Job.objects.visible_to(opened.viewer).active().filter(study=opened.study, kind="audit")
    return active.filter(config__problems__reference=problem_set.reference).first()


@require_safe
def figures(request: HttpRequest, slug: str) -> HttpResponse:
    """Name -> figure."""
    opened = open_view(request, slug, "audit")
    _, problem_set = chosen_set(request, opened)
    rows = audited(problem_set)
    caught = overview(problem_set, rows).caught
    problems = problem_figures(rows)
    with_slow = sum(1 for row in rows if row.found.get("slow_programs"))
    return JsonResponse(
        {
            "caught": caught_figure(caught, with_slow),
            "reference": reference_figure(problems),
            "sizes": sizes_figure(problems),
        }
    )
