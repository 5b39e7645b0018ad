"""Problem-clustered intervals, against loops, closed forms and exhaustive resampling."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.stats.bootstrap import bootstrap_means, cluster_bootstrap, differences, ellipse, resampling_weights

COUNTS = np.array([[8, 4, 4], [2, 14, 0], [0, 6, 10], [16, 0, 0], [5, 5, 6]])
N = np.full(5, 16)


def test_means_weigh_every_problem_the_same_whatever_its_n() -> None:
    result = cluster_bootstrap([[1, 1, 0], [4, 0, 0]], [2, 4])
    np.testing.assert_allclose(result.mean, [0.75, 0.25, 0.0])
    assert result.samples == 6
    assert result.problems == 2


def test_replicates_equal_a_plain_loop_over_drawn_problems() -> None:
    weights = resampling_weights(5, 50, 3)
    expected = []
    for row in weights.astype(int):
        drawn = np.repeat(np.arange(5), row)
        expected.append((COUNTS[drawn] / N[drawn, None]).mean(axis=0))
    result = cluster_bootstrap(COUNTS, N, replicates=50, seed=3)
    np.testing.assert_allclose(result.replicates, expected, atol=1e-12)
    low, high = np.quantile(expected, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(result.half_width, (high - low) / 2, atol=1e-12)


def test_every_replicate_draws_as_many_problems_as_there_are() -> None:
    weights = resampling_weights(7, 100)
    assert (weights.sum(axis=1) == 7).all()
    assert not weights.flags.writeable


def test_covariance_agrees_with_all_resamples_of_three_problems() -> None:
    points = np.array([[0.5, 0.1], [0.0, 0.9], [0.3, 0.3]])
    means = np.array([points[list(drawn)].mean(axis=0) for drawn in product(range(3), repeat=3)])
    exact = np.cov(means.T, bias=True)
    counts = np.column_stack([np.zeros(3), points * 10]).round().astype(int)
    result = cluster_bootstrap(counts, np.full(3, 10), replicates=40_000)
    np.testing.assert_allclose(result.covariance, exact, atol=0.0006)


def test_interval_agrees_with_all_resamples_of_four_problems() -> None:
    values = np.array([0.0, 0.25, 0.5, 1.0])
    means = np.sort([values[list(drawn)].mean() for drawn in product(range(4), repeat=4)])
    low, high = np.quantile(means, [0.025, 0.975], method="inverted_cdf")
    result = bootstrap_means(values, replicates=20_000)
    assert abs(result.low - low) <= 0.0626  # one step of the 17-valued exact distribution
    assert abs(result.high - high) <= 0.0626


def test_evaluations_meet_the_same_problems_so_differences_are_paired() -> None:
    result = cluster_bootstrap(np.stack([COUNTS, COUNTS]), np.stack([N, N]))
    change = differences(result, 0)
    np.testing.assert_array_equal(change.low, np.zeros((2, 3)))
    np.testing.assert_array_equal(change.high, np.zeros((2, 3)))
    assert (result.half_width[0] > 0).all()


def test_paired_difference_of_a_constant_shift_has_no_width() -> None:
    values = np.array([0.1, 0.4, 0.9, 0.2])
    change = differences(bootstrap_means(np.stack([values, values + 0.05])), 0)
    np.testing.assert_allclose([change.mean[1], change.low[1], change.high[1]], 0.05, atol=1e-12)


def test_a_problem_with_only_infrastructure_trouble_is_as_if_it_were_not_there() -> None:
    counts = np.stack([COUNTS, COUNTS])
    n = np.stack([N, N])
    counts[1, 2], n[1, 2] = 0, 0
    result = cluster_bootstrap(counts, n, replicates=400)
    kept = [0, 1, 3, 4]
    np.testing.assert_allclose(result.mean[1], (COUNTS[kept] / 16).mean(axis=0))
    assert result.problems.tolist() == [5, 4]
    weights = resampling_weights(5, 400)[:, kept]
    expected = (weights @ (COUNTS[kept] / 16)) / weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(result.replicates[:, 1], expected, atol=1e-12)
    np.testing.assert_allclose(result.mean[0], (COUNTS / 16).mean(axis=0))


def test_leaving_a_problem_out_of_one_evaluation_does_not_touch_another() -> None:
    alone = cluster_bootstrap(COUNTS, N)
    counts, n = np.stack([COUNTS, COUNTS]), np.stack([N, N])
    counts[1, 0], n[1, 0] = 0, 0
    both = cluster_bootstrap(counts, n)
    np.testing.assert_allclose(both.low[0], alone.low, atol=1e-12)
    np.testing.assert_allclose(both.covariance[0], alone.covariance, atol=1e-12)


@pytest.mark.parametrize("problems", [0, 1])
def test_fewer_than_two_problems_give_no_interval(problems: int) -> None:
    result = cluster_bootstrap(np.ones((problems, 3), dtype=int), np.full(problems, 3))
    assert np.isnan(result.low).all()
    assert np.isnan(result.half_width).all()
    assert np.isnan(result.covariance).all()
    assert np.isnan(result.mean).all() == (problems == 0)


def test_replicates_that_draw_no_usable_problem_do_not_spoil_the_interval() -> None:
    values = np.array([[0.2, 0.6, np.nan, np.nan, np.nan, np.nan]])
    result = bootstrap_means(values)
    assert np.isnan(result.replicates).any()
    assert result.low[0] == pytest.approx(0.2)
    assert result.high[0] == pytest.approx(0.6)


def test_counts_larger_than_n_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and n"):
        cluster_bootstrap([[3, 0, 0]], [2])


def test_ellipse_holds_the_stated_share_of_a_normal_cloud() -> None:
    covariance = np.array([[0.04, -0.02], [-0.02, 0.03]])
    cloud = np.random.default_rng(0).multivariate_normal([0.3, 0.4], covariance, size=20_000)
    outline = ellipse([0.3, 0.4], covariance) - [0.3, 0.4]
    # On the outline the Mahalanobis distance is the chi-square quantile everywhere.
    inverse = np.linalg.inv(covariance)
    distance = np.einsum("pi,ij,pj->p", outline, inverse, outline)
    np.testing.assert_allclose(distance, 5.991464547107979, rtol=1e-9)
    centred = cloud - [0.3, 0.4]
    assert abs((np.einsum("pi,ij,pj->p", centred, inverse, centred) <= distance[0]).mean() - 0.95) < 0.006


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 6)] * 4), min_size=2, max_size=20))
def test_rates_of_all_classes_sum_to_one_and_intervals_hold_the_mean(rows: list[tuple[int, ...]]) -> None:
    counts = np.array(rows)
    n = counts.sum(axis=1)
    result = cluster_bootstrap(counts, n, replicates=200)
    if (n > 0).sum() < 2:
        assert np.isnan(result.low).all()
        return
    assert result.mean.sum() == pytest.approx(1)
    assert (result.low <= result.high).all()
    assert (result.low >= -1e-12).all()
    assert (result.high <= 1 + 1e-12).all()
    assert np.linalg.eigvalsh(result.covariance).min() >= -1e-12
