"""What every engine promises, seen on the engine that runs in this process."""

import pytest

from compute.configs import Sampling
from compute.errors import Cancelled

pytestmark = pytest.mark.ml

ASKED = [{"role": "user", "content": "Add"}]


@pytest.fixture(scope="module")
def engine(tiny_policy):
    from compute.rollout.engines.transformers_engine import TransformersEngine

    return TransformersEngine(tiny_policy)


def test_a_conversation_goes_through_the_models_template_and_a_text_is_taken_as_it_is(engine):
    sampling = Sampling(samples=3, max_tokens=6)
    asked, given = engine.generate([ASKED, "Add\n```python\n"], ["one", "one"], sampling)
    assert [one.text for one in asked] == ["```python\n" + one.text for one in given]
    assert {one.prompt_tokens for one in asked + given} == {3}


def test_every_drawn_token_has_a_log_probability(engine):
    [answers] = engine.generate([ASKED], ["one"], Sampling(samples=5, max_tokens=6))
    for answer in answers:
        assert len(answer.log_probabilities) == answer.tokens
        assert answer.log_likelihood == pytest.approx(sum(answer.log_probabilities))
        assert answer.log_likelihood < 0


def test_a_long_answer_is_given_up_when_the_job_is_cancelled(engine):
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        engine.generate([ASKED], ["one"], Sampling(samples=40, max_tokens=50), lambda: next(asked))
