"""Judging while others are still being sampled."""

import threading

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.ml

from compute.errors import SandboxError  # noqa: E402
from compute.judge.verdict import FailureClass  # noqa: E402
from compute.rollout.policy import load_policy, stop_tokens  # noqa: E402
from compute.rollout.sampler import CachedSampler  # noqa: E402
from compute.training.ahead import JudgingAhead  # noqa: E402
from compute.training.rewards import Scored  # noqa: E402


def by_parity(keys):
    return [Scored(float(sum(tokens) % 2), FailureClass.SOLVED) for _, tokens in keys]


def troubled_once():
    """As `by_parity`, but for the first call."""
    troubles = [SandboxError("No sandbox.")]

    def score(keys):
        if troubles:
            raise troubles.pop()
        return by_parity(keys)

    return score


def test_answers_are_judged_once_each_and_given_in_the_order_asked_for():
    asked = []

    def score(keys):
        asked.extend(keys)
        return by_parity(keys)

    ahead = JudgingAhead(score)
    keys = [(0, (1,)), (1, (1,)), (0, (2,)), (0, (1,))]
    ahead.begin(keys[2])
    ahead.begin(keys[0])
    assert [scored.reward for scored in ahead.take(keys)] == [1, 1, 0, 1]
    assert sorted(asked) == sorted(set(keys))
    assert ahead.take([]) == []
    ahead.close()


def test_judging_goes_on_while_the_caller_does_something_else():
    judged = threading.Event()

    def score(keys):
        judged.set()
        return by_parity(keys)

    ahead = JudgingAhead(score)
    ahead.begin((0, (1,)))
    assert judged.wait(60)
    assert [scored.reward for scored in ahead.take([(0, (1,))])] == [1]
    ahead.close()


def test_what_was_begun_and_not_asked_for_is_judged_and_forgotten():
    asked = []

    def score(keys):
        asked.extend(keys)
        return by_parity(keys)

    ahead = JudgingAhead(score)
    ahead.begin((0, (1,)))
    assert [scored.reward for scored in ahead.take([(0, (2,))])] == [0]
    assert asked == [(0, (1,)), (0, (2,))]
    assert [scored.reward for scored in ahead.take([(0, (1,))])] == [1]
    assert asked[2:] == [(0, (1,))]
    ahead.close()


def test_after_trouble_everything_is_judged_anew_whoever_asked():
    ahead = JudgingAhead(troubled_once())
    with pytest.raises(SandboxError):
        ahead.scores([(0, (1,))])
    assert [scored.reward for scored in ahead.scores([(0, (1,))])] == [1]
    assert [scored.reward for scored in ahead.take([(0, (1,))])] == [1]
    ahead.close()


def test_what_the_judge_raises_reaches_whoever_waits_and_nobody_later():
    ahead = JudgingAhead(troubled_once())
    ahead.begin((0, (1,)))
    with pytest.raises(SandboxError, match="No sandbox"):
        ahead.take([(0, (1,))])
    assert [scored.reward for scored in ahead.take([(0, (1,))])] == [1]
    ahead.close()


def test_the_sampler_tells_of_every_answer_that_ends_before_the_longest(tiny_policy):
    model, tokenizer = load_policy(tiny_policy)
    sampler = CachedSampler(model, stop_tokens(model.generation_config, tokenizer), tokenizer.pad_token_id)
    prompts = [tokenizer(text)["input_ids"] for text in ("Add", "Sum")]
    settings = {"seed": 0, "temperature": 1.0, "max_tokens": 5}
    heard = []
    draws = sampler.draw(prompts, ["a", "b"], 12, **settings, ended=lambda *answer: heard.append(answer))
    assert draws == sampler.draw(prompts, ["a", "b"], 12, **settings)
    stopped = [(place, draw.tokens) for place, drawn in enumerate(draws) for draw in drawn if draw.stopped]
    assert 0 < len(stopped) < 24
    assert sorted(heard) == sorted(stopped)
    assert [len(tokens) for _, tokens in heard] == sorted(len(tokens) for _, tokens in heard)
