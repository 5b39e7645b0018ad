"""Both trainers on a policy of a few hundred parameters, with the real judge: they learn, save, agree and stop."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.ml

from compute.checkpoints import describe, read_tensors  # noqa: E402
from compute.errors import Cancelled, ConfigError, MissingInput, StorageError  # noqa: E402
from compute.training.course import prompt_order, warm_up  # noqa: E402
from tests.compute.training import TRAINERS, metrics, of_kind, trained, training  # noqa: E402


@pytest.fixture
def config(tmp_path, sums, tiny_policy):
    return lambda trainer, **changes: training(tmp_path, tiny_policy, sums, trainer, **changes)


@pytest.fixture(scope="module", params=TRAINERS)
def finished(request, tmp_path_factory, sums, tiny_policy):
    """A training of three steps with an early checkpoint, and its events."""
    config = training(tmp_path_factory.mktemp("finished"), tiny_policy, sums, request.param, steps=3, save_steps=[1])
    return config, trained(config)[1]


@pytest.mark.parametrize("trainer", TRAINERS)
def test_the_policy_learns_what_the_reward_pays_for(config, trainer):
    _, events = trained(config(trainer, steps=16, group=24))
    rewards = [values["reward"] for values in metrics(events)]
    assert sum(rewards[-5:]) / 5 > sum(rewards[:5]) / 5 + 0.3


def test_every_step_sends_its_figures_and_its_progress(finished):
    _, events = finished
    assert [(e["run"], e["step"]) for e in of_kind(events, "metric")] == [("high", 1), ("high", 2), ("high", 3)]
    assert [(e["done"], e["total"], e["unit"]) for e in of_kind(events, "progress")] == [
        (1, 3, "steps"),
        (2, 3, "steps"),
        (3, 3, "steps"),
    ]
    for values in metrics(events):
        shares = [values[name] for name in ("solved_rate", "too_slow_rate", "wrong_rate", "no_answer_rate")]
        assert sum(shares) == pytest.approx(1)
        assert values["solved_rate"] == values["reward"]
        assert values["infrastructure_count"] == 0
        assert 1 <= values["mean_tokens"] <= 5
        assert 0 <= values["cut_rate"] <= 1
        assert min(values[f"{what}_seconds"] for what in ("sampling", "judging", "learning")) > 0
    assert metrics(events)[0]["gradient_norm"] > 0
    assert [values["learning_rate"] for values in metrics(events)] == [0.01, 0.02, 0.02]


def test_early_and_final_checkpoints_are_complete_folders(finished, tiny_policy):
    config, events = finished
    written = {e["checkpoint"]: e for e in of_kind(events, "checkpoint")}
    assert [(name, e["step"], e["run"], e["parent"]) for name, e in written.items()] == [
        ("high-step1", 1, "high", "start"),
        ("high", 3, "high", "start"),
    ]
    for event in written.values():
        folder = describe(Path(event["folder"]))
        assert folder.sha256 == event["sha256"]
        assert folder.tensors.keys() == describe(tiny_policy).tensors.keys()
        assert folder.base_sha256 == describe(tiny_policy).sha256
    assert Path(written["high"]["folder"]) == config.folder


def test_both_trainers_take_the_same_steps(config):
    """Same prompts, random numbers, rewards, loss and schedule, so the same weights up to rounding."""
    found = {}
    for trainer in TRAINERS:
        chosen = config(trainer)
        found[trainer] = metrics(trained(chosen)[1]), read_tensors(chosen.folder)
    for values, others in zip(found["trl"][0], found["compact"][0], strict=True):
        assert values["gradient_norm"] > 0
        for name in ("reward", "mean_tokens", "loss", "gradient_norm", "learning_rate"):
            assert values[name] == pytest.approx(others[name], abs=1e-5)
    for name, tensor in found["trl"][1].items():
        assert torch.allclose(tensor, found["compact"][1][name], atol=1e-4)


def test_both_trainers_agree_with_a_kl_term_scaled_rewards_and_cut_answers_masked(config):
    changes = {"kl_coefficient": 0.5, "scale_rewards": True, "mask_truncated": True}
    first, second = (metrics(trained(config(trainer, **changes))[1]) for trainer in TRAINERS)
    assert all(0 < values["cut_rate"] < 1 for values in first)
    for name in ("loss", "gradient_norm"):
        assert [values[name] for values in first] == pytest.approx([values[name] for values in second], rel=1e-3)


def test_two_processes_under_accelerate_take_the_steps_of_one(config, tmp_path):
    alone = config("trl", prompts_per_step=2, repairs_per_step=2, group=24, folder=str(tmp_path / "alone"))
    expected = metrics(trained(alone)[1])
    shared = config("trl", prompts_per_step=2, repairs_per_step=2, group=24)
    (tmp_path / "config.json").write_text(shared.model_dump_json())
    launcher = "accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1 --mixed_precision no"
    command = [sys.executable, "-m", *launcher.split(), "--dynamo_backend", "no", "-m", "compute", "train"]
    done = subprocess.run(
        [*command, str(tmp_path / "config.json")],
        capture_output=True,
        text=True,
        timeout=180,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["sequence"] for event in events] == list(range(len(events)))
    for values, others in zip(metrics(events), expected, strict=True):
        assert values["gradient_norm"] > 0
        for name in ("reward", "repair_reward", "mean_tokens", "cut_rate", "loss", "gradient_norm", "learning_rate"):
            assert values[name] == pytest.approx(others[name], abs=1e-5)
    weights = read_tensors(alone.folder)
    for name, tensor in read_tensors(shared.folder).items():
        assert torch.allclose(tensor, weights[name], atol=1e-4)


def test_the_compact_loop_is_refused_under_a_launcher_of_several(config, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="the compact loop runs in one process"):
        trained(config("compact"))


def test_a_step_that_processes_cannot_share_is_refused(config):
    from compute.training.trl_trainer import share

    assert share(config("trl", prompts_per_step=6, group=4), 3) == 8
    with pytest.raises(ConfigError, match="prompts_per_step: 6 cannot be shared by 4 processes"):
        share(config("trl", prompts_per_step=6), 4)


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_training_is_cancelled_between_two_steps(config, trainer):
    steps = iter([False] * 3)
    with pytest.raises(Cancelled):
        trained(config(trainer, steps=1000), cancelled=lambda: next(steps, True))


def test_a_changed_training_is_refused_before_its_first_step_where_another_is_finished(config):
    chosen = config("compact", save_steps=[1])
    trained(chosen)
    before = describe(chosen.folder).sha256
    with pytest.raises(StorageError, match=r"There is a finished checkpoint at .*: choose another folder"):
        trained(config("compact", steps=1000), cancelled=lambda: pytest.fail("it began"))
    assert describe(chosen.folder).sha256 == before


def test_a_lost_training_that_had_written_its_early_checkpoint_runs_again(config):
    chosen = config("compact", save_steps=[1])
    trained(chosen)
    shutil.rmtree(chosen.folder)
    trained(chosen)
    assert describe(chosen.folder).manifest.notes["step"] == 2


def test_a_training_without_its_initialisation_names_the_folder(config):
    with pytest.raises(MissingInput, match="nowhere"):
        trained(config("compact", initialisation="/nowhere"))


def test_a_training_from_a_checkpoint_that_is_cut_short_names_the_file(config, tmp_path, tiny_policy):
    folder = shutil.copytree(tiny_policy, tmp_path / "cut")
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(2000)
    with pytest.raises(MissingInput, match="cut short"):
        trained(config("compact", initialisation=str(folder)))


def test_a_training_on_no_problems_is_refused(config, tmp_path, sums):
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(ConfigError, match="no problems"):
        trained(config("compact", problems=sums | {"path": str(tmp_path / "empty.jsonl")}))


def test_the_order_of_prompts_depends_on_the_seed_alone_and_passes_over_all_problems():
    order = prompt_order(problems=7, steps=5, prompts_per_step=3, seed=1)
    assert order == prompt_order(7, 5, 3, 1) != prompt_order(7, 5, 3, 2)
    flat = [place for step in order for place in step]
    assert sorted(flat[:7]) == sorted(flat[7:14]) == list(range(7))
    assert prompt_order(7, 2, 3, 1) == order[:2]


def test_the_learning_rate_rises_from_the_first_step():
    factor = warm_up(5)
    assert [factor(step) for step in (0, 3, 4, 400)] == [0.2, 0.8, 1, 1]
    assert warm_up(0)(0) == 1


def test_vllm_is_asked_for_beside_the_policy_or_at_a_server(config, tiny_policy):
    from types import SimpleNamespace

    from compute.training.trl_trainer import arguments

    place = SimpleNamespace(path="/nowhere")
    found = [
        arguments(SimpleNamespace(config=config("trl", sampler="vllm", vllm_server=server), resume=place))
        for server in (None, "http://gpu-7:8000/")
    ]
    assert [(one.use_vllm, one.vllm_mode, one.vllm_server_base_url) for one in found] == [
        (True, "colocate", None),
        (True, "server", "http://gpu-7:8000"),
    ]
