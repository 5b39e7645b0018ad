"""The shipped base: its manifest, its tokenizer, and the loop that makes it."""

import io
import random
from dataclasses import asdict
from pathlib import Path

import pytest

from compute.checkpoints import damaged_files, describe
from compute.configs import PretrainConfig, read_config, request_sha256
from compute.errors import Cancelled
from compute.events import CheckpointWritten, EventWriter, Metric, parse_event
from compute.miniature.corpus import Corpus, Mixture
from compute.miniature.lessons import Shares
from compute.miniature.study import BASE_FOLDER, PLAN, SMALL_BASE_FOLDER

REBUILD = {BASE_FOLDER: "pretrain.json", SMALL_BASE_FOLDER: "pretrain_small.json"}
each_scale = pytest.mark.parametrize("base", REBUILD, ids=lambda base: base.name)


@each_scale
def test_the_manifest_describes_the_files(base: Path) -> None:
    folder = describe(base)
    assert folder.manifest is not None
    assert folder.manifest.origin == "base"
    assert damaged_files(base) == []
    present = {path.name for path in base.iterdir()} - {"manifest.json"}
    assert set(folder.manifest.files) == present
    assert folder.manifest.sha256 == folder.sha256


def test_the_bases_are_small_enough_to_ship_and_of_two_scales() -> None:
    sizes = [sum(path.stat().st_size for path in base.iterdir()) for base in REBUILD]
    assert sizes[1] * 2 < sizes[0] < 4 << 20


@each_scale
def test_the_manifest_was_made_by_the_documented_command_and_the_present_mixture(base: Path) -> None:
    manifest = describe(base).manifest
    config = read_config(base.parent / REBUILD[base], "pretrain")
    assert manifest is not None
    assert isinstance(config, PretrainConfig)
    assert manifest.notes["training"] == config.model_dump(mode="json", exclude={"folder"})
    assert manifest.request_sha256 == request_sha256(config)
    assert manifest.notes["mixture"] == asdict(Mixture())
    assert manifest.notes["lessons"] == asdict(Shares())


@pytest.mark.ml
def test_any_loader_finds_the_tokenizer_and_its_chat_template() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(BASE_FOLDER)
    statement, program = Corpus().draw(random.Random(0))
    messages = [{"role": "user", "content": statement}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert prompt == statement + "```python\n"
    assert tokenizer.eos_token == "```"
    numbers = tokenizer(prompt + program + "```", add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(numbers) == prompt + program + "```"
    assert tokenizer.unk_token_id not in numbers


@pytest.mark.ml
def test_every_answer_of_the_corpus_fits_the_token_limit() -> None:
    from transformers import AutoTokenizer

    tokenizer, rng = AutoTokenizer.from_pretrained(BASE_FOLDER), random.Random(1)
    programs = [Corpus().draw(rng)[1] for _ in range(500)]
    assert max(len(tokenizer(program)["input_ids"]) for program in programs) < PLAN.max_tokens
    assert tokenizer.unk_token_id not in {number for one in programs for number in tokenizer(one)["input_ids"]}


@pytest.mark.ml
def test_the_base_answers_an_easy_problem() -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from compute.miniature.execution import run_program

    tokenizer = AutoTokenizer.from_pretrained(BASE_FOLDER)
    model = AutoModelForCausalLM.from_pretrained(BASE_FOLDER)
    prompt = tokenizer(
        "Read n, then n values.\nKeep only even values.\nPrint the sum.\n```python\n", return_tensors="pt"
    )
    with torch.no_grad():
        tokens = model.generate(**prompt, do_sample=False, max_new_tokens=80)[0, prompt["input_ids"].shape[1] :]
    program = tokenizer.decode(tokens).removesuffix("```")
    assert run_program(program, "4\n1 2 3 4\n", cpu_seconds=1).output == "6\n"


def pretrain(folder: Path, steps: int = 4) -> list[object]:
    from compute.training.sft import run

    stream = io.StringIO()
    run(PretrainConfig(folder=folder, steps=steps, batch=4), EventWriter(stream), lambda: False)
    return [parse_event(line) for line in stream.getvalue().splitlines()]


@pytest.mark.ml
def test_pre_training_repeats_itself_and_reports(tmp_path: Path) -> None:
    events = pretrain(tmp_path / "one")
    pretrain(tmp_path / "two")
    assert describe(tmp_path / "one").sha256 == describe(tmp_path / "two").sha256
    assert describe(tmp_path / "one").tokenizer_sha256 == describe(tmp_path / "two").tokenizer_sha256
    metrics = [event for event in events if isinstance(event, Metric)]
    assert metrics[-1].step == 4
    assert events[-1] == CheckpointWritten(
        sequence=len(events) - 1,
        checkpoint="base",
        origin="base",
        folder=str(tmp_path / "one"),
        sha256=describe(tmp_path / "one").sha256,
        size_bytes=describe(tmp_path / "one").size_bytes,
        run="base",
        step=4,
    )


@pytest.mark.ml
def test_pre_training_can_be_cancelled(tmp_path: Path) -> None:
    from compute.training.sft import run

    with pytest.raises(Cancelled):
        run(PretrainConfig(folder=tmp_path / "base", steps=4, batch=4), EventWriter(io.StringIO()), lambda: True)
    assert not (tmp_path / "base").exists()
