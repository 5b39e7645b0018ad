"""The points of a study's frontier as plain numbers: for the terminal's table and for the summary file.

Every test counts, at full coverage, and infrastructure trouble is left out of `n`. Rates are means over problems, as
everywhere; one of nothing is None. Plots have their own reader (`frontier_app.numbers.explorer`).
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from django.db.models import F

from compute.stats.bootstrap import cluster_bootstrap
from compute.stats.rates import CLASSES, RATE_NAMES, rates
from frontier_app.models import Checkpoint, Evaluation, Rollup, Study
from frontier_app.numbers.placement import DIFFICULTIES, difficulties_of

RATES = tuple(RATE_NAMES.values())
Key = tuple[int, str]


class Counts(NamedTuple):
    """Of one evaluation on the problems of one difficulty. `classes`: (problems, 4); `n`: (problems,)."""

    classes: np.ndarray
    n: np.ndarray
    infrastructure: int

    def rates(self) -> dict[str, float | int | None]:
        judged = rates(self.classes, self.n)[self.n > 0]
        means = judged.mean(axis=0).tolist() if len(judged) else [None] * len(RATES)
        total = {"n": int(self.n.sum()), "infrastructure_count": self.infrastructure}
        return {**total, **dict(zip(RATES, means, strict=True))}

    def half_widths(self) -> dict[str, float]:
        """95 % intervals over resampled problems."""
        return dict(zip(RATES, cluster_bootstrap(self.classes, self.n).half_width.tolist(), strict=True))


NOTHING = Counts(np.zeros((0, len(CLASSES)), dtype=np.int64), np.zeros(0, dtype=np.int64), 0)


class MeasuredPoint(NamedTuple):
    evaluation: Evaluation
    by_difficulty: dict[str, Counts]  # from the easiest to the hardest

    def as_json(self) -> dict[str, object]:
        return {
            "checkpoint": self.evaluation.checkpoint.name,
            "alpha": self.evaluation.alpha,
            "setting": self.evaluation.setting,
            "difficulties": {name: counts.rates() for name, counts in self.by_difficulty.items()},
        }


def measured_points(study: Study) -> list[MeasuredPoint]:
    """The complete evaluations: the base, then each path in order of alpha, then the others."""
    counts = counts_of(study)
    evaluations = study.evaluations.filter(state=Evaluation.COMPLETE).select_related("checkpoint", "path")
    ordered = sorted(evaluations, key=_place)
    names = difficulties_of(study) or list(DIFFICULTIES)
    return [MeasuredPoint(one, {name: counts.get((one.pk, name), NOTHING) for name in names}) for one in ordered]


def _place(evaluation: Evaluation) -> tuple[int, int, float, int]:
    group = 0 if evaluation.checkpoint.origin == Checkpoint.BASE else 1 if evaluation.alpha is not None else 2
    return group, evaluation.path_id or 0, evaluation.alpha or 0.0, evaluation.pk


def counts_of(study: Study) -> dict[Key, Counts]:
    """(evaluation, difficulty) -> counts by problem, judged by every test."""
    rows = Rollup.objects.filter(evaluation__study=study, level=F("evaluation__problem_set__levels")).values_list(
        "evaluation", "problem__difficulty", *CLASSES, "n", "infrastructure"
    )
    grouped: dict[Key, list[tuple[int, ...]]] = defaultdict(list)
    for evaluation, difficulty, *numbers in rows:
        grouped[evaluation, difficulty].append(tuple(numbers))
    tables = {key: np.array(lines, dtype=np.int64) for key, lines in grouped.items()}
    return {key: Counts(table[:, :-2], table[:, -2], int(table[:, -1].sum())) for key, table in tables.items()}
