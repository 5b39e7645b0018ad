"""The failures page: problem by checkpoint, test levels, growth, tags; and the samples behind one of its cells.

The page and its figures are the view "failures", which a share link may show. Samples, with their programs, are for
members. Hidden tests' bytes are in no row and on no page.
"""

from collections.abc import Callable
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from frontier_app import launch as verbs
from frontier_app.filters import FilterError
from frontier_app.models import Evaluation, Sample, Study
from frontier_app.numbers.failures import page as numbers
from frontier_app.numbers.failures import strategies
from frontier_app.numbers.failures.looks import last_look
from frontier_app.numbers.failures.samples import (
    CLASSES,
    LETTERS,
    PAGE,
    Asked,
    Line,
    Opened,
    Page,
    SampleFilterError,
    asked_by,
    matching,
    open_sample,
    page_of,
    refusing_patterns,
)
from frontier_app.numbers.failures.transcripts import shown as shown_transcript
from frontier_app.numbers.placement import DIFFICULTIES, SelectionError, difficulties_of, offered_paths, settings_of
from frontier_app.numbers.turns import ends_of
from frontier_app.sharing.pinned import pinned_answer
from frontier_app.tables.files import table_response
from frontier_app.views.fetch import (
    OpenStudy,
    open_evaluation,
    open_problem,
    open_study,
    open_study_to_write,
    open_view,
)
from frontier_app.views.frame import render_page, study_context

VIEW = "failures"
PANELS: dict[str, Callable[[Study, numbers.Shown], dict[str, object]]] = {
    "levels": numbers.levels_data,
    "groups": numbers.groups_data,
}


@require_safe
def failures(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, VIEW)
    context = study_context(opened, VIEW) | _choices(opened, request.GET.dict())
    return render_page(request, "failures.html", context)


@require_safe
def grid(request: HttpRequest, slug: str) -> HttpResponse:
    """Every cell of the heat grid; 304 when the browser has it."""
    opened = open_view(request, slug, VIEW)
    return _answer(request, opened, lambda shown: numbers.grid_data(opened.study, shown.selection))


@require_safe
def panel(request: HttpRequest, slug: str, panel: str) -> HttpResponse:
    """The figure and the table of one panel below the grid."""
    opened = open_view(request, slug, VIEW)
    if panel == "growth":
        return _answer(request, opened, lambda shown: strategies.growth_data(opened.study, shown, request.GET.dict()))
    if panel not in PANELS:
        raise Http404
    return _answer(request, opened, lambda shown: PANELS[panel](opened.study, shown))


def _answer(
    request: HttpRequest, opened: OpenStudy, compute: Callable[[numbers.Shown], dict[str, object]]
) -> HttpResponse:
    if (pinned := pinned_answer(request, opened.saved)) is not None:
        return pinned
    try:
        shown = numbers.shown_by(opened.study, request.GET.dict())
        version = f'"{numbers.version_of(opened.study, shown)}"'
        if request.headers.get("If-None-Match") == version:
            response = HttpResponse(status=304)
        else:
            response = JsonResponse(compute(shown))
    except SelectionError as error:
        return JsonResponse({"error": str(error)}, status=400)
    response.headers["ETag"] = version
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _choices(opened: OpenStudy, query: dict[str, str]) -> dict[str, object]:
    """What the filters offer, and what the page's script needs to know before any data arrives."""
    study = opened.study
    levels = study.held_out_set.levels if study.held_out_set else 1
    return {
        "difficulties": difficulties_of(study) or list(DIFFICULTIES),
        "settings": settings_of(study),
        "levels": [{"level": level, "coverage": level / levels} for level in range(1, levels + 1)],
        "paths": offered_paths(study, query.get("path", "")),
        "config": {
            "grid": reverse("failures_grid", args=[study.slug]),
            "panel": reverse("failures_panel", args=[study.slug, "PANEL"]),
            "samples": reverse("samples", args=[study.slug]) if opened.is_member else None,
            "problem": reverse("problem", args=[study.slug, "SLUG"]) if opened.is_member else None,
            "evaluation": reverse("evaluation", args=[study.slug, "REFERENCE"]) if opened.is_member else None,
            "compare": reverse("compare", args=[study.slug]) if opened.is_member else None,
        },
    }


# The samples of a cell ------------------------------------------------------------------------------------------------

EVALUATIONS_OFFERED = 200
NO_PAGE = Page([], 1, False, 0)


