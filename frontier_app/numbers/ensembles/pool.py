"""Within what an ensemble is compared, who its members are, and how its budget is split.

Whatever is chosen by results is chosen on one half of the problems. Where that concerns the ensemble itself (members
are searched, or the budget is allocated by results) everything is reported on the other half alone. Members chosen by
hand are reported on all problems, and the baselines that need a choice are chosen on each half for the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from compute.stats.ensemble_curves import Fold, choose_group, choose_level
from compute.stats.ensembles import SEEDS, TRAINED, Policies, greedy_allocation, greedy_members, halve, split_budget
from frontier_app.models import Checkpoint, Evaluation
from frontier_app.numbers.ensembles.choice import Candidates, Choice
from frontier_app.numbers.placement import Cells, SelectionError

# Every budget up to here has its point on the curves; beyond it they stand in equal steps of the logarithm.
EVERY_BUDGET, MORE_BUDGETS = 32, 16


@dataclass(frozen=True)
class Pool:
    """What an ensemble is compared within. `shown` are places among the candidates: complete evaluations and members;
    every other index here counts along `shown`."""

    choice: Choice
    offered: Candidates
    cells: Cells
    shown: list[int]
    policies: Policies
    complete: list[int]

    @cached_property
    def selecting(self) -> NDArray[np.bool_]:
        """The half of the problems on which choices are made."""
        return halve([problem.slug for problem in self.cells.problems], self.choice.split)

    @cached_property
    def folds(self) -> list[Fold]:
        there = Fold(self.selecting, ~self.selecting)
        return [there] if self.choice.halved else [there, Fold(~self.selecting, self.selecting)]

    @cached_property
    def scored(self) -> NDArray[np.int64]:
        """The problems that everything is reported on."""
        return np.flatnonzero(~self.selecting) if self.choice.halved else np.arange(len(self.cells.problems))

    @cached_property
    def most(self) -> NDArray[np.int64]:
        """(policies,): samples a problem of each, where most were drawn."""
        return np.asarray(self.policies.n.max(axis=1))

    @property
    def usual_k(self) -> int:
        """The largest budget at which every complete checkpoint alone is defined."""
        return int(self.most[self.complete].min()) if self.complete else int(self.most.min())

    def label(self, index: int) -> str:
        return self.offered.labels[self.shown[index]]

    def checkpoint(self, index: int) -> Checkpoint:
        return self.offered.placed[self.shown[index]].checkpoint


@dataclass(frozen=True)
class Ensemble:
    """Members (indices of the pool), and the budgets that the page shows with how each is split (budgets, members).

    `usual` is the budget of an address that names none.
    """

    members: tuple[int, ...]
    k: int
    usual: int
    ks: tuple[int, ...]
    most: int
    budgets: NDArray[np.int64]

    @property
    def place(self) -> int:
        return self.ks.index(self.k)


def make_pool(choice: Choice, offered: Candidates, cells: Cells, tokens: NDArray[np.float64]) -> Pool:
    """Complete evaluations, or all that has samples where fewer than two are complete; and whatever is a member.

    An evaluation of fewer than half as many samples as another would end every baseline early, and is left out of them.
    """
    judged = cells.counts.n.max(axis=1, initial=0) > 0
    whole = [index for index, one in enumerate(offered.placed) if judged[index] and is_complete(one.evaluation)]
    whole = whole if len(whole) > 1 else np.flatnonzero(judged).tolist()
    samples = cells.counts.n.max(axis=1, initial=0)
    whole = [index for index in whole if 2 * samples[index] >= samples[whole].max()]
    members = {index for index, one in enumerate(offered.placed) if one.checkpoint.reference in choice.members}
    silent = [offered.labels[index] for index in sorted(members) if not judged[index]]
    if silent:
        raise SelectionError(f"Nothing is judged yet of {silent[0]} on these problems.")
    shown = sorted({*whole, *members})
    if choice.match == "tokens" and not tokens[shown].all():
        label = offered.labels[shown[int(tokens[shown].argmin())]]
        raise SelectionError(f"The length of the answers of {label} is not recorded; match by samples.")
    return Pool(
        choice=choice,
        offered=offered,
        cells=cells,
        shown=shown,
        policies=Policies(cells.counts.n[shown], cells.counts.solved[shown], tokens[shown]),
        complete=[shown.index(index) for index in whole],
    )


def make_ensemble(pool: Pool) -> Ensemble:
    choice = pool.choice
    members = _searched(pool) if choice.searched else _by_hand(pool)
    width = pool.policies.of(members)
    reach = int(pool.most[list(members)].sum()) if choice.allocation == "optimised" else _even_reach(pool, members)
    most = max(reach, int(pool.most.max()))
    usual = min(max(pool.usual_k, len(members)), most)
    k = choice.k or usual
    ks = budgets_shown(most, {k, *([choice.at] if choice.at and choice.at <= most else [])})
    if choice.allocation == "even":
        rows = [split_budget(one, len(members)) if one >= len(members) else (0,) * len(members) for one in ks]
        return Ensemble(members, k, usual, ks, most, np.array(rows))
    given = greedy_allocation(width.on(pool.selecting), min(most, reach))
    none = np.zeros(len(members), dtype=np.int64)
    return Ensemble(
        members, k, usual, ks, most, np.stack([given[one - 1] if one <= len(given) else none for one in ks])
    )


def _even_reach(pool: Pool, members: Sequence[int]) -> int:
    """The largest budget whose even shares no member lacks samples for."""
    most = pool.most[list(members)]
    whole = int(most.min())
    short = np.flatnonzero(most == whole)
    return whole * len(members) + int(short[0])


def budgets_shown(most: int, also: set[int]) -> tuple[int, ...]:
    """The budgets that curves have points at: all of few, else equal steps of the logarithm; and those in `also`."""
    if most <= EVERY_BUDGET + MORE_BUDGETS:
        return tuple(sorted({*range(1, most + 1), *also}))
    further = np.geomspace(EVERY_BUDGET, most, MORE_BUDGETS + 1).round().astype(int).tolist()
    return tuple(sorted({*range(1, EVERY_BUDGET + 1), *further, *also}))


def _by_hand(pool: Pool) -> tuple[int, ...]:
    """In the order of the candidates: who gets what an even split leaves over depends on no order of clicks."""
    return tuple(index for index in range(len(pool.shown)) if pool.checkpoint(index).reference in pool.choice.members)


def _searched(pool: Pool) -> tuple[int, ...]:
    size = min(pool.choice.size, len(pool.complete))
    at = search_budget(pool)
    if at < size:
        raise SelectionError(f"A search for {size} members needs a budget of at least {size} samples, not {at}.")
    share = -(-at // size)
    able = [index for index in pool.complete if pool.most[index] >= share]
    if len(able) < size:
        raise SelectionError(
            f"{at} samples over {size} members are {share} each, which fewer than {size} checkpoints have a problem."
        )
    try:
        taken = greedy_members(pool.policies.of(able).on(pool.selecting), size, at)
    except ValueError:
        raise SelectionError(
            f"No problem has {share} samples of every checkpoint; search at a smaller budget."
        ) from None
    return tuple(sorted(able[index] for index in taken))


def search_budget(pool: Pool) -> int:
    """Where members and groups are chosen: as asked, else where every checkpoint alone is defined."""
    return pool.choice.at or max(pool.usual_k, min(pool.choice.size, len(pool.complete)))


def baselines(pool: Pool, size: int) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]], dict[str, str]]:
    """For each fold the trained-only ensemble and the seeds of one level, and for what is absent the reason."""
    trained = [index for index in pool.complete if pool.checkpoint(index).origin == Checkpoint.TRAINED]
    levels = [seeds for seeds in _seeds_by_level(pool, trained).values() if len(seeds) >= size]
    k = max(search_budget(pool), size)
    absent = {}
    if len(trained) < size:
        absent[TRAINED] = f"needs {size} trained checkpoints; {len(trained)} evaluated"
    if not levels:
        absent[SEEDS] = f"needs {size} seeds of one level; no level has as many evaluated"
    chosen: list[list[tuple[int, ...]]] = [[], []]
    for place, name in enumerate((TRAINED, SEEDS)):
        if name in absent:
            continue
        try:
            chosen[place] = [
                choose_group(selecting, trained, size, k)
                if name == TRAINED
                else choose_level(selecting, levels, size, k)
                for selecting in (pool.policies.on(fold.chosen_on) for fold in pool.folds)
            ]
        except ValueError:
            absent[name] = f"no problem has {-(-k // size)} samples of each"
    return chosen[0], chosen[1], absent


def _seeds_by_level(pool: Pool, trained: Sequence[int]) -> Mapping[float, list[int]]:
    """The last evaluated checkpoint of each seed of the nested levels, by coverage."""
    last: dict[tuple[float, int], int] = {}
    for index in trained:
        checkpoint = pool.checkpoint(index)
        if checkpoint.run is None or not checkpoint.run.is_nested:
            continue
        key = (checkpoint.run.coverage, checkpoint.run.seed)
        if key not in last or (checkpoint.step or 0) > (pool.checkpoint(last[key]).step or 0):
            last[key] = index
    levels: dict[float, list[int]] = {}
    for (coverage, _), index in last.items():
        levels.setdefault(coverage, []).append(index)
    return levels


def is_complete(evaluation: Evaluation) -> bool:
    return evaluation.state == Evaluation.COMPLETE
