"""Merge methods against numpy, entry by entry."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from compute.merging import methods  # noqa: E402

pytestmark = pytest.mark.ml
few = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)
counts = st.integers(1, 200)
coefficients = st.floats(-3, 3, allow_nan=False)
densities = st.floats(0.01, 1)
Array = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def drawn(seed: int, count: int, number: int) -> list["torch.Tensor"]:
    """Few distinct values, so that equal magnitudes, zeros and opposite signs are common."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(-6, 7, (count,), generator=generator).float() / 4 for _ in range(number)]


def arrays(tensors: Sequence["torch.Tensor"]) -> list[Array]:
    return [tensor.numpy() for tensor in tensors]


@few
@given(seeds, counts, st.lists(coefficients, min_size=1, max_size=4))
def test_task_arithmetic_adds_every_delta_with_its_own_coefficient(seed: int, count: int, given: list[float]) -> None:
    start, *others = drawn(seed, count, len(given) + 1)
    merged = methods.task_arithmetic(start, [methods.delta(one, start) for one in others], given)
    changes = [c * (o.astype(float) - start.numpy()) for c, o in zip(given, arrays(others), strict=True)]
    np.testing.assert_allclose(merged.numpy(), start.numpy() + sum(changes), rtol=1e-5, atol=1e-5)


def test_coefficients_of_zero_leave_the_start_bit_for_bit() -> None:
    start, infinite = torch.tensor([-0.0, 1.0]), torch.full((2,), torch.inf)
    assert methods.task_arithmetic(start, [infinite], [0.0]).numpy().tobytes() == start.numpy().tobytes()
    assert methods.dare(start, [infinite], [0.0], 0.5, [1]).numpy().tobytes() == start.numpy().tobytes()


def test_a_soup_weighs_all_alike() -> None:
    tensors = [torch.tensor([1.0, 5.0]), torch.tensor([2.0, 7.0]), torch.tensor([6.0, 0.0])]
    assert torch.allclose(methods.soup(tensors), torch.tensor([3.0, 4.0]))


@pytest.mark.parametrize(
    "merge",
    [
        lambda a, b: methods.linear([a, b], [1 - 1.01, 1.01]),
        lambda a, b: methods.task_arithmetic(a, [methods.delta(b, a)], [1.01]),
        lambda a, b: methods.dare(a, [methods.delta(b, a)], [1.01], 1.0, [0]),
        lambda a, b: methods.ties(a, [methods.delta(b, a)], [1.0], [0.0], scale=1.01),
        lambda a, b: methods.slerp(a, b, 1.01, weights=(1 - 1.01, 1.01)),
    ],
    ids=["linear", "task_arithmetic", "dare", "ties", "slerp"],
)
def test_alpha_is_not_rounded_to_the_type_of_the_checkpoint(merge: Callable[..., "torch.Tensor"]) -> None:
    """bfloat16 has no 1.01: its neighbours are 1.0078125 and 1.015625."""
    low, high = torch.zeros(1000).bfloat16(), torch.linspace(1, 2, 1000).bfloat16()
    merged = merge(low, high)
    assert torch.equal(merged, (high.double() * 1.01).bfloat16())
    assert not torch.equal(merged, (high.double() * 1.0078125).bfloat16())


@few
@given(seeds, st.integers(2, 60), st.floats(-1, 2))
def test_slerp_keeps_the_length_and_divides_the_angle(seed: int, count: int, alpha: float) -> None:
    generator = np.random.default_rng(seed)
    one, other = (v / np.linalg.norm(v) for v in generator.normal(size=(2, count)))
    cosine = float(one @ other)
    merged = methods.slerp(torch.from_numpy(one).float(), torch.from_numpy(other).float(), alpha).double().numpy()
    if abs(cosine) >= methods.PARALLEL_COSINE:
        return
    # Turn within the plane of the two, from an orthonormal pair: no sine of a difference as in the implementation.
    across = (other - cosine * one) / math.sqrt(1 - cosine**2)
    angle = alpha * math.acos(cosine)
    np.testing.assert_allclose(merged, math.cos(angle) * one + math.sin(angle) * across, atol=2e-5 / (1 - abs(cosine)))


@pytest.mark.parametrize("factor", [2.0, -1.0, 0.0])
def test_slerp_between_parallel_vectors_is_a_line(factor: float) -> None:
    one = torch.tensor([1.0, -2.0, 3.0])
    assert torch.allclose(methods.slerp(one, one * factor, 0.25), one * (0.75 + 0.25 * factor))


