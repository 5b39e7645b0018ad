"""What may not be merged, and whether the sentence says exactly what differs."""

import json
from pathlib import Path
from typing import Any

import pytest

from compute.checkpoints import describe
from compute.errors import MergeRefused, MissingInput
from compute.merging.refusals import refuse_mismatch

TOKENIZER: dict[str, Any] = {
    "version": "1.0",
    "padding": None,
    "added_tokens": [{"id": 9, "content": "<end>"}],
    "pre_tokenizer": {"type": "Split"},
    "model": {"type": "BPE", "vocab": {"x": 0, "y": 1, "xy": 2, "yx": 3}, "merges": ["x y", "y x"]},
}


def folder(path: Path, files: dict[str, object], dtype: str = "F32") -> Path:
    """A checkpoint of one tensor with the files given: text as it stands, anything else as JSON."""
    path.mkdir()
    width = {"F32": 4, "I8": 1}.get(dtype, 1)
    header = json.dumps({"w": {"dtype": dtype, "shape": [1], "data_offsets": [0, width]}}).encode()
    (path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * width)
    for name, content in files.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def compare(tmp_path: Path, a: dict[str, object], b: dict[str, object]) -> None:
    refuse_mismatch([describe(folder(tmp_path / name, files)) for name, files in (("A", a), ("B", b))])


def tokenizer(**model: object) -> dict[str, object]:
    return {"tokenizer.json": TOKENIZER | {"model": TOKENIZER["model"] | model}}


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (tokenizer(vocab={"x": 1, "y": 0, "xy": 2, "yx": 3}), '"x" has id 0 in A and 1 in B (and 1 more moved)'),
        (tokenizer(vocab={"x": 0, "y": 1, "xy": 2, "yx": 3, "z": 4}), '"z" with id 4 is only in B'),
        (tokenizer(vocab={"x": 0, "y": 1}), '"xy" with id 2 is only in A (and 1 more)'),
        (tokenizer(merges=["y x", "x y"]), 'merge rule 1 is "x y" in A and "y x" in B'),
        (tokenizer(merges=["x y"]), "A has 2 merge rules and B has 1"),
        (tokenizer(byte_fallback=True), 'model.byte_fallback is "null" in A and "true" in B'),
        (
            {"tokenizer.json": TOKENIZER | {"added_tokens": [{"id": 9, "content": "<stop>"}]}},
            '"<end>" with id 9 is only in A',
        ),
        ({"tokenizer.json": TOKENIZER | {"pre_tokenizer": None}}, "their tokenizers' pre_tokenizer is"),
        ({"vocab.json": {"x": 0, "y": 1, "xy": 5, "yx": 3, "<end>": 9}}, '"xy" has id 2 in A and 5 in B'),
    ],
)
def test_a_different_tokenizer_is_told_by_its_first_difference(
    tmp_path: Path, other: dict[str, object], sentence: str
) -> None:
    with pytest.raises(MergeRefused) as refused:
        compare(tmp_path, tokenizer(), other)
    assert str(refused.value).startswith("A and B cannot be averaged: ")
    assert sentence in str(refused.value)


def test_two_spellings_of_the_same_tokenizer_are_no_difference(tmp_path: Path) -> None:
    respelled = tokenizer(merges=[["x", "y"], ["y", "x"]])
    respelled["tokenizer.json"] = respelled["tokenizer.json"] | {"version": "2.0"}  # type: ignore[operator]
    compare(tmp_path, tokenizer(), respelled)


def test_a_vocabulary_of_scored_pieces_is_read_in_order(tmp_path: Path) -> None:
    one, other = ({"tokenizer.json": {"model": {"vocab": [[word, -1.0], ["b", -2.0]]}}} for word in ("a", "c"))
    with pytest.raises(MergeRefused, match='"a" with id 0 is only in A'):
        compare(tmp_path, one, other)


def test_a_damaged_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match=r"tokenizer in .*B is damaged"):
        compare(tmp_path, tokenizer(), {"tokenizer.json": {"model": None}})


@pytest.mark.parametrize(
    "files",
    [
        {"chat_template.jinja": "{{ one }}\n{{ other }}"},
        {"tokenizer_config.json": {"chat_template": "{{ one }}\n{{ other }}"}},
        {"tokenizer_config.json": {"chat_template": [{"name": "default", "template": "{{ one }}\n{{ other }}"}]}},
        {"chat_template.json": {"chat_template": "{{ one }}\n{{ other }}"}},
        {"chat_template.jinja": "{{ one }}\n{{ other }}", "tokenizer_config.json": {"chat_template": "older"}},
    ],
)
def test_a_different_chat_template_is_told_by_its_first_differing_line(
    tmp_path: Path, files: dict[str, object]
) -> None:
    with pytest.raises(MergeRefused, match=r'chat templates differ: line 2 is "\{\{ two \}\}" in A and "\{\{ other'):
        compare(tmp_path, {"chat_template.jinja": "{{ one }}\n{{ two }}\n"}, files)


def test_a_longer_chat_template_and_one_of_another_name_are_told(tmp_path: Path) -> None:
    with pytest.raises(MergeRefused, match='line 2 is absent in A and "more" in B'):
        compare(tmp_path, {"chat_template.jinja": "one"}, {"chat_template.jinja": "one\nmore"})
    named = "additional_chat_templates/tools.jinja"
    (tmp_path / "2").mkdir()
    with pytest.raises(MergeRefused, match="templates 'tools' differ: line 1 is \"a\" in A"):
        compare(tmp_path / "2", {named: "a"}, {named: "b"})


def test_a_folder_without_a_template_says_nothing(tmp_path: Path) -> None:
    compare(tmp_path, {"chat_template.jinja": "one"}, {})


@pytest.mark.parametrize("method", ["gptq", "awq", "bitsandbytes", "fp8", "compressed-tensors"])
def test_quantised_weights_are_refused_with_a_reason(tmp_path: Path, method: str) -> None:
    quantised = {"config.json": {"quantization_config": {"quant_method": method, "bits": 4}}}
    with pytest.raises(MergeRefused, match=rf"^B is quantised \({method}\): .* merge the unquantised weights"):
        compare(tmp_path, {}, quantised)


def test_weights_that_autogptq_wrote_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MergeRefused, match=r"^A is quantised \(gptq\)"):
        compare(tmp_path, {"quantize_config.json": {"bits": 4}}, {})


@pytest.mark.parametrize("dtype", ["F8_E4M3", "F8_E5M2", "F8_E8M0", "F4"])
def test_narrow_floats_are_refused_by_name(tmp_path: Path, dtype: str) -> None:
    with pytest.raises(MergeRefused, match=rf"^A is quantised \(w is {dtype}\)"):
        refuse_mismatch([describe(folder(tmp_path / "A", {}, dtype))])


def test_one_architecture_with_other_settings_is_refused(tmp_path: Path) -> None:
    tied, untied = ({"config.json": {"tie_word_embeddings": value}} for value in (True, False))
    with pytest.raises(MergeRefused, match="tie_word_embeddings is True in A and False in B"):
        compare(tmp_path, tied, untied)
