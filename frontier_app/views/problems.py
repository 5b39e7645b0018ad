"""The problems of a study, and one problem with its tests, verdicts and programs.

Hidden tests' bytes are in no row and on no page; programs are shown to those who may read them.
"""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from frontier_app.figures.growth import growth_figure
from frontier_app.filters import FilterError, compile_filter, patience
from frontier_app.models import Evaluation, Problem
from frontier_app.numbers.audit import judged_program, marks_of
from frontier_app.numbers.placement import difficulties_in
from frontier_app.numbers.problem import add_texts, breakdowns, distinct_programs, growths, letters_of, results_of
from frontier_app.tables.files import Column, table_response
from frontier_app.tables.problems import (
    SORTED_BY,
    ProblemRow,
    audit_counts,
    fields_at,
    in_order,
    listed,
    problems_of,
    shown_evaluations,
    with_counts,
)
from frontier_app.views.fetch import OpenStudy, open_problem, open_view
from frontier_app.views.frame import render_page, study_context
from frontier_app.views.paging import Slice

PROBLEMS, EVALUATIONS, PROGRAMS = 50, 15, 30


@require_safe
def problems(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, "problems")
    study = opened.study
    chosen = "train" if request.GET.get("set") == "train" else "held_out"
    problem_set = study.train_set if chosen == "train" else study.held_out_set
    evaluations = shown_evaluations(study, problem_set)
    fields, everything = fields_at(evaluations), problems_of(problem_set)
    wanted, difficulty = request.GET.get("q", "").strip(), request.GET.get("difficulty", "")
    rows = everything.filter(difficulty=difficulty) if difficulty else everything
    sort, error = request.GET.get("sort", ""), None
    try:
        with patience() if wanted else nullcontext():
            matching = in_order(listed(rows.filter(compile_filter(wanted, fields))), sort, fields)
            if "format" in request.GET:
                return _file(request, matching, evaluations, opened)
            page = Slice(request, matching, PROBLEMS)
    except FilterError as caught:
        error, page = caught, Slice(request, listed(everything.none()), PROBLEMS)
    context = study_context(opened, "problems") | {
        "chosen": chosen,
        "problem_set": problem_set,
        "difficulties": difficulties_in(problem_set.pk if problem_set else None),
        "difficulty": difficulty,
        "q": wanted,
        "fields": fields,
        "filter_error": error,
        "slice": page,
        "evaluations": evaluations,
        "headings": _headings(request, evaluations),
        "sort": sort,
        "rows": with_counts(page.rows, evaluations),
        "audit": audit_counts(problem_set),
    }
    return render_page(request, "problems.html", context, parts=("rows",), status=422 if error else 200)


class Heading(NamedTuple):
    """What sorts by a column: the next address and the direction that holds now, "" for none. `alpha` is that of the
    evaluation whose column it is."""

    address: str
    direction: str
    alpha: float | None = None


def _headings(request: HttpRequest, evaluations: Sequence[Evaluation]) -> dict[str, Heading | list[Heading]]:
    """The sortable columns by name, and `solve_rates` in the order of the evaluations."""
    found: dict[str, Heading | list[Heading]] = {name: _heading(request, name) for name in SORTED_BY}
    return found | {"solve_rates": [_heading(request, f"solve_rate.{one.alpha:g}", one.alpha) for one in evaluations]}


def _heading(request: HttpRequest, name: str, alpha: float | None = None) -> Heading:
    """A click sorts upwards, the next one downwards, and a third no more; where most is what is looked for, downwards
    comes first."""
    sort, upwards, downwards = request.GET.get("sort", ""), name, f"-{name}"
    clicks = [downwards, upwards] if alpha is not None or name == "tests" else [upwards, downwards]
    following = [*clicks, ""]
    query = request.GET.copy()
    query.pop("page", None)
    query["sort"] = following[following.index(sort) + 1] if sort in clicks else clicks[0]
    address = f"{request.path}?{query.urlencode()}"
    return Heading(address, {upwards: "ascending", downwards: "descending"}.get(sort, ""), alpha)


def _file(
    request: HttpRequest, rows: QuerySet[Problem], evaluations: Sequence[Evaluation], opened: OpenStudy
) -> HttpResponse:
    """All problems that match, as a file. Only members get the memory limit, which stands on a problem's own page."""
    columns = [
        *(Column(name, name.replace("_", " ")) for name in ("name", "title", "difficulty", "tags", "tests")),
        Column("cpu_seconds", "CPU limit"),
        *([Column("memory_bytes", "memory limit")] if opened.is_member else []),
        *(
            Column(f"{name}_{one.alpha:g}", f"{name} at a = {one.alpha:g}", digits=digits)
            for one in evaluations
            for name, digits in (("solve_rate", 3), ("n", 0))
        ),
    ]
    table = (_cells(row, opened.is_member) for row in with_counts(list(rows), evaluations))
    return table_response(f"{opened.study.slug} problems", request.GET["format"], columns, table)


