"""The sampler draws from the model's own distribution, and each answer from its own random numbers."""

import math

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.ml

PROMPTS = [[8, 4, 3], [9, 4, 10, 4, 8, 4, 3], [9]]
KEYS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def sampler(tiny_policy):
    from compute.rollout.policy import load_policy, stop_tokens
    from compute.rollout.sampler import CachedSampler

    model, tokenizer = load_policy(tiny_policy)
    return CachedSampler(model, stop_tokens(model.generation_config, tokenizer), tokenizer.pad_token_id)


def drawn(sampler, prompts=PROMPTS, keys=KEYS, samples=6, seed=3, temperature=1.0, max_tokens=20):
    draws = sampler.draw(prompts, keys, samples, seed=seed, temperature=temperature, max_tokens=max_tokens)
    return [[(draw.tokens, draw.stopped) for draw in group] for group in draws]


def test_an_answer_does_not_depend_on_its_batch(sampler):
    together = drawn(sampler)
    alone = [drawn(sampler, [prompt], [key])[0] for prompt, key in zip(PROMPTS, KEYS, strict=True)]
    assert together == alone


def test_more_samples_leave_the_first_ones_as_they_were(sampler):
    assert [group[:2] for group in drawn(sampler)] == drawn(sampler, samples=2)


def test_seed_key_and_index_each_change_the_answer(sampler):
    first = drawn(sampler)[0]
    assert drawn(sampler, seed=4)[0] != first
    assert drawn(sampler, PROMPTS[:1], ["z"])[0] != first
    assert len({tuple(tokens) for tokens, _ in first}) > 1


def test_an_answer_ends_with_the_first_stop_token_or_at_the_longest_length(sampler):
    answers = [answer for group in drawn(sampler, samples=40, max_tokens=8) for answer in group]
    stop = int(sampler.stop_tokens[0])
    assert {stopped for _, stopped in answers} == {True, False}
    for tokens, stopped in answers:
        assert tokens.count(stop) == stopped
        assert tokens[-1] == stop if stopped else len(tokens) == 8


def test_temperature_zero_takes_the_most_likely_token_each_time(sampler):
    tokens, _ = drawn(sampler, samples=1, temperature=0, max_tokens=6)[1][0]
    text = list(PROMPTS[1])
    for token in tokens:
        assert token == int(sampler.model(torch.tensor([text])).logits[0, -1].argmax())
        text.append(token)


def test_log_likelihoods_are_those_of_one_pass_over_the_whole_text(sampler):
    answers = sampler.draw(PROMPTS, KEYS, 4, seed=0, temperature=0.7, max_tokens=9)
    for prompt, group in zip(PROMPTS, answers, strict=True):
        for draw in group:
            logits = sampler.model(torch.tensor([[*prompt, *draw.tokens]])).logits[0, len(prompt) - 1 : -1] / 0.7
            expected = torch.log_softmax(logits, -1)[range(len(draw.tokens)), draw.tokens]
            assert draw.log_likelihoods == pytest.approx(expected.tolist(), abs=1e-4)


def test_evenly_spread_uniform_numbers_give_every_token_its_exact_share():
    from compute.rollout.sampler import choose

    shares = torch.tensor([0.5, 0.0, 0.3, 0.2])
    grid = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    tokens, log_likelihoods = choose(shares.log().expand(1000, 4), grid, 1.0)
    assert torch.bincount(tokens, minlength=4).tolist() == [500, 0, 300, 200]
    assert log_likelihoods[0].item() == pytest.approx(math.log(0.5), abs=1e-6)


def test_sampling_leaves_a_model_in_training_in_training(sampler):
    sampler.model.train()
    drawn(sampler, samples=1, max_tokens=1)
    assert sampler.model.training
    sampler.model.eval()


def test_long_answers_use_fresh_random_numbers_all_along(sampler):
    import numpy as np

    from compute.rollout.sampler import UNIFORMS_AT_ONCE, UniformStreams

    streams = UniformStreams(0, ["a"], 1)
    numbers = [streams.column(step, np.array([0]))[0] for step in range(3 * UNIFORMS_AT_ONCE)]
    assert len(set(numbers)) == 3 * UNIFORMS_AT_ONCE
