"""Trainings of an adapter instead of all weights."""

import pytest

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")
pytestmark = pytest.mark.ml

from compute.checkpoints import describe, read_tensors  # noqa: E402
from compute.errors import ConfigError  # noqa: E402
from compute.merging.adapters import open_adapter  # noqa: E402
from compute.rollout.policy import load_policy  # noqa: E402
from tests.compute.training import TRAINERS, killed, metrics, trained, training  # noqa: E402


@pytest.fixture
def config(tmp_path, sums, tiny_policy):
    def build(trainer="compact", **changes):
        lora = {"rank": 2, "alpha": 4} | changes.pop("lora", {})
        return training(tmp_path, tiny_policy, sums, trainer, lora=lora, group=24, **changes)

    return build


@pytest.mark.parametrize("trainer", TRAINERS)
def test_an_adapter_is_trained_resumed_merged_and_kept(config, trainer, tiny_policy, tmp_path):
    chosen = config(trainer)
    killed(chosen, after=1)
    _, events = trained(chosen)
    assert metrics(events)[0]["gradient_norm"] > 0

    start, end = read_tensors(tiny_policy), read_tensors(chosen.folder)
    adapter = open_adapter(chosen.folder / "adapter", "the adapter")
    assert start.keys() == end.keys()
    assert {name for name in start if not torch.equal(start[name], end[name])} == adapter.factors.keys()
    merged, _ = load_policy(chosen.folder)
    by_peft = peft.PeftModel.from_pretrained(load_policy(tiny_policy)[0], chosen.folder / "adapter")
    tokens = torch.arange(8)[None]
    assert torch.allclose(merged(tokens).logits, by_peft(tokens).logits, atol=1e-5)

    whole = config(trainer, folder=str(tmp_path / "whole"))
    trained(whole)
    assert describe(whole.folder).sha256 == describe(chosen.folder).sha256


def test_an_adapter_that_could_not_be_merged_is_refused_before_the_first_step(config):
    with pytest.raises(ConfigError, match=r"lora: The adapter changes .*, but the initialisation ties"):
        trained(config(lora={"targets": ["embed_tokens"]}))
    with pytest.raises(ConfigError, match=r"lora: Target modules .* not found in the base model"):
        trained(config(lora={"targets": ["nothing"]}))