def ties_by_entry(start: Array, deltas: list[Array], weights: list[float], density: float, scale: float) -> list[float]:
    """Algorithm 1 of arXiv 2306.01708 as it is written, one entry after the other."""
    trimmed = []
    for one in deltas:
        kept = max(1, round(density * len(one)))
        smallest = sorted(np.abs(one), reverse=True)[kept - 1]
        trimmed.append([float(v) if abs(v) >= smallest else 0.0 for v in one])
    merged = []
    for place, origin in enumerate(start):
        entries = [(one[place], weight) for one, weight in zip(trimmed, weights, strict=True)]
        sign = np.sign(np.float32(sum(value * weight for value, weight in entries)))
        agreeing = [(value, weight) for value, weight in entries if sign and np.sign(value) == sign]
        mean = sum(v * w for v, w in agreeing) / sum(w for _, w in agreeing) if agreeing else 0.0
        merged.append(float(origin) + scale * mean)
    return merged


@few
@given(seeds, counts, st.lists(st.sampled_from([0.25, 0.5, 1.0, 2.0]), min_size=1, max_size=4), densities)
def test_ties_trims_elects_and_averages(seed: int, count: int, weights: list[float], density: float) -> None:
    start, *deltas = drawn(seed, count, len(weights) + 1)
    thresholds = [methods.trim_threshold(one, density) for one in deltas]
    merged = methods.ties(start, deltas, weights, thresholds, scale=1.5)
    expected = ties_by_entry(start.numpy(), arrays(deltas), weights, density, 1.5)
    np.testing.assert_allclose(merged.numpy(), expected, rtol=1e-5, atol=1e-6)


@few
@given(seeds, counts, st.data())
def test_the_kth_magnitude_is_exact_whatever_the_pieces(seed: int, count: int, data: st.DataObject) -> None:
    k, length = data.draw(st.integers(1, count)), data.draw(st.integers(1, count))
    values = torch.from_numpy(np.random.default_rng(seed).normal(size=count).astype(np.float32) ** 5)
    found = methods.kth_magnitude(lambda: values.split(length), k)
    assert found == sorted(values.abs().tolist(), reverse=True)[k - 1]


@few
@given(seeds, counts, st.lists(coefficients, min_size=1, max_size=3), densities)
def test_dare_rescales_what_its_mask_keeps(seed: int, count: int, given: list[float], density: float) -> None:
    start, *deltas = drawn(seed, count, len(given) + 1)
    keys = [methods.mask_key(seed, place, "x") for place in range(len(given))]
    merged = methods.dare(start, deltas, given, density, keys)
    masks = [methods.kept_mask(key, 0, count, density).numpy() for key in keys]
    changes = [c * m * d.astype(float) / density for c, m, d in zip(given, masks, arrays(deltas), strict=True)]
    np.testing.assert_allclose(merged.numpy(), start.numpy() + sum(changes), rtol=1e-4, atol=1e-4)


@few
@given(seeds, st.integers(1, 400), st.integers(1, 90), densities)
def test_a_mask_does_not_depend_on_the_pieces(seed: int, count: int, length: int, density: float) -> None:
    key = methods.mask_key(seed, 0, "layers.0.weight")
    pieces = [methods.kept_mask(key, at, min(length, count - at), density) for at in range(0, count, length)]
    assert torch.equal(torch.cat(pieces), methods.kept_mask(key, 0, count, density))


def test_a_mask_keeps_its_share_and_no_other_tensor_seed_or_ingredient_has_the_same() -> None:
    asked = [(0, 0, "x"), (1, 0, "x"), (0, 1, "x"), (0, 0, "y")]
    masks = [methods.kept_mask(methods.mask_key(*one), 0, 100_000, 0.3) for one in asked]
    for mask in masks:
        assert float(mask.float().mean()) == pytest.approx(0.3, abs=0.01)  # 7 standard deviations
    for one in masks[1:]:
        assert float((one == masks[0]).float().mean()) == pytest.approx(0.58, abs=0.01)  # as independent ones agree


def test_the_masks_of_a_seed_stay_what_they_are() -> None:
    """Written merges can be made again: the key and the generator are part of the format."""
    key = methods.mask_key(7, 1, "layers.0.weight")
    assert "".join("01"[bool(kept)] for kept in methods.kept_mask(key, 3, 16, 0.5)) == "1001111110111001"
