"""What a machine can run, and what a model would need."""

import json
import sys

import pytest

from compute.commands.doctor import main
from compute.errors import ConfigError, MissingInput
from compute.memory_plan import KNOWN, Shape, plan, read_shape


def test_the_doctor_says_of_each_part_whether_it_works_and_why_not(capsys, monkeypatch):
    monkeypatch.setenv("FRONTIER_VLLM_PYTHON", "/nowhere/python")
    assert main(["--json"]) == 0
    found = {one["subject"]: one for one in json.loads(capsys.readouterr().out)}
    assert {"transformers engine", "GPU", "vllm engine", "openai engine", "judge", "memory", "disk"} <= found.keys()
    assert found["vllm engine"]["works"] is False
    assert "FRONTIER_VLLM_PYTHON names /nowhere/python" in found["vllm engine"]["detail"]
    assert all(one["detail"] for one in found.values())


def test_an_interpreter_without_vllm_is_told(capsys, monkeypatch):
    monkeypatch.setenv("FRONTIER_VLLM_PYTHON", sys.executable)
    assert main([]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("vllm engine")]
    assert line.split()[2] == "no"
    assert line.endswith(f"{sys.executable} has no vllm")


@pytest.mark.parametrize(("name", "parameters"), [("qwen2.5-7b", 7_615_616_512), ("qwen2.5-32b", 32_763_876_352)])
def test_parameters_are_counted_exactly(name, parameters):
    assert read_shape(name).parameters == parameters


@pytest.mark.ml
def test_parameters_are_those_of_the_model_that_transformers_builds():
    from transformers import AutoConfig, AutoModelForCausalLM

    for kind, more in (("llama", {"tie_word_embeddings": True}), ("qwen2", {}), ("qwen3", {"head_dim": 16})):
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
        sizes |= {"intermediate_size": 48, "vocab_size": 100, "tie_word_embeddings": False} | more
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **sizes))
        expected = sum(parameter.numel() for parameter in model.parameters())
        assert Shape.model_validate(sizes | {"model_type": kind}).parameters == expected


def test_seven_billion_serve_on_one_device_and_train_on_three():
    found = plan(read_shape("qwen2.5-7b"), 80 * 10**9, 8192)
    assert found.weights_bytes == 2 * 7_615_616_512
    assert found.cache_bytes_a_context == 8192 * 2 * 28 * 4 * 128 * 2
    assert found.serving_devices == 1
    assert found.answers_at_once == (72 * 10**9 - (3 << 30) - found.weights_bytes) // found.cache_bytes_a_context
    assert found.weights_bytes + found.optimiser_bytes == 16 * found.parameters
    assert found.training_devices == 3


def test_thirty_two_billion_need_a_second_device_for_long_contexts_and_eleven_to_train():
    shape = read_shape("qwen2.5-32b")
    short, long = (plan(shape, 80 * 10**9, tokens) for tokens in (8192, 32_768))
    assert (short.serving_devices, short.training_devices) == (1, 11)
    assert (long.serving_devices, long.training_devices) == (2, 0)  # logits of one sequence fill most of a device


def test_the_plan_is_printed_with_its_arithmetic(capsys):
    assert main(["--plan", "qwen2.5-7b"]) == 0
    assert "7.62 billion" in capsys.readouterr().out


def test_what_cannot_be_planned_is_said_in_one_sentence(tmp_path):
    with pytest.raises(MissingInput, match=r"no model config at .*; known by name are qwen2\.5-7b"):
        read_shape(str(tmp_path / "absent.json"))
    mixture = KNOWN["qwen2.5-7b"] | {"model_type": "mixtral", "num_experts": 8}
    (tmp_path / "config.json").write_text(json.dumps(mixture))
    with pytest.raises(ConfigError, match=r"not planned for \(mixtral\)"):
        read_shape(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ConfigError, match=r"The key 'hidden_size' is missing"):
        read_shape(str(tmp_path))
    with pytest.raises(ConfigError, match=r"A device of 2 GB holds no model"):
        plan(read_shape("qwen2.5-7b"), 2 * 10**9, 8192)


def test_a_device_far_too_small_needs_more_of_them_than_the_model_has_heads():
    found = plan(read_shape("qwen2.5-32b"), 4 * 10**9, 8192)
    assert found.serving_devices * (4 * 10**9 * 0.9 - (3 << 30)) >= found.weights_bytes
    assert found.training_devices == 0