def _cells(row: ProblemRow, with_memory: bool) -> list[object]:
    problem = row.problem
    counts = ((None, None) if one is None else (one.solve_rate, one.counts.n) for one in row.cells)
    return [
        problem.slug,
        problem.title,
        problem.difficulty,
        problem.tags,
        len(problem.tests),
        problem.cpu_seconds,
        *([problem.memory_bytes] if with_memory else []),
        *(cell for pair in counts for cell in pair),
    ]


@require_safe
def problem(request: HttpRequest, slug: str, problem: str) -> HttpResponse:
    opened = open_view(request, slug, "problem")
    found = open_problem(opened, problem)
    page = _evaluations(request, opened, found)
    rows = breakdowns(found, page.rows)
    context = study_context(opened, "problems") | {
        "problem": found,
        "levels": _levels(found),
        "slice": page,
        "breakdowns": rows,
        "letters": letters_of(rows),
        "isolations": list(dict.fromkeys(one.isolation for one in page.rows if one.isolation)),
        "own_limits": [one for one in page.rows if one.limits.get("cpu_seconds") or one.limits.get("memory_bytes")],
        "set": "train" if found.problem_set_id == opened.study.train_set_id else "held_out",
        "found": found.audit,
        "marks": marks_of(found.audit.get("marks", ())),
    }
    if opened.viewer.may_read_programs:
        known = found.audit.get("programs", ())
        context |= _programs(request, found, page.rows) | {
            "known": [judged_program(found.slug, one, found.test_groups) for one in known[:PROGRAMS]],
            "known_total": len(known),
        }
    return render_page(request, "problem.html", context, parts=("breakdown", "programs"))


def _evaluations(request: HttpRequest, opened: OpenStudy, problem: Problem) -> "Slice[Evaluation]":
    measured = Evaluation.objects.filter(study=opened.study, problem_set=problem.problem_set_id, samples_done__gt=0)
    in_order = measured.select_related("checkpoint").order_by(F("alpha").asc(nulls_first=True), "pk")
    return Slice(request, in_order, EVALUATIONS)


def _levels(problem: Problem) -> list[dict[str, object]]:
    """The tests by coverage level, with the bytes of the public ones."""
    grouped: dict[int, list[dict[str, object]]] = defaultdict(list)
    for number, test in enumerate(problem.tests, start=1):
        grouped[test["group"]].append({"number": number, **test})
    cumulated, levels = 0, []
    for group, tests in sorted(grouped.items()):
        cumulated += len(tests)
        sizes = [int(str(test["size_bytes"])) for test in tests]
        levels.append(
            {
                "level": group,
                "name": problem.level_names[group - 1] if group <= len(problem.level_names) else "",
                "coverage": group / len(grouped),
                "tests": tests,
                "cumulated": cumulated,
                "smallest": min(sizes),
                "largest": max(sizes),
                "public": [test for test in tests if test.get("public") and test.get("input_text") is not None],
            }
        )
    return levels


def _programs(request: HttpRequest, problem: Problem, shown: Sequence[Evaluation]) -> dict[str, object]:
    """The distinct programs of the chosen evaluation, else of all that are shown, and the chosen program's tests."""
    chosen = next((one for one in shown if one.reference == request.GET.get("at")), None)
    programs = distinct_programs(problem, [chosen] if chosen else shown)
    wanted = request.GET.get("program")
    program = next((one for one in programs if one.sha256 and one.sha256 == wanted), None)
    program = program or next((one for one in programs if one.sha256), None)
    listed = programs[:PROGRAMS]
    add_texts([*listed, *([program] if program else [])])
    return {
        "at": chosen,
        "programs": listed,
        "distinct": len(programs),
        "samples": sum(one.samples for one in programs),
        "program": program,
        "results": results_of(problem, program) if program else [],
    }


@require_safe
def sizes(request: HttpRequest, slug: str, problem: str) -> HttpResponse:
    """The figure of CPU time against input size."""
    opened = open_view(request, slug, "problem")
    found = open_problem(opened, problem)
    evaluations = _evaluations(request, opened, found).rows
    return JsonResponse(growth_figure(growths(found, evaluations), found.cpu_seconds))
