"""How the answers of an evaluation in a setting with turns ended, and how many turns and calls they took.

Over all its samples that have a transcript, those that infrastructure spoiled among them. Every problem weighs the same
whatever its n, as everywhere. No text of a transcript is read.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from django.db.models import Count, Sum

from compute.rollout.transcript import ENDS
from compute.stats.bootstrap import bootstrap_means
from frontier_app.figures.frontier import Reading
from frontier_app.models import Evaluation, Sample
from frontier_app.numbers.placement import DIFFICULTIES


class _Row(NamedTuple):
    """The answers to one problem that ended in one way."""

    problem: int
    difficulty: str
    ended: str
    samples: int
    turns: int
    calls: int


@dataclass(frozen=True)
class TurnsTaken:
    """Over the problems of one difficulty; of all problems where `difficulty` is "". `ends`: share of each end."""

    difficulty: str
    n: int
    problems: int
    turns: Reading
    calls: Reading
    ends: dict[str, Reading]


class HowTheyEnded(NamedTuple):
    """`ends`: those that occur, with their samples, in the order of `ENDS`. `lines`: by difficulty, then of all."""

    ends: dict[str, int]
    lines: list[TurnsTaken]


def how_they_ended(evaluation: Evaluation) -> HowTheyEnded:
    """One query; none in a setting of a single turn."""
    if not evaluation.has_turns:
        return HowTheyEnded({}, [])
    grouped = Sample.objects.filter(evaluation=evaluation, transcript__isnull=False).values_list(
        "problem_id", "problem__difficulty", "transcript__ended"
    )
    counted = grouped.annotate(samples=Count("pk"), turns=Sum("transcript__turns"), calls=Sum("transcript__calls"))
    rows = [_Row(*row) for row in counted.order_by()]
    if not rows:
        return HowTheyEnded({}, [])
    ends = counts_of_ends((row.ended, row.samples) for row in rows)
    present = {row.difficulty for row in rows}
    names = [name for name in DIFFICULTIES if name in present] + sorted(present - set(DIFFICULTIES))
    lines = [_taken(name, [row for row in rows if row.difficulty == name], ends) for name in names]
    return HowTheyEnded(ends, [*(lines if len(lines) > 1 else []), _taken("", rows, ends)])


def ends_of(evaluation: Evaluation) -> dict[str, int]:
    """The ends that occur, with their samples. One query; none in a setting of a single turn."""
    if not evaluation.has_turns:
        return {}
    rows = Sample.objects.filter(evaluation=evaluation, transcript__isnull=False).values_list("transcript__ended")
    return counts_of_ends(rows.annotate(samples=Count("pk")).order_by())


def counts_of_ends(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    """In the order of `ENDS`."""
    total: dict[str, int] = defaultdict(int)
    for ended, samples in rows:
        total[ended] += samples
    return {ended: total[ended] for ended in (*ENDS, *sorted(total.keys() - ENDS.keys())) if total.get(ended)}


def _taken(difficulty: str, rows: Sequence[_Row], ends: Collection[str]) -> TurnsTaken:
    problems = {problem: place for place, problem in enumerate(sorted({row.problem for row in rows}))}
    order = {name: place for place, name in enumerate(("turns", "calls", *ends))}
    sums = np.zeros((len(order), len(problems)))
    n = np.zeros(len(problems))
    for row in rows:
        place = problems[row.problem]
        n[place] += row.samples
        sums[order["turns"], place] += row.turns
        sums[order["calls"], place] += row.calls
        sums[order[row.ended], place] += row.samples
    found = bootstrap_means(sums / n)
    turns, calls, *shares = (
        Reading(*pair) for pair in zip(found.mean.tolist(), found.half_width.tolist(), strict=True)
    )
    return TurnsTaken(
        difficulty=difficulty,
        n=int(n.sum()),
        problems=len(problems),
        turns=turns,
        calls=calls,
        ends=dict(zip(ends, shares, strict=True)),
    )
