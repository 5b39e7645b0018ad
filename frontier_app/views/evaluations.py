"""One evaluation: what was asked, under which limits and isolation it was judged, and what came of it."""

from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from compute.rollout.transcript import ENDS
from frontier_app.models import Evaluation, Path, Study
from frontier_app.numbers.collapse import OF_TURNS, raised_alarms
from frontier_app.numbers.evaluation import letters_of, standings, troubled
from frontier_app.numbers.placement import place
from frontier_app.numbers.turns import how_they_ended
from frontier_app.views.fetch import open_evaluation, open_view
from frontier_app.views.frame import render_page, study_context

OTHERS = 12
RIVALS = 12
ALARM_WORDS = {
    "no_answer_rate": "answers without a program",
    "mean_tokens": "tokens an answer",
    "mean_log_likelihood": "log-likelihood an answer",
    "cut_off_rate": "answers cut at the token limit",
    "mean_turns": "turns an answer",
    "mean_calls": "tool calls an answer",
    "distance": "distance from the initialisation",
    "cosine": "cosine with the initialisation",
}


@require_safe
def evaluation(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    opened = open_view(request, slug, "evaluation")
    found = open_evaluation(opened, reference)
    rates = standings(found)
    letters = letters_of(found)
    ended = how_they_ended(found)
    first = opened.study.paths.select_related("low", "high").first()
    context = study_context(opened, "evaluations") | {
        "evaluation": found,
        "recipe": list(found.checkpoint.recipe.select_related("checkpoint")),
        "standings": rates,
        "whole": rates[-1],
        "expected": rates[-1].of * found.samples_per_problem,
        "letters": letters,
        "tests_run": sorted(letters.tests.items(), key=lambda one: -one[1]),
        "troubled": troubled(found),
        "ended": ended,
        "end_words": [(one, ENDS.get(one, one)) for one in ended.ends],
        "limits": limits_in_words(found.limits),
        "alarms": _alarms_in_words(found),
        "raised": raised_alarms(found.alarms, _nearer_end(found)),
        "explorer": study_address(opened.study, found, first),
        "failures": _failures_address(opened.study, found, first),
        "others": _others(found),
        "rivals": _rivals(opened.study, found) if opened.is_member else [],
    }
    return render_page(request, "evaluation.html", context, parts=("result",))


def _alarms_in_words(one: Evaluation) -> list[tuple[str, float | None]]:
    """Of a setting of a single turn without those that only turns have."""
    kept = {name: value for name, value in one.alarms.items() if one.has_turns or name not in OF_TURNS}
    return [(ALARM_WORDS.get(name, name.replace("_", " ")), value) for name, value in kept.items()]


def study_address(study: Study, evaluation: Evaluation, first: Path | None) -> str:
    """The study page at the evaluation's place. `first` is the study's first path, which the page opens with."""
    query = _view_of(evaluation, first)
    placed = place(study, evaluation, evaluation.path or first)
    if placed is not None and placed.alpha is not None:
        query["a"] = f"{placed.alpha:g}"
    return study.get_absolute_url() + (f"?{urlencode(query)}" if query else "")


def _view_of(evaluation: Evaluation, first: Path | None) -> dict[str, object]:
    """What a page of the study must be asked for to show the evaluation."""
    path = evaluation.path or first
    query: dict[str, object] = {"path": path.pk} if path is not None and path != first else {}
    return query | ({"setting": evaluation.setting} if evaluation.setting != "reasoning" else {})


def _failures_address(study: Study, evaluation: Evaluation, first: Path | None) -> str:
    """The grid of failures at the evaluation's column; "" where it has none, because its problems are others."""
    if evaluation.problem_set_id != study.held_out_set_id:
        return ""
    query = _view_of(evaluation, first) | {"at": evaluation.reference}
    return f"{reverse('failures', args=[study.slug])}?{urlencode(query)}"


def limits_in_words(limits: dict) -> dict[str, object]:
    """What was asked of the judge. `cpu_seconds` and `memory_bytes` are None where each problem's own limit holds."""
    toolchain = limits.get("toolchain") or {}
    return {
        "cpu_seconds": limits.get("cpu_seconds"),
        "memory_bytes": limits.get("memory_bytes"),
        "output_bytes": limits.get("output_bytes"),
        "wall_factor": limits.get("wall_factor"),
        "unsafe": bool(limits.get("unsafe")),
        "another_interpreter": bool(toolchain.get("interpreter")),
        "cpp_flags": " ".join(toolchain.get("cpp_flags") or ()),
    }


def _nearer_end(one: Evaluation) -> dict[str, float | None]:
    """The alarm figures of the trained end of its path that lies nearer; none for an end itself."""
    if one.path_id is None or one.alpha in (None, 0.0, 1.0):
        return {}
    end = 0.0 if (one.alpha or 0.0) < 0.5 else 1.0
    alike = Evaluation.objects.filter(study=one.study_id, path=one.path_id, setting=one.setting, alpha=end)
    return next(iter(alike.order_by("-samples_done").values_list("alarms", flat=True)[:1]), {})


def _others(one: Evaluation) -> list[Evaluation]:
    """Other evaluations of the same weights."""
    alike = Evaluation.objects.filter(study=one.study_id, checkpoint=one.checkpoint_id).exclude(pk=one.pk)
    return list(alike.order_by("-pk")[:OTHERS])


def _rivals(study: Study, one: Evaluation) -> list[Evaluation]:
    """What an evaluation is most likely to be compared with: on the same problems in the same setting, the
    initialisation, the ends of its path and the other points there. None where its problems cannot be compared."""
    if one.problem_set_id != study.held_out_set_id:
        return []
    near = Q(checkpoint=study.base_id)
    if one.path is not None:
        near |= Q(path=one.path) | Q(checkpoint__in=(one.path.low_id, one.path.high_id))
    measured = Evaluation.objects.filter(
        near, study=study, problem_set=one.problem_set_id, setting=one.setting, samples_done__gt=0
    )
    return list(measured.exclude(pk=one.pk).select_related("checkpoint").order_by("alpha", "pk")[:RIVALS])
