"""Two evaluations side by side. The address holds both; a share link of the view "compare" may show it, without
programs unless it allows them."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from frontier_app.filters import EVALUATION_FIELDS, FilterError
from frontier_app.models import Evaluation, Problem, Study
from frontier_app.numbers.failures.page import Shown, shown_by
from frontier_app.numbers.placement import SelectionError, difficulties_of
from frontier_app.numbers.two_evaluations import SORTS, Compared, compare, side_by_side, sides
from frontier_app.tables.files import table_response
from frontier_app.views.fetch import OpenStudy, open_evaluation, open_problem, open_view
from frontier_app.views.frame import render_page, study_context
from frontier_app.views.table_page import Filtered, read_filter

VIEW = "compare"
OFFERED = 200
SHOWN_PROBLEMS = 60


@require_safe
def comparison(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, VIEW)
    query = request.GET.dict()
    a, b = (open_evaluation(opened, query[name]) if query.get(name) else None for name in ("a", "b"))
    filtered = read_filter(request, EVALUATION_FIELDS)
    offered, filtered = _offered(opened.study, filtered, [a, b]) if opened.is_member else ([], filtered)
    context = study_context(opened, "failures") | {
        "a": a,
        "b": b,
        "q": filtered.text,
        "filter_error": filtered.error,
        "offered": offered,
        "cut": len(offered) >= OFFERED,
        "difficulties": difficulties_of(opened.study),
        "difficulty": query.get("difficulty", ""),
        "sort": query.get("sort", ""),
        "level": query.get("level", ""),
        "rule": query.get("rule", ""),
    }
    if a is None or b is None:
        return render_page(request, "compare.html", context, status=filtered.status)
    try:
        shown = shown_by(opened.study, query)
        found = _compared(opened.study, a, b, shown, query.get("sort", "") or SORTS[0])
    except SelectionError as error:
        return render_page(request, "compare.html", context | {"refused": str(error)}, status=400)
    if query.get("format"):
        return _file(slug, query["format"], found)
    kept = found.problems if query.get("all") == "1" else found.problems[:SHOWN_PROBLEMS]
    context |= {"found": found, "rows": kept, "left_out": len(found.problems) - len(kept), "shown": shown}
    if opened.viewer.may_read_programs and query.get("problem"):
        context |= _programs(opened, query["problem"], a, b)
    return render_page(request, "compare.html", context, status=filtered.status)


COLUMNS = (
    ("problem", "problem"),
    ("difficulty", "difficulty"),
    ("a_solved", "a solved"),
    ("a_n", "a n"),
    ("b_solved", "b solved"),
    ("b_n", "b n"),
    ("change", "b - a"),
    ("p_value", "p"),
    ("q_value", "q"),
    ("moved", "moved"),
)


def _file(slug: str, format: str, found: Compared) -> HttpResponse:
    rows = (
        (row.slug, row.difficulty, row.a.solved, row.a.n, row.b.solved, row.b.n, row.change, row.p, row.q, row.moved)
        for row in found.problems
    )
    return table_response(f"{slug} comparison", format, COLUMNS, rows)


def _compared(study: Study, a: Evaluation, b: Evaluation, shown: Shown, sort: str) -> Compared:
    """Raises SelectionError where the two cannot be compared."""
    if a.problem_set_id != b.problem_set_id or a.problem_set_id != study.held_out_set_id:
        raise SelectionError("Only two evaluations on the study's held-out problems can be compared.")
    if sort not in SORTS:
        raise SelectionError(f"The order must be one of {', '.join(SORTS)}, not {sort!r}.")
    return compare(study, a, b, shown.selection, shown.difficulty, sort)


def _programs(opened: OpenStudy, slug: str, a: Evaluation, b: Evaluation) -> dict[str, object]:
    problem: Problem = open_problem(opened, slug)
    left, right = sides(problem, [a, b])
    lines = side_by_side(left.text, right.text) if left and right else []
    return {"problem": problem, "sides": [("a", left), ("b", right)], "lines": lines}


def _offered(
    study: Study, filtered: Filtered, chosen: Sequence[Evaluation | None]
) -> tuple[list[Evaluation], Filtered]:
    """The evaluations to choose from: what the filter leaves, and the chosen ones whatever it says."""
    measured = Evaluation.objects.filter(study=study, problem_set=study.held_out_set_id, samples_done__gt=0)
    matching = measured.filter(filtered.condition).select_related("checkpoint").order_by("path", "alpha", "pk")
    try:
        with filtered.patience():
            found = list(matching[:OFFERED])
    except FilterError as error:
        found, filtered = [], filtered._replace(error=error)
    return [*(one for one in dict.fromkeys(chosen) if one is not None and one not in found), *found], filtered
