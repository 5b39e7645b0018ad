"""Dominance on two axes beyond the noise of paired differences, and which steps of a path are estimates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.stats.bootstrap import bootstrap_means
from compute.stats.frontier import dominance, estimated_steps


def by_definition(
    means: np.ndarray, replicates: np.ndarray, better: tuple[int, int], confidence: float = 0.95
) -> list[str]:
    """Pair by pair, straight from the definition."""
    found = []
    for i in range(len(means)):
        standing = "undominated"
        for j in range(len(means)):
            leads = [better[axis] * (means[j, axis] - means[i, axis]) for axis in range(2)]
            if min(leads) <= 0:
                continue
            lows = [
                np.quantile(better[axis] * (replicates[:, j, axis] - replicates[:, i, axis]), (1 - confidence) / 2)
                for axis in range(2)
            ]
            standing = "dominated" if min(lows) > 0 or standing == "dominated" else "within noise"
        found.append(standing)
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(2, 12), st.sampled_from([(-1, -1), (1, -1), (1, 1)]))
def test_dominance_is_what_the_definition_says_pair_by_pair(
    seed: int, points: int, problems: int, better: tuple[int, int]
) -> None:
    rng = np.random.default_rng(seed)
    shared = rng.random((1, problems))
    values = np.clip(shared + rng.normal(0, 0.15, (2, points, problems)) + rng.normal(0, 0.2, (2, points, 1)), 0, 1)
    found = bootstrap_means(values, replicates=200)
    means, replicates = found.mean.T, np.moveaxis(found.replicates, 1, -1)
    assert [one.standing for one in dominance(means, replicates, better)] == by_definition(means, replicates, better)


def test_a_point_better_on_one_axis_alone_dominates_nothing() -> None:
    replicates = np.repeat(np.array([[0.2, 0.5], [0.3, 0.4]])[None], 50, axis=0)
    assert [one.standing for one in dominance(replicates[0], replicates)] == ["undominated", "undominated"]


def test_the_dominating_point_is_named_with_its_lead() -> None:
    points = np.array([[0.5, 0.5], [0.4, 0.3], [0.45, 0.45]])
    first, best, second = dominance(points, np.repeat(points[None], 50, axis=0))
    assert (first.standing, first.by, second.by, best.by) == ("dominated", 1, 1, None)
    assert first.lead == pytest.approx((0.1, 0.2))
    assert first.lead_low == pytest.approx((0.1, 0.2))


def test_pairing_decides_what_unpaired_intervals_would_leave_open() -> None:
    """Both points swing by 0.5 together, and one is always 0.01 better."""
    swing = np.linspace(0, 0.5, 100)
    replicates = np.stack([np.stack([swing, swing], -1), np.stack([swing + 0.01, swing + 0.01], -1)], axis=1)
    assert [one.standing for one in dominance(replicates.mean(axis=0), replicates)] == ["undominated", "dominated"]
    apart = replicates.copy()
    apart[:, 1] = apart[::-1, 1]
    assert [one.standing for one in dominance(apart.mean(axis=0), apart)] == ["undominated", "within noise"]


def test_a_point_that_is_not_measured_neither_dominates_nor_is_dominated() -> None:
    points = np.array([[np.nan, 0.1], [0.3, 0.3], [0.2, 0.2]])
    found = dominance(points, np.repeat(points[None], 50, axis=0))
    assert [one.standing for one in found] == ["undominated", "dominated", "undominated"]


def test_replicates_that_do_not_fit_the_points_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        dominance(np.zeros((3, 2)), np.zeros((10, 2, 2)))


@pytest.mark.parametrize(
    ("alphas", "uncertain", "planned", "expected"),
    [
        ([0, 0.25, 0.5, 0.75, 1], [], [], [False] * 4),
        ([0, 0.25, 0.5, 1, 1.25], [], [], [False, False, True, False]),
        ([0, 1], [], [], [True]),
        ([0, 0.5, 1], [], [], [False, False]),
        ([0, 0.5, 1], [1], [], [True, True]),
        ([0, 0.5, 1], [], [0.75], [False, True]),
        ([0, 0.5, 1], [], [0.5, 1.0, 1.5], [False, False]),
        ([0.5], [], [], []),
        ([], [], [], []),
    ],
)
def test_wide_unfinished_and_planned_steps_are_estimates(
    alphas: list[float], uncertain: list[int], planned: list[float], expected: list[bool]
) -> None:
    doubt = [index in uncertain for index in range(len(alphas))]
    assert estimated_steps(alphas, doubt, planned).tolist() == expected


def test_alphas_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="ascend"):
        estimated_steps([0.5, 0.0], [False, False])
