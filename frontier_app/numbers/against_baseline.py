"""Every evaluation of a view against its baseline: rates, problems won and lost, single problems that moved.

Three tests, each with its own false-discovery control: McNemar's exact test on the majority and a paired bootstrap of
the rates, adjusted over the evaluations of the view; Fisher's exact test problem by problem, adjusted over the problems
of one evaluation. Counts come in, JSON goes out; every statistic is one of `compute.stats.flips`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compute.stats.flips import FALSE_DISCOVERY_RATE, flips, majority_changes, paired_bootstrap
from compute.stats.rates import CLASSES, rates
from frontier_app.numbers.json_numbers import rounded
from frontier_app.numbers.placement import Cells

Pair = list[float | None]


def against_baseline(cells: Cells, baseline: int) -> list[dict[str, object]]:
    """One entry an evaluation, aligned with `cells`.

    `deltas`: class -> [mean, half-width], over the problems that both have. `tests`: class -> [p, q] of the paired
    bootstrap. `flips`: problems `won`, `lost` and `unchanged` by the majority with McNemar's `p` and `q`; `gained` and
    `dropped`, the places of problems whose own test survives, and every problem's `problem_q`. `tests` and `flips` are
    None for the baseline itself.
    """
    solved, n = cells.counts.solved, cells.counts.n
    changes = paired_bootstrap(rates(cells.classes, n), baseline)
    crossings = majority_changes(solved, n, baseline)
    moved = flips(solved[baseline], n[baseline], solved, n)
    problem_q = _probabilities(moved.q_values)
    points: list[dict[str, object]] = []
    for index in range(len(n)):
        deltas = _by_class(changes.changes.mean[index], changes.changes.half_width[index])
        if index == baseline:
            points.append({"deltas": deltas, "tests": None, "flips": None})
            continue
        found = {
            "won": int(crossings.won[index]),
            "lost": int(crossings.lost[index]),
            "unchanged": int(crossings.unchanged[index]),
            "p": probability(crossings.p_values[index]),
            "q": probability(crossings.q_values[index]),
            "gained": np.flatnonzero(moved.gained[index]).tolist(),
            "dropped": np.flatnonzero(moved.lost[index]).tolist(),
            "problem_q": problem_q[index],
            "false_discovery_rate": FALSE_DISCOVERY_RATE,
        }
        pairs = zip(changes.p_values[index], changes.q_values[index], strict=True)
        tests = {name: [probability(p), probability(q)] for name, (p, q) in zip(CLASSES, pairs, strict=True)}
        points.append({"deltas": deltas, "tests": tests, "flips": found})
    return points


def no_baseline(evaluations: int) -> list[dict[str, object]]:
    """What stands in place of `against_baseline` while there is no baseline."""
    return [{"deltas": None, "tests": None, "flips": None} for _ in range(evaluations)]


def _by_class(means: NDArray[np.float64], halves: NDArray[np.float64]) -> dict[str, Pair]:
    return {name: [rounded(mean), rounded(half)] for name, mean, half in zip(CLASSES, means, halves, strict=True)}


def probability(value: float) -> float | int | None:
    """To four digits after the point, or three significant ones below that; None where there was no test."""
    if not np.isfinite(value):
        return None
    if value >= 0.99995:
        return 1
    return round(float(value), 4) if value >= 0.001 else float(f"{value:.3g}")


def _probabilities(values: NDArray[np.float64]) -> list[list[float | int | None]]:
    """(evaluations, problems), each as `probability` writes it. Adjusted values are few, and each is written once."""
    distinct, places = np.unique(values, return_inverse=True)
    written = np.array([probability(value) for value in distinct], dtype=object)
    return written[places.reshape(values.shape)].tolist()


def rate_pairs(means: Sequence[float], halves: Sequence[float]) -> dict[str, Pair]:
    """class -> [mean, half-width] of one evaluation."""
    return _by_class(np.asarray(means), np.asarray(halves))
