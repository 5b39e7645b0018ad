"""A job that does not fit a device is refused before anything is loaded, with the arithmetic."""

import json

import pytest

from compute.configs import EvaluateConfig, TrainConfig
from compute.devices import Device, processor
from compute.errors import DoesNotFit
from compute.fitting import misfit, need_of, refuse_misfit
from compute.memory_plan import KNOWN
from compute.miniature.study import BASE_FOLDER

GB = 10**9
PARAMETERS = 32_763_876_352  # of Qwen 2.5 32B


@pytest.fixture
def folder(tmp_path):
    """A checkpoint folder of 32 billion parameters, as far as its config says."""
    (tmp_path / "config.json").write_text(json.dumps(KNOWN["qwen2.5-32b"] | {"dtype": "bfloat16"}))
    return tmp_path


def training(folder, sums, **values):
    given = {"reference": "run", "initialisation_reference": "base", "folder": "/none", "coverage": 1.0}
    return TrainConfig(**given, initialisation=folder, problems=sums, **values)


def evaluation(folder, sums, **values):
    ingredient = {"reference": "c", "folder": folder, "weight": 1}
    point = {"evaluation": "e", "checkpoint": "c", "ingredients": [ingredient]}
    return EvaluateConfig(points=[point], problems=sums, **values)


def test_a_training_counts_weights_gradients_moments_and_activations(folder, sums):
    need = need_of(training(folder, sums, dtype="bfloat16", max_tokens=160))
    sizes = {part.words: part.size_bytes for part in need.parts}
    assert sizes["weights"] == sizes["gradients"] == 2 * PARAMETERS
    assert sizes["the float32 copy and Adam's two moments"] == 12 * PARAMETERS
    inside = 160 * (4 * 5120 + 3 * 27648) * 2
    assert sizes["activations of one answer of 160 tokens"] == 64 * 160 * 5120 * 2 + inside + 2 * 160 * 152064 * 4
    with_reference = need_of(training(folder, sums, dtype="bfloat16", kl_coefficient=0.1))
    assert with_reference.size_bytes - need.size_bytes == 2 * PARAMETERS
    assert need_of(training(folder, sums)).parts[0].size_bytes == 4 * PARAMETERS


def test_an_adapter_is_all_that_a_lora_training_learns(folder, sums):
    need = need_of(training(folder, sums, dtype="bfloat16", lora={"rank": 16}))
    sizes = {part.words: part.size_bytes for part in need.parts}
    a_layer = 16 * (2 * (5120 + 5120) + 2 * (5120 + 1024) + 3 * (5120 + 27648))
    assert sizes["weights"] == 2 * PARAMETERS
    assert sizes["an adapter of rank 16"] == sizes["gradients"] == 2 * 64 * a_layer
    assert sizes["the float32 copy and Adam's two moments"] == 12 * 64 * a_layer
    assert adapter(folder, sums, targets=["q_proj", "v_proj"]) == 2 * 64 * 16 * (2 * 5120 + 5120 + 1024)
    assert adapter(folder, sums, targets=["layers.0.self_attn.q_proj"]) == 0  # not known to be more


def adapter(folder, sums, **lora):
    need = need_of(training(folder, sums, dtype="bfloat16", lora={"rank": 16, **lora}))
    return next(part.size_bytes for part in need.parts if part.words == "an adapter of rank 16")


def test_trl_compares_an_adapter_with_its_own_base_and_the_compact_loop_with_a_copy(folder, sums):
    def parts(trainer, **changes):
        need = need_of(training(folder, sums, dtype="bfloat16", kl_coefficient=0.1, trainer=trainer, **changes))
        return [part.words for part in need.parts]

    copy = "the initialisation for the KL term"
    assert copy not in parts("trl", lora={})
    assert copy in parts("compact", lora={})
    assert copy in parts("trl")


def test_an_evaluation_counts_weights_as_they_are_stored_and_the_cache_of_an_answer(folder, sums):
    need = need_of(evaluation(folder, sums, sampling={"max_tokens": 1000}))
    assert [part.size_bytes for part in need.parts] == [2 * PARAMETERS, 1000 * 2 * 64 * 8 * 128 * 2]
    assert need_of(evaluation(folder, sums, engine="vllm", vllm={"dtype": "float32"})).size_bytes > 4 * PARAMETERS
    assert need_of(evaluation(folder, sums, engine="scripted")) is None


def test_thirty_two_billion_do_not_fit_this_machine_and_the_miniature_does(folder, sums):
    assert misfit(training(BASE_FOLDER, sums), [processor()]) is None
    assert misfit(evaluation(BASE_FOLDER, sums), [processor()]) is None
    assert misfit(training(folder, sums), [Device("CPU", 24 << 30, accelerator=False)]) == (
        "Training 32.76 billion parameters in float32 needs at least 524.6 GB: weights 131.1 GB, gradients 131.1 GB, "
        "Adam's two moments 262.1 GB, activations of one answer of 160 tokens 0.3 GB. That is more than the 23.2 GB "
        "that can be used of CPU of 25.8 GB."
    )


def test_tensor_parallel_devices_are_added_up_and_the_others_are_not(folder, sums):
    two = [Device("NVIDIA A100", 40 * GB), Device("NVIDIA A100", 40 * GB)]
    assert "36.0 GB that can be used of NVIDIA A100 of 40.0 GB" in misfit(evaluation(folder, sums), two)
    split = evaluation(folder, sums, engine="vllm", vllm={"tensor_parallel": 2})
    assert misfit(split, two) is None
    assert "of 2 × NVIDIA A100 of 30.0 GB" in misfit(split, [Device("NVIDIA A100", 30 * GB)] * 2)


def test_what_cannot_be_counted_is_not_refused(tmp_path, sums):
    assert misfit(training(tmp_path / "planned", sums), [Device("CPU", GB)]) is None
    (tmp_path / "config.json").write_text(json.dumps(KNOWN["qwen2.5-7b"] | {"model_type": "mixtral"}))
    assert misfit(training(tmp_path, sums), [Device("CPU", GB)]) is None
    assert misfit(training(BASE_FOLDER, sums), []) is None


def test_a_child_knows_over_how_many_devices_its_training_is_sharded(monkeypatch, folder, sums):
    monkeypatch.setenv("FRONTIER_DEVICES", "NVIDIA H100=80")
    monkeypatch.setenv("WORLD_SIZE", "16")
    with pytest.raises(DoesNotFit, match=r"72\.0 GB that can be used of NVIDIA H100 of 80\.0 GB"):
        refuse_misfit(training(folder, sums))  # a whole copy on each
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    refuse_misfit(training(folder, sums))
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(DoesNotFit, match=r"288\.0 GB that can be used of 4 × NVIDIA H100"):
        refuse_misfit(training(folder, sums))
    monkeypatch.setenv("FSDP_OFFLOAD_PARAMS", "true")
    refuse_misfit(training(folder, sums))


def test_the_child_refuses_before_it_loads_anything(compute_job, folder, sums):
    status, events = compute_job("train", training(folder, sums).model_dump(mode="json"))
    assert status == DoesNotFit.exit_status
    assert [event["type"] for event in events] == ["started", "failed"]
    assert events[-1]["error_kind"] == "does_not_fit"
    assert events[-1]["message"].startswith("Training 32.76 billion parameters in float32 needs at least 524.6 GB")
