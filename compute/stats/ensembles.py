"""Ensembles of policies at a matched budget, always beside the baselines that could explain a gain away.

An ensemble splits k samples over M policies; its chance to solve a problem is 1 - prod_m C(n_m-c_m, k_m) / C(n_m, k_m).
The baselines: the best single policy *chosen on other problems*, the oracle's best single (an upper bound nobody can
reach), the mean single, the ensemble of trained checkpoints alone with as many members, and the ensemble of as many
seeds of one level. "Matched samples" gives everybody k samples; "matched tokens" gives everybody the tokens that the
ensemble's samples cost, so that a policy of longer answers gets fewer of them.

Here are the members, the budgets and the choices; `compute.stats.ensemble_curves` compares them.

Whatever is chosen by looking at results (members, allocation, the best single) is chosen on some problems and reported
on others: `halve` splits them. Both searches are greedy. With m(k) = C(n-c, k) / C(n, k), the rate
1 - mean prod_m m(k_m) never falls with more samples, and each further sample adds no more than the one before (m falls
and is convex in k), so a greedy choice reaches at least 1 - 1/e of the best rate: Nemhauser, Wolsey and Fisher 1978
(doi 10.1007/BF01588971) for sets of members, Soma and Yoshida 2015 (arXiv 1503.01224) for samples over members.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compute.stats.pass_at_k import miss_at_k
from compute.stats.rates import Floats, Integers

Match = Literal["samples", "tokens"]
ENSEMBLE, CHOSEN, ORACLE, MEAN, TRAINED, SEEDS = (
    "ensemble",
    "best single, chosen on other problems",
    "best single, oracle",
    "mean single",
    "trained only",
    "seeds of one level",
)

# Gains and rates that equal the largest up to rounding count as equally large.
TIE_TOLERANCE = 1e-12


@dataclass(frozen=True)
class Policies:
    """Counts on one problem set: `n` and `solved` (policies, problems); `tokens` (policies,) is the mean a sample."""

    n: Integers
    solved: Integers
    tokens: Floats

    def on(self, problems: ArrayLike) -> "Policies":
        """The same policies on some of the problems: a mask or indices."""
        columns = np.asarray(problems)
        return Policies(self.n[:, columns], self.solved[:, columns], self.tokens)

    def of(self, policies: Sequence[int]) -> "Policies":
        """Some of the policies, in this order."""
        rows = list(policies)
        return Policies(self.n[rows], self.solved[rows], self.tokens[rows])

    def __post_init__(self) -> None:
        if self.n.ndim != 2 or self.n.shape != self.solved.shape or self.tokens.shape != self.n.shape[:1]:
            raise ValueError(f"n {self.n.shape}, solved {self.solved.shape} and tokens {self.tokens.shape} do not fit")


def ensemble_pass(n: ArrayLike, solved: ArrayLike, budgets: ArrayLike) -> Floats:
    """(..., problems) from counts (policies, problems) and budgets (..., policies); nan where any n is too small."""
    k = np.asarray(budgets, dtype=np.int64)[..., None]
    return np.asarray(1.0 - miss_at_k(n, solved, k).prod(axis=-2))


def split_budget(k: int, members: int) -> tuple[int, ...]:
    """k samples over members as evenly as possible, the first ones taking what is left over."""
    if not 0 < members <= k:
        raise ValueError(f"{k} samples cannot be split over {members} policies")
    return tuple(k // members + (index < k % members) for index in range(members))


def halve(problems: Sequence[str], seed: int = 0) -> NDArray[np.bool_]:
    """True for the problems on which choices are made, False for those on which they are reported (the larger half).

    A problem's place is the rank of the SHA-256 of its name with the seed: it depends on no order of the problems.
    """
    ranks = np.argsort(np.array([sha256(f"{seed} {name}".encode()).hexdigest() for name in problems]), kind="stable")
    chosen = np.zeros(len(problems), dtype=bool)
    chosen[ranks[: len(problems) // 2]] = True
    return chosen


def best_members(policies: Policies, size: int, k: int) -> tuple[int, ...]:
    """The ensemble of `size` policies with the highest rate, by trying them all. Choose on one split, score on another.

    Problems on which any policy has too few samples are left out.
    """
    misses = _misses_of_shares(policies, size, k)
    candidates = np.array(list(combinations(range(len(policies.n)), size)))
    missed = np.ones((len(candidates), misses[0].shape[1]))
    for place, miss in enumerate(misses):
        missed *= miss[candidates[:, place]]
    return tuple(int(index) for index in candidates[missed.mean(axis=1).argmin()])


def greedy_members(policies: Policies, size: int, k: int) -> tuple[int, ...]:
    """`size` policies in the order in which they were taken: each time the one that raises the rate most with its share
    of the k samples. At least 1 - 1/e of the best rate where the shares are equal (see the top). Ties go to the first.

    Problems on which any policy has too few samples are left out; ValueError when that leaves none.
    """
    if size > len(policies.n):
        raise ValueError(f"{size} members cannot be taken from {len(policies.n)} policies")
    misses = _misses_of_shares(policies, size, k)
    taken: list[int] = []
    missed = np.ones(misses[0].shape[1])
    for miss in misses:
        rates = (missed * miss).mean(axis=1)
        rates[taken] = np.inf
        taken.append(int(rates.argmin()))
        missed = missed * miss[taken[-1]]
    return tuple(taken)


def greedy_allocation(policies: Policies, k: int) -> Integers:
    """(budgets, policies): in row i how i + 1 samples are best given to the policies, each to the one it helps most.

    Every row adds one sample to the row before; there are k rows, or fewer when every sample is given out. A problem
    with too few samples of a policy counts no gain from giving it more. Ties go to the policy with the fewest samples.
    """
    most = policies.n.max(axis=1)
    rows: list[Integers] = []
    given = np.zeros(len(most), dtype=np.int64)
    missed = np.ones(policies.n.shape)
    after = _next_miss(policies, given, missed, range(len(most)))
    for _ in range(min(k, int(most.sum()))):
        gains = np.array([(_others(missed, one) * (missed[one] - after[one])).mean() for one in range(len(most))])
        gains[given >= most] = -np.inf
        helped = [
            one for one in range(len(most)) if gains[one] >= gains.max() - TIE_TOLERANCE and given[one] < most[one]
        ]
        taken = min(helped, key=lambda one: (given[one], one))
        given[taken] += 1
        missed[taken] = after[taken]
        after[taken] = _next_miss(policies, given, missed, [taken])[0]
        rows.append(given.copy())
    return np.stack(rows) if rows else np.zeros((0, len(most)), dtype=np.int64)


def _next_miss(policies: Policies, given: Integers, missed: Floats, rows: Sequence[int]) -> Floats:
    """The misses of some policies with one sample more each, and as they are where that is undefined."""
    index = list(rows)
    further = miss_at_k(policies.n[index], policies.solved[index], given[index][:, None] + 1)
    return np.where(np.isnan(further), missed[index], further)


def _others(missed: Floats, one: int) -> Floats:
    return np.asarray(np.delete(missed, one, axis=0).prod(axis=0))


def _misses_of_shares(policies: Policies, size: int, k: int) -> list[Floats]:
    """For each share of k over `size` members, the misses (policies, problems), on problems where all are defined."""
    shares = split_budget(k, size)
    misses = {share: miss_at_k(policies.n, policies.solved, share) for share in set(shares)}
    usable = ~np.isnan(np.stack(list(misses.values()))).any(axis=(0, 1))
    if not usable.any():
        raise ValueError(f"no problem has enough samples of every policy for {k} over {size}")
    return [misses[share][:, usable] for share in shares]


def single_budgets(policies: Policies, k: int, tokens: float, match: Match) -> Integers:
    """(policies,): samples that each policy alone may draw."""
    if match == "samples":
        return np.full(len(policies.tokens), k)
    return np.array([token_budgets(policies, [index], tokens)[0] for index in range(len(policies.tokens))])


def token_budgets(policies: Policies, members: Sequence[int], tokens: float) -> tuple[int, ...]:
    """Whole samples a member that its even share of `tokens` pays for, at least one."""
    share = tokens / len(members)
    # The tolerance keeps a share that pays for exactly 4 samples from paying for 3.999...
    return tuple(max(1, int(share / policies.tokens[index] + 1e-9)) for index in members)


def best_single(singles: Floats) -> int:
    """The policy of the highest mean on the problems where all that are defined anywhere are defined. Ties go to the
    first."""
    rates = _on_common_problems(singles).mean(axis=1)
    return 0 if np.isnan(rates).all() else int((rates >= np.nanmax(rates) - TIE_TOLERANCE).argmax())


def _on_common_problems(values: Floats) -> Floats:
    """The columns that are defined in every row that is defined at all; one of nan where there is none."""
    defined = ~np.isnan(values)
    if defined.all() and values.size:
        return values
    rows = defined.any(axis=1)
    columns = np.flatnonzero(defined[rows].all(axis=0) & rows.any())
    return values[:, columns] if columns.size else np.full((len(values), 1), np.nan)