@require_safe
def samples(request: HttpRequest, slug: str) -> HttpResponse:
    """The samples of an evaluation, on one problem or all; one of them with its program; one of its tests."""
    opened = open_study(request, slug)
    query = request.GET.dict()
    evaluation = open_evaluation(opened, query["evaluation"]) if query.get("evaluation") else None
    problem = open_problem(opened, query["problem"]) if query.get("problem") else None
    page, asked, refused, mistake = NO_PAGE, Asked(), None, None
    try:
        asked = asked_by(query, request.GET.getlist("class"))
        if evaluation is not None and query.get("format"):
            return _file(slug, query["format"], matching(evaluation, problem, asked), evaluation.has_turns)
        if evaluation is not None:
            rows = matching(evaluation, problem, asked)
            page = page_of(rows, _number(query.get("page", "")), with_turns=evaluation.has_turns)
    except SampleFilterError as error:
        refused = error
    except FilterError as error:
        mistake = error
    sample = open_sample(evaluation, query["sample"]) if evaluation is not None and query.get("sample") else None
    if query.get("sample") and sample is None:
        raise Http404
    context = study_context(opened, VIEW) | {
        "evaluation": evaluation,
        "problem": problem,
        "evaluations": _offered(opened.study, evaluation),
        "asked": asked,
        "q": query.get("q", ""),
        "text": query.get("text", ""),
        "refused": refused,
        "filter_error": mistake,
        "page": page,
        "rows": [_row(request, line, sample) for line in page.lines],
        "earlier": _address(request, page=page.number - 1) if page.number > 1 else None,
        "later": _address(request, page=page.number + 1) if page.more else None,
        "page_size": PAGE,
        "classes": list(CLASSES),
        "letters": list(LETTERS),
        "has_turns": evaluation is not None and evaluation.has_turns,
        "ends": ends_of(evaluation) if evaluation is not None else {},
        "levels": sorted(set(problem.test_groups)) if problem else [],
        **(_sample(request, opened, sample, query.get("test", "")) if sample else {}),
    }
    htmx = getattr(request, "htmx", None)
    if sample and htmx and htmx.target == "got":
        return render_page(request, "samples_test.html", context, parts=("got",))
    return render_page(request, "samples.html", context, parts=("rows",), status=422 if refused or mistake else 200)


COLUMNS = (
    ("problem", "problem"),
    ("index", "sample"),
    ("failure_class", "class"),
    ("first_failure", "class of the first failure"),
    ("letters", "letters"),
    ("cpu_seconds", "CPU seconds"),
    ("memory_bytes", "memory bytes"),
    ("tokens", "tokens"),
    ("truncated", "truncated"),
    ("log_likelihood", "log-likelihood"),
    ("program", "program sha256"),
)
TURN_COLUMNS = (
    ("turns", "turns"),
    ("calls", "tool calls"),
    ("ended", "ended"),
    ("transcript", "transcript sha256"),
)
SOURCES = {
    "problem": "problem__slug",
    "program": "program_id",
    "turns": "transcript__turns",
    "calls": "transcript__calls",
    "ended": "transcript__ended",
    "transcript": "transcript_id",
}


def _file(slug: str, format: str, rows: QuerySet[Sample], has_turns: bool) -> HttpResponse:
    """All matching samples; programs and transcripts by their content hash. Raises as `page_of` does."""
    columns = (*COLUMNS, *TURN_COLUMNS) if has_turns else COLUMNS
    values = rows.values_list(*(SOURCES.get(key, key) for key, _ in columns))
    return refusing_patterns(lambda: table_response(f"{slug} samples", format, columns, values))


def _offered(study: Study, chosen: Evaluation | None) -> list[Evaluation]:
    """The evaluations that the page offers: those alike to the chosen one, and that one among them."""
    measured = Evaluation.objects.filter(study=study, samples_done__gt=0).select_related("checkpoint")
    if chosen is not None:
        measured = measured.filter(problem_set=chosen.problem_set_id, setting=chosen.setting)
    found = list(measured.order_by("path", "alpha", "pk")[:EVALUATIONS_OFFERED])
    return found if chosen is None or chosen in found else [chosen, *found]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def _address(request: HttpRequest, **values: object) -> str:
    """This page's address with some parameters set; None takes one away."""
    kept = request.GET.copy()
    for name, value in values.items():
        kept.pop(name, None)
        if value is not None:
            kept[name] = str(value)
    return f"?{kept.urlencode()}"


def _row(request: HttpRequest, line: Line, opened: Opened | None) -> dict[str, object]:
    current = opened is not None and opened.line.sample.pk == line.sample.pk
    return {"line": line, "href": _address(request, sample=line.key, test=line.first_test), "current": current}


@require_POST
def inspect(request: HttpRequest, slug: str) -> HttpResponse:
    """Have the program of a sample run once more on one public test; the page of that test shows what it wrote."""
    opened = open_study_to_write(request, slug)
    evaluation = open_evaluation(opened, request.POST.get("evaluation", ""))
    found = open_sample(evaluation, request.POST.get("sample", ""))
    if found is None:
        raise Http404
    number = _number(request.POST.get("test", ""))
    try:
        verbs.launch_inspection(opened.study, opened.person, found.line.sample, number)
    except verbs.LaunchError as error:
        messages.error(request, error.message)
    query = {
        "evaluation": evaluation.reference,
        "problem": found.problem.slug,
        "sample": found.line.key,
        "test": number,
    }
    return redirect(f"{reverse('samples', args=[slug])}?{urlencode(query)}")


def _sample(request: HttpRequest, study: OpenStudy, opened: Opened, number: str) -> dict[str, object]:
    """One sample and one of its tests, with addresses for its other tests and what a look at it has found."""
    test = opened.test(_number(number) if number else opened.line.first_test) or opened.test(1)
    groups = opened.problem.test_groups
    return {
        "sample": opened.line.sample,
        "sample_line": opened.line,
        "sample_problem": opened.problem,
        "program": opened.program,
        "transcript": shown_transcript(opened.transcript) if opened.transcript else None,
        "test": test,
        "look": last_look(study.study, opened.line.sample, test.number) if test and test.public else None,
        "tests": [
            {
                "test": one,
                "href": _address(request, test=one.number),
                "first": place > 0 and groups[place] != groups[place - 1],
                "current": test is not None and one.number == test.number,
            }
            for place, one in enumerate(opened.tests)
        ],
        "closed": _address(request, sample=None, test=None),
    }
