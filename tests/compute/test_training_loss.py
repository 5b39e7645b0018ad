"""The compact loop's loss and its gradient by hand, on a policy that prefers every token alike whatever came before.

Its only parameters are four logits b, all 0: each token has probability p = 1/4, and the gradient of log p(token) is
(1 for the token, else 0) - p.
"""

from math import log
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.ml

from compute.training.compact import Example, accumulate  # noqa: E402
from compute.training.padding import NOT_SCORED, Answered, padded  # noqa: E402
from tests.compute.training import training  # noqa: E402

PROMPT = [0, 0]
GOOD = Example(Answered(PROMPT, [1, 2]), 0.5)
BAD = Example(Answered([0], [3]), -0.5)
CUT = Example(Answered(PROMPT, [1, 1, 1, 1]), -0.5)


class FourLogits(torch.nn.Module):
    device = torch.device("cpu")

    def __init__(self, logits=(0.0, 0.0, 0.0, 0.0)):
        super().__init__()
        self.logits = torch.nn.Parameter(torch.tensor(logits))

    def forward(self, input_ids):
        return SimpleNamespace(logits=self.logits.expand(*input_ids.shape, 4))


def learnt(examples, reference=None, **changes):
    """The loss over `examples` and its gradient."""
    source = {"reference": "sums", "path": "/sums.jsonl", "blobs": "/blobs"}
    config = training(Path("/"), "/start", source, "compact", **changes)
    policy = FourLogits()
    loss = accumulate(config, policy, examples, 0, reference)
    return loss, None if policy.logits.grad is None else policy.logits.grad.tolist()


def test_the_loss_is_minus_the_advantage_of_a_token_on_average():
    loss, gradient = learnt([GOOD, BAD])
    assert loss == pytest.approx(-(2 * 0.5 - 1 * 0.5) / 3)
    # -(0.5 (e1 - p) + 0.5 (e2 - p) - 0.5 (e3 - p)) / 3
    assert gradient == pytest.approx([1 / 24, -3 / 24, -3 / 24, 5 / 24])


def test_prompts_and_padding_teach_nothing_however_answers_are_batched():
    assert learnt([GOOD, BAD], micro_batch=1) == (
        pytest.approx(-1 / 6),
        pytest.approx([1 / 24, -1 / 8, -1 / 8, 5 / 24]),
    )
    tokens, labels = padded([GOOD.text, BAD.text], pad=0)
    assert tokens.tolist() == [[0, 0, 1, 2], [0, 3, 0, 0]]
    assert labels.tolist() == [[NOT_SCORED, NOT_SCORED, 1, 2], [NOT_SCORED, 3, NOT_SCORED, NOT_SCORED]]


def test_a_higher_temperature_flattens_the_gradient():
    loss, gradient = learnt([GOOD, BAD], temperature=2.0)
    assert loss == pytest.approx(-1 / 6)
    assert gradient == pytest.approx([1 / 48, -3 / 48, -3 / 48, 5 / 48])


def test_a_cut_answer_counts_when_it_is_not_masked():
    loss, gradient = learnt([GOOD, BAD, CUT])
    assert loss == pytest.approx(-(2 * 0.5 - 1 * 0.5 - 4 * 0.5) / 7)
    # -(0.5 e1 + 0.5 e2 - 0.5 e3 - 2 e1 + 1.5 p) / 7
    assert gradient == pytest.approx([-0.375 / 7, 1.125 / 7, -0.875 / 7, 0.125 / 7])


def test_a_masked_answer_has_neither_a_gradient_nor_a_share_in_the_mean_over_tokens():
    assert learnt([GOOD, BAD, CUT._replace(scored=False)]) == learnt([GOOD, BAD])
    assert learnt([CUT._replace(scored=False)]) == (0.0, None)


def test_the_kl_term_draws_towards_the_reference():
    # Probabilities 2/5, 1/5, 1/5, 1/5: of token 1 the reference thinks 4/5 of what the policy does.
    reference = FourLogits((log(2), 0.0, 0.0, 0.0))
    loss, gradient = learnt([Example(Answered(PROMPT, [1]), 0.0)], reference, kl_coefficient=0.5)
    assert loss == pytest.approx(0.5 * (0.8 - log(0.8) - 1))
    # Of the reverse KL: 0.5 log(p / reference) (e1 - p)
    assert gradient == pytest.approx([0.5 * log(1.25) * factor for factor in (-0.25, 0.75, -0.25, -0.25)])


def test_a_masked_answer_has_no_kl_term_either():
    cut = Example(Answered(PROMPT, [1]), 0.0, scored=False)
    assert learnt([cut], FourLogits((log(2), 0.0, 0.0, 0.0)), kl_coefficient=0.5) == (0.0, None)
