"""pass@k of an ensemble and of every baseline along the budget, all at once, with paired gains.

The rows are those of `compute.stats.ensembles` and each member alone. What is chosen (the best single, the
trained-only ensemble, the seeds of one level) is chosen on some problems and scored on others: a `Fold` names both. Two
folds that swap their halves score every problem with a choice that never saw it.

A row is undefined (nan) at a budget for which fewer than half of its problems have enough samples: a curve stops there.
The best single is undefined as soon as any single is, for it may be the best: a best of those that are left would fall
where samples run out and flatter the ensemble.
At each budget all rows that are defined are compared on the problems where all of them are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compute.stats.bootstrap import bootstrap_means, differences
from compute.stats.ensembles import (
    CHOSEN,
    ENSEMBLE,
    MEAN,
    ORACLE,
    SEEDS,
    TRAINED,
    Match,
    Policies,
    best_members,
    best_single,
    greedy_members,
    single_budgets,
    split_budget,
    token_budgets,
)
from compute.stats.pass_at_k import miss_at_k
from compute.stats.rates import Floats, Integers

ALONE = "alone"
# Up to this many sets of members are all tried; beyond it the choice of a baseline is greedy.
MOST_SETS = 2_000

Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Fold:
    """Masks (problems,): where choices are made, and where they are scored."""

    chosen_on: Booleans
    scored_on: Booleans


@dataclass(frozen=True)
class Line:
    """One row along the budgets; every array is (budgets,) and nan where undefined.

    `members`: indices into the policies, of all folds and budgets together. `gain`: the ensemble's rate minus this
    one's, paired a problem. `samples`: how many a problem this row draws, averaged over what it averages over.
    `members_at` has for each budget the members then.
    """

    name: str
    members: tuple[int, ...]
    rate: Floats
    low: Floats
    high: Floats
    gain: Floats
    gain_low: Floats
    gain_high: Floats
    samples: Floats
    members_at: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Curves:
    """`problems` (budgets,): how many all rows share. `tokens` (budgets,): what a problem costs the ensemble."""

    ks: tuple[int, ...]
    lines: tuple[Line, ...]
    problems: Integers
    tokens: Floats


@dataclass(frozen=True)
class _Row:
    name: str
    members: tuple[int, ...]
    values: Floats
    samples: float


class Misses:
    """The misses of policies on problems for any budgets; equal counts are computed once."""

    def __init__(self, policies: Policies) -> None:
        width = int(policies.n.max(initial=0)) + 1
        distinct, inverse = np.unique(policies.n * width + policies.solved, return_inverse=True)
        self._n, self._solved = distinct // width, distinct % width
        self._inverse = inverse.reshape(policies.n.shape)

    def at(self, budgets: ArrayLike, policies: Sequence[int] | None = None) -> Floats:
        """(policies, problems) with a budget (policies,) of its own each."""
        wanted, place = np.unique(np.asarray(budgets, dtype=np.int64), return_inverse=True)
        table = miss_at_k(self._n[None, :], self._solved[None, :], wanted[:, None])
        cells = self._inverse if policies is None else self._inverse[list(policies)]
        return np.asarray(table[place[:, None], cells] if len(wanted) > 1 else table[0].take(cells))


@dataclass(frozen=True)
class _Budget:
    """k samples, or the `tokens` that the ensemble's samples cost; None where the ensemble cannot be drawn."""

    policies: Policies
    misses: Misses
    folds: Sequence[Fold]
    match: Match
    k: int
    tokens: float | None

    @property
    def payable(self) -> bool:
        """Whether the others know their budget: by tokens they do not where there is no ensemble."""
        return self.match == "samples" or self.tokens is not None

    @property
    def alone(self) -> Integers:
        """(policies,): samples of each alone."""
        return single_budgets(self.policies, self.k, self.tokens or 0.0, self.match)

    def shares(self, group: Sequence[int]) -> tuple[int, ...]:
        """Samples of each of a group of other members."""
        if self.match == "samples":
            return split_budget(self.k, len(group))
        return token_budgets(self.policies, group, self.tokens or 0.0)


def curves(
    policies: Policies,
    ks: Sequence[int],
    members: Sequence[int],
    budgets: Integers,
    folds: Sequence[Fold],
    *,
    match: Match = "samples",
    trained: Sequence[Sequence[int]] = (),
    seeds: Sequence[Sequence[int]] = (),
    seed: int = 0,
) -> Curves:
    """The ensemble, each member alone and the baselines at every budget of `ks`.

    Args:
        budgets: (ks, members) samples a member; all 0 in a row where the ensemble cannot be drawn (fewer samples than
            members), which leaves that row undefined.
        trained: for each fold the members of the trained-only ensemble; none leaves the row out.
        seeds: for each fold the seeds of one level, likewise.
    """
    misses = Misses(policies)
    groups = [(TRAINED, trained), (SEEDS, seeds)]
    tokens = budgets @ policies.tokens[list(members)]
    rows = [
        _rows(
            _Budget(policies, misses, folds, match, k, float(cost) if share.any() else None),
            list(members),
            share,
            groups,
        )
        for k, share, cost in zip(ks, budgets, tokens, strict=True)
    ]
    scored = np.logical_or.reduce([fold.scored_on for fold in folds])
    values = np.stack([[row.values for row in at] for at in rows], axis=1)[..., scored]
    values, problems = _on_common_problems(values)
    intervals = bootstrap_means(values, seed=seed)
    gains = differences(intervals, 0)
    lines = tuple(
        Line(
            name=rows[0][index].name,
            members=tuple(dict.fromkeys(member for at in rows for member in at[index].members)),
            rate=intervals.mean[index],
            low=intervals.low[index],
            high=intervals.high[index],
            gain=0.0 - gains.mean[index],
            gain_low=0.0 - gains.high[index],
            gain_high=0.0 - gains.low[index],
            members_at=tuple(at[index].members for at in rows),
            samples=np.where(np.isnan(intervals.mean[index]), np.nan, [at[index].samples for at in rows]),
        )
        for index in range(len(rows[0]))
    )
    return Curves(tuple(ks), lines, problems, np.where(budgets.any(axis=1), tokens, np.nan))


