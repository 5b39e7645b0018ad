"""The problems of a study, and one problem with its tests, verdicts and programs.

Hidden tests' bytes are in no row and on no page; programs are shown to those who may read them.
"""

import json
from collections import defaultdict
from collections.abc import Sequence

from django.db.models import Count, F, Q
from django.db.models.fields.json import KT
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from frontier_app.audit_report import finding, judged_program, marks_of
from frontier_app.figures.growth import growth_figure
from frontier_app.models import Evaluation, Path, Problem, ProblemSet, Rollup
from frontier_app.problem_report import add_texts, breakdowns, distinct_programs, growths, letters_of, results_of
from frontier_app.views.fetch import OpenStudy, open_problem, open_view
from frontier_app.views.frame import render_page, study_context
from frontier_app.views.paging import Slice

PROBLEMS, EVALUATIONS, PROGRAMS = 50, 15, 30
# Where the list shows how the answers to a problem change along the newest path.
SHOWN_ALPHAS = (0.0, 0.5, 1.0)


@require_safe
def problems(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, "problems")
    study = opened.study
    chosen = "train" if request.GET.get("set") == "train" else "held_out"
    problem_set = study.train_set if chosen == "train" else study.held_out_set
    wanted, difficulty = request.GET.get("q", "").strip(), request.GET.get("difficulty", "")
    rows = Problem.objects.filter(problem_set=problem_set) if problem_set else Problem.objects.none()
    difficulties = list(rows.order_by().values_list("difficulty", flat=True).distinct())
    if difficulty:
        rows = rows.filter(difficulty=difficulty)
    if wanted:
        rows = rows.filter(slug__icontains=wanted)
    page = Slice(request, rows.defer("statement", "audit").annotate(marks=KT("audit__marks")), PROBLEMS)
    evaluations = _shown_evaluations(opened, problem_set.pk if problem_set else None)
    context = study_context(opened, "problems") | {
        "chosen": chosen,
        "problem_set": problem_set,
        "difficulties": sorted(difficulties, key=lambda name: ("easy medium hard".find(name), name)),
        "difficulty": difficulty,
        "q": wanted,
        "slice": page,
        "evaluations": evaluations,
        "rows": _rows(page.rows, evaluations),
        "audit": _audit(problem_set),
    }
    return render_page(request, "problems.html", context, parts=("rows",))


def _audit(problem_set: ProblemSet | None) -> dict[str, int]:
    """How many of the set's problems are audited, and how many have a mark that is a finding."""
    rows = Problem.objects.filter(problem_set=problem_set) if problem_set else Problem.objects.none()
    return rows.aggregate(audited=Count("pk", filter=~Q(audit={})), marked=Count("pk", filter=finding()))


def _shown_evaluations(opened: OpenStudy, problem_set: int | None) -> list[Evaluation]:
    """The measured points of the newest path nearest to `SHOWN_ALPHAS`."""
    path = Path.objects.filter(study=opened.study).last()
    if path is None:
        return []
    measured = Evaluation.objects.filter(path=path, problem_set=problem_set, samples_done__gt=0, alpha__isnull=False)
    found = list(measured.select_related("checkpoint")[:500])
    nearest = {min(found, key=lambda one: abs((one.alpha or 0) - at)) for at in SHOWN_ALPHAS} if found else set()
    return sorted(nearest, key=lambda one: one.alpha or 0)


def _rows(rows: Sequence[Problem], evaluations: Sequence[Evaluation]) -> list[dict[str, object]]:
    """Each problem with its counts at each shown evaluation, None where it is not measured."""
    counts: dict[int, dict[int, Rollup]] = defaultdict(dict)
    whole = Rollup.objects.filter(
        evaluation__in=evaluations, problem__in=rows, level=F("evaluation__problem_set__levels")
    )
    for rollup in whole:
        counts[rollup.problem_id][rollup.evaluation_id] = rollup
    return [
        {
            "problem": problem,
            "marks": marks_of(json.loads(marks) if (marks := getattr(problem, "marks", None)) else ()),
            "counts": [counts[problem.pk].get(evaluation.pk) for evaluation in evaluations],
        }
        for problem in rows
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
