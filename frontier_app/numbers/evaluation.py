"""From rows to the numbers of one evaluation's page: rates by difficulty, verdict letters by level, where
infrastructure failed.

Callers hand in an evaluation of a study that the viewer may read. Rates come from `Rollup` and `compute.stats`; letters
are counted from samples grouped by the database. Draws nothing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from django.db.models import Count, F

from compute.stats.bootstrap import cluster_bootstrap
from compute.stats.rates import CLASSES
from frontier_app.figures.frontier import Reading
from frontier_app.models import Evaluation, Problem, Rollup, Sample
from frontier_app.numbers.placement import DIFFICULTIES
from frontier_app.numbers.problem import IN_ORDER, LevelVerdicts, worst

TROUBLED = 10


@dataclass(frozen=True)
class Standing:
    """Rates over the problems of one difficulty, judged on whole suites; of all problems where `difficulty` is ""."""

    difficulty: str
    problems: int
    of: int
    n: int
    infrastructure: int
    rates: dict[str, Reading]


def standings(evaluation: Evaluation) -> list[Standing]:
    """Of each difficulty, known ones in their order, then of all problems. Two queries."""
    rows = Rollup.objects.filter(evaluation=evaluation, level=F("evaluation__problem_set__levels"))
    table = list(rows.values_list("problem__difficulty", "n", "infrastructure", *CLASSES))
    totals = Counter(Problem.objects.filter(problem_set=evaluation.problem_set_id).values_list("difficulty", flat=True))
    names = [name for name in DIFFICULTIES if name in totals] + sorted(set(totals) - set(DIFFICULTIES))
    chosen = [(name, [row for row in table if row[0] == name], totals[name]) for name in names]
    everything = ("", table, sum(totals.values()))
    return [_standing(*one) for one in ([*chosen, everything] if len(chosen) > 1 else [everything])]


def _standing(difficulty: str, rows: Sequence[tuple], of: int) -> Standing:
    counts = np.array([row[3:] for row in rows], dtype=np.int64).reshape(-1, len(CLASSES))
    n = np.array([row[1] for row in rows], dtype=np.int64)
    found = cluster_bootstrap(counts, n)
    pairs = zip(found.mean.tolist(), found.half_width.tolist(), strict=True)
    return Standing(
        difficulty=difficulty,
        problems=int((n > 0).sum()),
        of=of,
        n=int(n.sum()),
        infrastructure=sum(row[2] for row in rows),
        rates=dict(zip(CLASSES, (Reading(*pair) for pair in pairs), strict=True)),
    )


@dataclass
class Letters:
    """Verdict letters: of every test that was run, and of each level's own tests, where a sample counts once by its
    worst letter there."""

    tests: Counter[str] = field(default_factory=Counter)
    levels: list[LevelVerdicts] = field(default_factory=list)

    @property
    def present(self) -> str:
        return "".join(letter for letter in IN_ORDER if any(level.letters[letter] for level in self.levels))


def letters_of(evaluation: Evaluation) -> Letters:
    """One query for the samples, grouped by what they got, and one for the tests' levels."""
    problems = Problem.objects.filter(problem_set=evaluation.problem_set_id).values_list("pk", "tests")
    groups = {pk: tuple(test["group"] for test in tests) for pk, tests in problems}
    levels = max((layout[-1] for layout in groups.values() if layout), default=0)
    found = Letters(levels=[LevelVerdicts(level) for level in range(1, levels + 1)])
    rows = Sample.objects.filter(evaluation=evaluation).values_list("problem_id", "letters")
    alike: Counter[tuple[tuple[int, ...], str]] = Counter()
    for problem, letters, samples in rows.annotate(samples=Count("pk")).order_by():
        alike[groups.get(problem, ()), letters] += samples
    for (layout, letters), samples in alike.items():
        for letter in letters:
            found.tests[letter] += samples
        for level, letter in _worst_by_level(layout, letters):
            found.levels[level - 1].letters[letter] += samples
    return found


def _worst_by_level(layout: tuple[int, ...], letters: str) -> list[tuple[int, str]]:
    own: dict[int, str] = {}
    for group, letter in zip(layout, letters, strict=False):
        own[group] = own.get(group, "") + letter
    return [(group, worst(seen)) for group, seen in own.items()]


def troubled(evaluation: Evaluation) -> list[Rollup]:
    """The problems of which infrastructure spoiled most samples."""
    rows = Rollup.objects.filter(
        evaluation=evaluation, level=F("evaluation__problem_set__levels"), infrastructure__gt=0
    )
    return list(rows.select_related("problem").defer("problem__statement", "problem__tests", "problem__audit")
                .order_by("-infrastructure", "problem__position")[:TROUBLED])  # fmt: skip
