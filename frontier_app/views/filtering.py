"""Completion of filters while they are typed, and the verdict on them before they are applied.

For members alone: whoever bears a share link has one list with one filter, and could learn from suggestions what that
list does not show. Samples are never looked at, however many there are.
"""

from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from frontier_app.filters import FIELDS, Fields, FilterError, compile_filter
from frontier_app.filters.completion import complete
from frontier_app.filters.fields import RATES
from frontier_app.filters.known_values import KnownValues
from frontier_app.models import Checkpoint, Evaluation, MetricPoint, Problem, ProblemSet, Run, Sample, Study
from frontier_app.numbers.placement import difficulties_of
from frontier_app.tables.problems import fields_at, problems_of, shown_evaluations
from frontier_app.views.fetch import open_study

RUNS_WITH_METRICS = 20


@require_safe
def suggestions(request: HttpRequest, slug: str, rows: str) -> JsonResponse:
    """`items` may each replace the text `q` from `start` to `end`, around the cursor `at`; `error` is what is wrong
    with the whole of it, or null. `set` is that of the page of problems."""
    study = open_study(request, slug).study
    if rows not in FIELDS:
        raise Http404
    problem_set = study.train_set if request.GET.get("set") == "train" else study.held_out_set
    fields = fields_at(shown_evaluations(study, problem_set)) if rows == "problems" else FIELDS[rows]
    text, at = request.GET.get("q", ""), request.GET.get("at", "")
    cursor = int(at) if at.isascii() and at.isdecimal() and len(at) < 9 else len(text)
    found = complete(text, cursor, fields, _known(rows, study, problem_set))
    items = [item._asdict() for item in found.items]
    response = JsonResponse({"start": found.start, "end": found.end, "items": items, "error": _error(text, fields)})
    response.headers["Cache-Control"] = "no-store"
    return response


def _error(text: str, fields: Fields) -> dict[str, str | int] | None:
    try:
        compile_filter(text, fields)
    except FilterError as error:
        return {"message": error.message, "position": error.position, "marked": error.marked if error.text else ""}
    return None


def _known(rows: str, study: Study, problem_set: ProblemSet | None) -> KnownValues:
    """What rows of one kind have in this study."""
    seeds = {"seed": (Run.objects.filter(study=study), "seed")}
    if rows == "runs":
        shown = list(Run.objects.filter(study=study).order_by("-pk").values_list("pk", flat=True)[:RUNS_WITH_METRICS])
        metrics = MetricPoint.objects.filter(run__in=shown).order_by().values_list("name", flat=True).distinct()
        return KnownValues(Run.objects.filter(study=study), keys={"metric": list(metrics)})
    if rows == "checkpoints":
        return KnownValues(Checkpoint.objects.filter(study=study), seeds)
    evaluations = Evaluation.objects.filter(study=study)
    if rows == "evaluations":
        return KnownValues(evaluations, seeds, keys=dict.fromkeys(RATES, difficulties_of(study)))
    if rows == "problems":
        return KnownValues(problems_of(problem_set))
    problems = Problem.objects.filter(problem_set__in=[study.held_out_set_id, study.train_set_id])
    elsewhere = {
        "problem": (problems, "slug"),
        "difficulty": (problems, "difficulty"),
        "checkpoint": (Checkpoint.objects.filter(study=study), "name"),
        "alpha": (evaluations, "alpha"),
    }
    return KnownValues(Sample.objects.none(), elsewhere)
