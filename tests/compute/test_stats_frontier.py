"""The trade-off direction, what lies beyond an end, and readings between measured points."""

import numpy as np

from compute.stats.bootstrap import RateIntervals, cluster_bootstrap
from compute.stats.frontier import SOLVE_MARGIN, classify_extrapolated, direction

ALPHAS = [-0.5, 0.0, 0.5, 1.0, 1.5]


def identical_problems(points: list[tuple[int, int, int]], problems: int = 6) -> RateIntervals:
    """Every problem has the same counts out of 100, so intervals have no width and results can be read off by hand."""
    counts = np.repeat(np.array(points)[:, None, :], problems, axis=1)
    return cluster_bootstrap(counts, np.full(counts.shape[:2], 100), replicates=50)


def test_direction_between_two_ends_is_their_difference() -> None:
    np.testing.assert_allclose(direction([0, 1], [[0.6, 0.1], [0.2, 0.4]]), [-0.8, 0.6])


def test_direction_is_the_least_squares_slope_on_alpha() -> None:
    alphas = np.array([0.0, 0.25, 0.5, 1.0])
    points = np.array([[0.6, 0.1], [0.55, 0.12], [0.4, 0.2], [0.2, 0.5]])
    slopes = np.array([np.polyfit(alphas, points[:, i], 1)[0] for i in range(2)])
    np.testing.assert_allclose(direction(alphas, points), slopes / np.linalg.norm(slopes))


def test_points_outside_the_ends_do_not_bend_the_direction() -> None:
    inside = direction([0, 0.5, 1], [[0.6, 0.1], [0.4, 0.2], [0.2, 0.4]])
    outside = direction([-1, 0, 0.5, 1, 2], [[9, 9], [0.6, 0.1], [0.4, 0.2], [0.2, 0.4], [9, 9]])
    np.testing.assert_array_equal(inside, outside)


def test_direction_of_points_that_do_not_move_is_undefined() -> None:
    assert np.isnan(direction([0, 1], [[0.3, 0.3], [0.3, 0.3]])).all()
    assert np.isnan(direction([0.5], [[0.3, 0.3]])).all()


def test_a_point_past_the_end_at_nearly_the_same_solve_rate_extends() -> None:
    rates = identical_problems([(30, 66, 4), (30, 60, 10), (30, 40, 30), (30, 20, 50), (27, 12, 61)])
    low, *inside, high = classify_extrapolated(ALPHAS, rates)
    assert inside == [None, None, None]
    assert low is not None
    assert high is not None
    assert (low.verdict, low.end, high.verdict, high.end) == ("extends", 0.0, "extends", 1.0)
    np.testing.assert_allclose(low.beyond, 0.06 * np.sqrt(2))
    np.testing.assert_allclose(high.beyond, (0.08 + 0.11) / np.sqrt(2))
    np.testing.assert_allclose(high.solve_change, -0.03)


def test_a_point_that_turns_back_stays() -> None:
    rates = identical_problems([(30, 58, 12), (30, 60, 10), (30, 40, 30), (30, 20, 50), (30, 22, 48)])
    low, *_, high = classify_extrapolated(ALPHAS, rates)
    assert low is not None
    assert high is not None
    assert (low.verdict, high.verdict) == ("stays", "stays")
    assert low.beyond < 0
    assert high.beyond < 0


def test_a_point_that_loses_more_solve_rate_than_the_margin_collapses() -> None:
    rates = identical_problems([(30, 60, 10), (30, 60, 10), (30, 40, 30), (30, 20, 50), (24, 10, 66)])
    *_, high = classify_extrapolated(ALPHAS, rates)
    assert high is not None
    assert high.verdict == "collapses"
    assert high.margin == SOLVE_MARGIN
    *_, high = classify_extrapolated(ALPHAS, rates, margin=0.1)
    assert high is not None
    assert high.verdict == "extends"


def test_a_gain_in_solve_rate_is_not_a_collapse() -> None:
    rates = identical_problems([(30, 60, 10), (30, 60, 10), (30, 40, 30), (30, 20, 50), (45, 5, 50)])
    *_, high = classify_extrapolated(ALPHAS, rates)
    assert high is not None
    assert high.verdict == "extends"


def test_a_point_that_repeats_the_end_is_rarely_said_to_extend_it() -> None:
    rng = np.random.default_rng(0)
    verdicts = []
    for _ in range(100):
        problems = rng.dirichlet([1.0, 1.0, 1.0], size=30)
        faster = problems @ np.array([[1.0, 0.0, 0.0], [0.0, 0.4, 0.6], [0.0, 0.0, 1.0]])
        counts = np.stack([rng.multinomial(16, shares) for shares in (problems, faster, faster)])
        rates = cluster_bootstrap(counts, counts.sum(axis=-1), replicates=300)
        verdicts.append(classify_extrapolated([0, 1, 1.1], rates, margin=1.0)[2])
    assert all(verdict is not None for verdict in verdicts)
    assert sum(verdict.verdict == "extends" for verdict in verdicts if verdict) <= 8  # 2.5 expected


def test_without_both_ends_nothing_is_called() -> None:
    rates = identical_problems([(30, 60, 10), (30, 20, 50)])
    assert classify_extrapolated([0.0, 1.5], rates) == [None, None]
