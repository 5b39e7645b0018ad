"""What the ensembles page tells of one budget: what each member adds, and what every pair of members is worth.

Counts of members come in (see `frontier_app.numbers.ensembles.page`), rows of JSON go out; null is what is undefined.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compute.stats.bootstrap import bootstrap_means
from compute.stats.complementarity import Pair, added_by_each
from compute.stats.ensembles import Policies, ensemble_pass, greedy_allocation, split_budget
from frontier_app.numbers.json_numbers import rounded

# A problem is listed under a member whose samples alone solve it with at least this chance; the likeliest come first.
LISTED_FROM, MOST_LISTED = 0.05, 12


def contributions(
    members: Policies, budgets: NDArray[np.int64], k: int, allocation: str, selecting: Policies
) -> list[dict[str, object]]:
    """One row a member: its samples, how many problems only these solve, and what the rate loses when the others share
    them. `selecting` has the members' counts where an allocation is optimised."""
    if budgets.any():
        added = added_by_each(members.n, members.solved, budgets.tolist())
    else:
        added = np.full(members.n.shape, np.nan)
    shares = bootstrap_means(added)
    losses, low, high = _losses(members, budgets, k, allocation, selecting)
    return [
        {
            "samples": int(budgets[one]) if budgets.any() else None,
            "added": rounded(shares.mean[one] * shares.problems[one], 2),
            "added_low": rounded(shares.low[one] * shares.problems[one], 2),
            "added_high": rounded(shares.high[one] * shares.problems[one], 2),
            "loss": rounded(losses[one]),
            "loss_low": rounded(low[one]),
            "loss_high": rounded(high[one]),
            "problems": _listed(added[one]),
        }
        for one in range(len(added))
    ]


def _losses(
    members: Policies, budgets: NDArray[np.int64], k: int, allocation: str, selecting: Policies
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The ensemble's rate minus that of the others at the same k, paired a problem, with its interval."""
    size = len(members.n)
    rows = [ensemble_pass(members.n, members.solved, budgets) if budgets.any() else np.full(members.n.shape[1], np.nan)]
    for one in range(size):
        others = [other for other in range(size) if other != one]
        shares = _shares(others, k, allocation, selecting)
        left = members.of(others) if others else None
        rows.append(
            ensemble_pass(left.n, left.solved, shares) if left and shares else np.full(members.n.shape[1], np.nan)
        )
    values = np.stack(rows)
    values[1:][np.isnan(rows[0])[None].repeat(size, axis=0)] = np.nan
    differing = bootstrap_means(rows[0][None] - values[1:])
    return differing.mean, differing.low, differing.high


def _shares(others: Sequence[int], k: int, allocation: str, selecting: Policies) -> tuple[int, ...]:
    """How k samples go to the members that are left; none where they cannot be split."""
    if not others or k < len(others):
        return ()
    if allocation == "even":
        return split_budget(k, len(others))
    given = greedy_allocation(selecting.of(others), k)
    return tuple(given[-1].tolist()) if len(given) == k else ()


def _listed(added: NDArray[np.float64]) -> list[list[float | int | None]]:
    """[problem, chance], the likeliest first."""
    chances = np.nan_to_num(added)
    order = np.argsort(-chances, kind="stable")[:MOST_LISTED]
    return [[int(problem), rounded(chances[problem])] for problem in order if chances[problem] >= LISTED_FROM]


def texts_of_pairs(found: Sequence[Pair], k: int) -> list[dict[str, object]]:
    """Each pair of members as JSON, with the reason where something is undefined."""
    return [
        {
            "first": one.first,
            "second": one.second,
            "problems": one.problems,
            "jaccard": rounded(one.jaccard),
            "jaccard_null": [rounded(value) for value in one.jaccard_null],
            "union": rounded(one.union),
            "alone": [rounded(value) for value in one.alone],
            "excess": rounded(one.excess),
            "excess_low": rounded(one.excess_low),
            "excess_high": rounded(one.excess_high),
            "excess_null": [rounded(value) for value in one.excess_null],
            "p": rounded(one.p_value),
            "q": rounded(one.q_value),
            "why": None if one.problems else _why(k),
        }
        for one in found
    ]


def _why(k: int) -> str:
    return "two policies need two samples" if k < 2 else "more samples than they have"