def choose_group(policies: Policies, among: Sequence[int], size: int, k: int) -> tuple[int, ...]:
    """The best `size` of some policies at k samples: by trying all sets where they are few, else greedily."""
    rows = list(among)
    if len(rows) == size:
        return tuple(rows)
    few = np.prod([(len(rows) - step) / (step + 1) for step in range(size)]) <= MOST_SETS
    search = best_members if few else greedy_members
    return tuple(sorted(rows[index] for index in search(policies.of(rows), size, k)))


def choose_level(policies: Policies, levels: Sequence[Sequence[int]], size: int, k: int) -> tuple[int, ...]:
    """The best ensemble of `size` policies that share a level, each of `levels` holding at least as many."""
    groups = [choose_group(policies, level, size, k) for level in levels]
    shares = np.array(split_budget(k, size))
    rates = [_mean(1.0 - Misses(policies.of(group)).at(shares).prod(axis=0)) for group in groups]
    return groups[int(np.nanargmax(rates)) if not np.isnan(rates).all() else 0]


def _rows(
    at: _Budget, members: list[int], share: Integers, groups: Sequence[tuple[str, Sequence[Sequence[int]]]]
) -> list[_Row]:
    """All rows at one budget, the ensemble first."""
    alone = at.alone
    singles = 1.0 - at.misses.at(alone) if at.payable else np.full(at.policies.n.shape, np.nan)
    rivals = singles if _all_defined(singles) else np.full(singles.shape, np.nan)
    ensemble = 1.0 - at.misses.at(share, members).prod(axis=0) if share.any() else np.full(singles.shape[1], np.nan)
    return [
        _Row(ENSEMBLE, tuple(members), ensemble, float(share.sum())),
        *(_Row(ALONE, (one,), singles[one], float(alone[one])) for one in members),
        _chosen(rivals, alone, at.folds),
        _oracle(rivals, alone, at.folds),
        _Row(MEAN, tuple(range(len(singles))), rivals.mean(axis=0), float(alone.mean())),
        *(_group(name, at, chosen) for name, chosen in groups if chosen),
    ]


def _all_defined(singles: Floats) -> bool:
    """Whether every single has enough samples on at least half of the problems."""
    return bool((2 * (~np.isnan(singles)).sum(axis=1) >= singles.shape[1]).all())


def _chosen(singles: Floats, alone: Integers, folds: Sequence[Fold]) -> _Row:
    """In each fold the single that was best on the other problems."""
    values, taken = np.full(singles.shape[1], np.nan), []
    for fold in folds:
        best = best_single(singles[:, fold.chosen_on])
        values[fold.scored_on] = singles[best, fold.scored_on]
        taken.append(best)
    return _Row(CHOSEN, tuple(dict.fromkeys(taken)), values, float(alone[taken].mean()))


def _oracle(singles: Floats, alone: Integers, folds: Sequence[Fold]) -> _Row:
    best = best_single(singles[:, np.logical_or.reduce([fold.scored_on for fold in folds])])
    return _Row(ORACLE, (best,), singles[best], float(alone[best]))


def _group(name: str, at: _Budget, chosen: Sequence[Sequence[int]]) -> _Row:
    """An ensemble of other members, with its budget split evenly."""
    values, samples = np.full(at.policies.n.shape[1], np.nan), []
    everybody = tuple(dict.fromkeys(member for group in chosen for member in group))
    if not at.payable or at.k < len(chosen[0]):
        return _Row(name, everybody, values, float("nan"))
    for group, fold in zip(chosen, at.folds, strict=True):
        shares = at.shares(group)
        scores = 1.0 - at.misses.at(shares, group).prod(axis=0)
        values[fold.scored_on] = scores[fold.scored_on]
        samples.append(sum(shares))
    return _Row(name, everybody, values, float(np.mean(samples)))


def _on_common_problems(values: Floats) -> tuple[Floats, Integers]:
    """Values (rows, budgets, problems) without the rows of too few problems and, at each budget, without the problems
    that a defined row lacks; and how many problems are left at each budget."""
    defined = ~np.isnan(values)
    measured = defined.any(axis=1).sum(axis=-1, keepdims=True)
    enough = 2 * defined.sum(axis=-1) >= np.maximum(measured, 1)
    common = (defined | ~enough[..., None]).all(axis=0) & enough.any(axis=0)[:, None]
    return np.where(common[None] & enough[..., None], values, np.nan), common.sum(axis=-1)


def _mean(values: Floats) -> float:
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")
