"""What the figures of a view rest on, in a few words each: isolation, limits, what infrastructure cost, the audit.

Callers hand in evaluations and counts of a study that the viewer may read. Words only: no path, no test, no program.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypedDict

from django.db.models import Count, Max, Min, Q
from django.urls import reverse

from frontier_app.models import Evaluation, Problem, Study
from frontier_app.numbers.audit import finding
from frontier_app.numbers.placement import ALL_DIFFICULTIES
from frontier_app.words import count, isolation, seconds, size

UNSAFE = "none"


class Condition(TypedDict):
    """`title` says more; `href` leads there; `grave` is what makes the figures doubtful."""

    words: str
    title: str
    href: str | None
    grave: bool


def conditions(
    study: Study, evaluations: Sequence[Evaluation], difficulty: str, judged: int, spoiled: int
) -> list[Condition]:
    """Of one view: `judged` samples of its evaluations count, `spoiled` are left out. One query."""
    held_out = Problem.objects.filter(problem_set=study.held_out_set_id)
    if difficulty != ALL_DIFFICULTIES:
        held_out = held_out.filter(difficulty=difficulty)
    problems = held_out.aggregate(
        least=Min("cpu_seconds"),
        most=Max("cpu_seconds"),
        least_memory=Min("memory_bytes"),
        most_memory=Max("memory_bytes"),
        problems=Count("pk"),
        audited=Count("pk", filter=~Q(audit={})),
        marked=Count("pk", filter=finding()),
    )
    if not problems["problems"]:
        return []
    measured = [one for one in evaluations if one.samples_done]
    found = [*_isolation(measured), _cpu(measured, problems), _memory(measured, problems)]
    if measured:
        found.append(_infrastructure(judged, spoiled))
    return [*found, _audit(study, difficulty, problems)]


def _condition(words: str, title: str = "", href: str | None = None, grave: bool = False) -> Condition:
    return {"words": words, "title": title, "href": href, "grave": grave}


def _isolation(measured: Sequence[Evaluation]) -> list[Condition]:
    """Nothing before something is judged."""
    levels = Counter(one.isolation for one in measured if one.isolation)
    if not levels:
        return []
    grave = any(UNSAFE in level.split("+") for level in levels)
    if len(levels) == 1:
        return [_condition(f"judged under {isolation(next(iter(levels)))}", "what held programs back", grave=grave)]
    each = "; ".join(f"{number} under {isolation(level)}" for level, number in levels.most_common())
    return [_condition(f"judged under {len(levels)} isolation levels", each, grave=grave)]


def _cpu(measured: Sequence[Evaluation], problems: dict) -> Condition:
    own = _span(problems["least"], problems["most"], seconds)
    given = [value for one in measured if (value := one.limits.get("cpu_seconds")) is not None]
    if not given:
        return _condition(f"CPU {own} a test", "each problem's own limit on CPU time, test by test")
    words = f"CPU {_span(min(given), max(given), seconds)} a test"
    return _condition(
        words, f"set for {len(given)} of {len(measured)} evaluations, in place of the problems' own {own}"
    )


def _memory(measured: Sequence[Evaluation], problems: dict) -> Condition:
    own = _span(problems["least_memory"], problems["most_memory"], size)
    given = [value for one in measured if (value := one.limits.get("memory_bytes")) is not None]
    words = _span(min(given), max(given), size) if given else own
    return _condition(f"memory {words}", f"the problems' own limit is {own}" if given else "each problem's own limit")


def _span(least: float, most: float, write: Callable[[object], str]) -> str:
    low, high = write(least), write(most)
    return low if low == high else f"{low} to {high}"


def _infrastructure(judged: int, spoiled: int) -> Condition:
    if not spoiled:
        return _condition("nothing lost to infrastructure", f"of {count(judged)} samples")
    words = f"{count(spoiled)} of {count(judged + spoiled)} samples lost to infrastructure, left out of n"
    return _condition(words, "the judge could not decide them", grave=spoiled > 0.05 * (judged + spoiled))


def _audit(study: Study, difficulty: str, problems: dict) -> Condition:
    address = reverse("audit", args=[study.slug])
    if not problems["audited"]:
        return _condition("tests not audited", "whether they tell slow programs from fast ones is not known", address)
    kind = "" if difficulty == ALL_DIFFICULTIES else f"{difficulty} "
    words = f"audit: {count(problems['marked'])} of {count(problems['audited'])} {kind}problems marked"
    return _condition(words, "problems whose tests, limits or declared verdicts are in doubt", address)
