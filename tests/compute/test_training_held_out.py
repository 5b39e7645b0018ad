"""Measurements during a training, and its early end."""

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.ml

from compute.checkpoints import describe  # noqa: E402
from compute.configs import HeldOut  # noqa: E402
from compute.errors import ConfigError  # noqa: E402
from compute.training.held_out import SOLVE_RATE, even_share, has_stalled, held_out_problems  # noqa: E402
from compute.usage import SPENT  # noqa: E402
from tests.compute.training import TRAINERS, killed, lines, metrics, of_kind, trained, training  # noqa: E402

NAMES = (SOLVE_RATE, "held_out_too_slow_rate", "held_out_wrong_rate", "held_out_no_answer_rate")


@pytest.fixture
def config(tmp_path, sums, tiny_policy):
    def build(trainer="compact", held_out=None, **changes):
        chosen = None if held_out is None else {"problems": sums, "samples": 3, **held_out}
        return training(tmp_path, tiny_policy, sums, trainer, held_out=chosen, **changes)

    return build


@pytest.mark.parametrize("trainer", TRAINERS)
def test_held_out_problems_are_measured_every_so_many_steps_and_change_nothing(config, trainer, tmp_path):
    chosen = config(trainer, {"every": 2, "most": 2}, steps=3, coverage=0.2)
    before = SPENT.sums()
    _, events = trained(chosen)
    after = SPENT.sums()
    learning = sum(values["learning_seconds"] for values in metrics(events))
    assert after.learning - before.learning == pytest.approx(learning)  # none of it is measuring
    measured = [values for values in metrics(events) if SOLVE_RATE in values]
    assert [SOLVE_RATE in values for values in metrics(events)] == [False, True, True]
    for values in measured:
        assert sum(values[name] for name in NAMES) == pytest.approx(1)
        assert all(values[name] * 6 == pytest.approx(round(values[name] * 6)) for name in NAMES)
    plain = config(trainer, steps=3, coverage=0.2, folder=str(tmp_path / "plain"))
    trained(plain)
    measuring = 2 * after.tokens - before.tokens - SPENT.sums().tokens
    assert 12 <= measuring <= 12 * chosen.max_tokens  # twice 3 answers to 2 problems
    assert describe(plain.folder).sha256 == describe(chosen.folder).sha256


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_training_whose_rate_does_not_rise_ends_early_also_when_it_was_killed_there(config, trainer):
    # Nothing is learnt, and the random numbers of every measurement are the same.
    chosen = config(trainer, {"every": 1, "patience": 1}, steps=50, learning_rate=1e-12)
    killed(chosen, after=2)
    summary, events = trained(chosen)
    assert summary["steps"] == 2
    assert [(event["checkpoint"], event["step"]) for event in of_kind(events, "checkpoint")] == [("high", 2)]
    assert "Stopped after step 2: the held-out solve rate rises no more." in lines(events)
    assert len(metrics(events)) == 2
    assert trained(chosen)[0]["steps"] == 2  # once more, after its end


def test_the_problems_measured_are_spread_over_the_set(sums):
    chosen = [held_out_problems(HeldOut(problems=sums, most=most)) for most in (1, 2, 3, 9, None)]
    assert [[int(one.slug[-1]) for one in problems] for problems in chosen] == [
        [0],
        [0, 1],
        [0, 1, 2],
        [0, 1, 2],
        [0, 1, 2],
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_processes_ask_for_equally_many_problems_and_leave_none_out(count):
    for problems in (list("ab"), list("abc"), list("abcdefg")):
        shares = [even_share(problems, rank, count) for rank in range(count)]
        assert len({len(one) for one in shares}) == 1
        own = [problems[rank::count] for rank in range(count)]
        assert [one[: len(mine)] for one, mine in zip(shares, own, strict=True)] == own


def test_patience_waits_for_a_rate_above_the_best_before():
    assert not has_stalled([0.5], 1)
    assert has_stalled([0.5, 0.5], 1)
    assert not has_stalled([0.5, 0.4, 0.6], 2)
    assert has_stalled([0.1, 0.5, None, 0.4, 0.5], 2)
    assert not has_stalled([0.1, 0.5, 0.4], 2)


def test_tests_in_another_folder_are_refused(config, sums):
    with pytest.raises(ConfigError, match="held_out: its tests must lie in the same folder"):
        config(held_out={"problems": sums | {"blobs": "/elsewhere"}})
