"""Trainings that are killed, and what the next attempt does."""

import shutil

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.ml

from compute.checkpoints import describe  # noqa: E402
from compute.errors import Cancelled, MissingInput  # noqa: E402
from tests.compute.training import MEASURED, TRAINERS, killed, lines, of_kind, trained, training  # noqa: E402


@pytest.fixture
def config(tmp_path, sums, tiny_policy):
    return lambda trainer="compact", **changes: training(tmp_path, tiny_policy, sums, trainer, **changes)


def resume_folder(config):
    return config.folder.with_name(f".{config.folder.name}.resume")


def done_in(events):
    """Steps that an attempt did itself: those it reports in its log."""
    return [int(line.split()[1]) for line in lines(events) if line.startswith("step ")]


def figures(events):
    """The last word on each step, without what depends on the clock."""
    found = {event["step"]: event["values"] for event in of_kind(events, "metric")}
    return {step: {name: values[name] for name in values if name not in MEASURED} for step, values in found.items()}


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_training_killed_twice_repeats_no_step_and_ends_as_one_that_was_not(config, trainer, tmp_path):
    whole = config(trainer, steps=4, folder=str(tmp_path / "whole"))
    _, uninterrupted = trained(whole)
    chosen = config(trainer, steps=4, save_steps=[1])
    attempts = [killed(chosen, after=2)]
    half_written = resume_folder(chosen) / "checkpoint-3"
    shutil.copytree(resume_folder(chosen) / "checkpoint-2", half_written)
    for path in half_written.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    attempts += [killed(chosen, after=4), trained(chosen)[1]]

    assert describe(chosen.folder).sha256 == describe(whole.folder).sha256
    # An attempt is killed when its last step is kept and half of what it says of it is said.
    assert [done_in(events) for events in attempts] == [[1], [3], []]
    assert figures(attempts[0] + attempts[1]) == figures(uninterrupted)
    assert figures(attempts[2]) == figures(uninterrupted)  # what the killed said may have been lost
    assert [event["checkpoint"] for event in of_kind(attempts[2], "checkpoint")] == ["high-step1", "high"]
    assert not resume_folder(chosen).exists()


def test_a_state_kept_every_third_step_costs_the_steps_after_it_and_changes_nothing(config, tmp_path):
    chosen = config(steps=5, resume_every=3, repairs_per_step=2)
    first = killed(chosen, after=4)
    _, second = trained(chosen)
    assert done_in(second) == [4, 5]
    whole = config(steps=5, folder=str(tmp_path / "whole"), resume_every=0, repairs_per_step=2)
    _, events = trained(whole)
    assert describe(chosen.folder).sha256 == describe(whole.folder).sha256
    assert figures(first + second) == figures(events)


def test_a_cancelled_training_goes_on_when_it_is_started_again(config):
    chosen = config(steps=3)
    answers = iter([False] * 3)
    with pytest.raises(Cancelled):
        trained(chosen, cancelled=lambda: next(answers, True))
    _, events = trained(chosen)
    assert done_in(events) == [2, 3]
    assert "An attempt before this one had done 1 of 3 steps: going on." in lines(events)


def test_what_another_training_kept_is_not_used(config, tmp_path):
    killed(config(steps=1000), after=2)
    chosen = config(steps=1)
    _, events = trained(chosen)
    assert done_in(events) == [1]
    assert any("is of another training: it is not used" in line for line in lines(events))


def test_a_state_that_cannot_be_read_is_named(config):
    chosen = config(steps=1000)
    killed(chosen, after=1)
    state = resume_folder(chosen) / "checkpoint-1" / "state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(MissingInput, match=r"checkpoint-\d+ of the training cannot be read: remove it to begin anew"):
        trained(chosen)


def test_a_training_that_had_ended_is_not_done_again(config):
    chosen = config(steps=2, save_steps=[1])
    _, first = trained(chosen)
    _, second = trained(chosen)
    assert done_in(second) == []
    assert [event | {"sequence": 0} for event in of_kind(second, "checkpoint")] == [
        event | {"sequence": 0} for event in of_kind(first, "checkpoint")
    ]
