"""Group-relative advantages by hand."""

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.ml

NAN = float("nan")


def advantages(rows, scale=False):
    from compute.training.advantages import group_advantages

    return group_advantages(torch.tensor(rows), scale).tolist()


def test_an_advantage_is_the_distance_from_the_groups_mean():
    assert advantages([[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]) == [[0.5, -0.5, -0.5, 0.5], [0, 0, 0, 0]]


def test_a_dropped_sample_neither_counts_nor_learns():
    assert advantages([[1.0, 0.0, NAN, NAN]]) == [[0.5, -0.5, 0.0, 0.0]]


def test_a_group_with_one_or_no_sample_left_teaches_nothing():
    assert advantages([[1.0, NAN, NAN], [NAN, NAN, NAN]]) == [[0.0] * 3, [0.0] * 3]


def test_scaling_divides_by_the_sample_standard_deviation():
    (row,) = advantages([[1.0, 0.0, 0.0, NAN]], scale=True)
    deviation = (1 / 3) ** 0.5
    assert row == pytest.approx([2 / 3 / deviation, -1 / 3 / deviation, -1 / 3 / deviation, 0.0], rel=1e-3)


def test_scaling_leaves_a_group_that_agrees_at_zero():
    assert advantages([[0.0, 0.0, 0.0]], scale=True) == [[0.0, 0.0, 0.0]]


def test_groups_of_several_prompts_by_hand():
    """Means 3/4 and 2/3 (one of four is dropped); sample variances 1/4 and 1/3."""
    rewards = [[1.0, 1.0, 0.0, 1.0], [NAN, 0.0, 1.0, 1.0]]
    plain = [[0.25, 0.25, -0.75, 0.25], [0.0, -2 / 3, 1 / 3, 1 / 3]]
    assert advantages(rewards) == [pytest.approx(row) for row in plain]
    deviations = [(1 / 4) ** 0.5 + 1e-4, (1 / 3) ** 0.5 + 1e-4]
    scaled = [[value / deviation for value in row] for row, deviation in zip(plain, deviations, strict=True)]
    assert advantages(rewards, scale=True) == [pytest.approx(row) for row in scaled]
