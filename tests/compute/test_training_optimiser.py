"""The float32 copies behind narrow weights: the numbers of torch's AdamW on float32 weights, also after a pause."""

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.ml

from compute.training.optimiser import BETAS, Float32AdamW, adamw  # noqa: E402

RATE = 1e-3


def narrow_weights():
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator).bfloat16()) for shape in ((7, 5), (11,))]


def gradients(step):
    generator = torch.Generator().manual_seed(step + 1)
    return [torch.randn(shape, generator=generator).bfloat16() for shape in ((7, 5), (11,))]


def take_steps(optimiser, weights, steps):
    for step in steps:
        for weight, gradient in zip(weights, gradients(step), strict=True):
            weight.grad = gradient.to(weight.dtype)
        optimiser.step()


def test_narrow_weights_are_those_of_a_float32_training_rounded_once():
    weights = narrow_weights()
    wide = [torch.nn.Parameter(weight.detach().float()) for weight in weights]
    take_steps(Float32AdamW(weights, RATE), weights, range(20))
    take_steps(torch.optim.AdamW(wide, lr=RATE, betas=BETAS, weight_decay=0.0), wide, range(20))
    for weight, expected in zip(weights, wide, strict=True):
        assert torch.equal(weight, expected.bfloat16())


def test_steps_too_small_for_the_weights_type_add_up():
    weight = torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
    optimiser = Float32AdamW([weight], 1e-4)
    for _ in range(100):
        weight.grad = torch.ones_like(weight)
        optimiser.step()
    assert weight.tolist() == pytest.approx([0.99] * 3, abs=0.002)


def test_a_continued_training_ends_in_the_same_bits():
    whole, halves = narrow_weights(), narrow_weights()
    take_steps(Float32AdamW(whole, RATE), whole, range(6))
    first = Float32AdamW(halves, RATE)
    take_steps(first, halves, range(3))
    second = Float32AdamW(halves, RATE)
    second.load_state_dict(first.state_dict())
    take_steps(second, halves, range(3, 6))
    for one, other in zip(whole, halves, strict=True):
        assert torch.equal(one, other)


def test_float32_weights_are_left_to_torch():
    assert isinstance(adamw([torch.nn.Parameter(torch.ones(2))], RATE), torch.optim.AdamW)
    assert isinstance(adamw(narrow_weights(), RATE), Float32AdamW)
