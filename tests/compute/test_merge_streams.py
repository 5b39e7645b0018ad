"""Every method on checkpoints: streamed in pieces as on whole tensors, by part, with tied weights and adapters."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from merging import adapter, checkpoint, config, run, tensors  # noqa: E402

from compute.checkpoints import describe, read_tensors  # noqa: E402
from compute.errors import ConfigError, MergeRefused, MissingInput  # noqa: E402
from compute.events import CheckpointWritten, Event  # noqa: E402
from compute.merging import methods, pieces  # noqa: E402

pytestmark = pytest.mark.ml
DTYPES = [torch.float32, torch.bfloat16, torch.float16]
METHODS: list[tuple[str, dict[str, Any], tuple[float, float]]] = [
    ("linear", {}, (-0.01, 1.01)),
    ("soup", {}, (1.0, 1.0)),
    ("slerp", {}, (0.7, 0.3)),
    ("task_arithmetic", {"base": "base"}, (0.4, -1.3)),
    ("ties", {"base": "base", "density": 0.3, "scale": 1.5}, (1.0, 2.0)),
    ("dare", {"base": "base", "density": 0.3, "seed": 7}, (0.4, 0.8)),
]


def expected(method: str, name: str, start: Any, a: Any, b: Any, weights: tuple[float, float]) -> Any:
    """A whole tensor at once."""
    deltas = [methods.delta(one, start) for one in (a, b)]
    if method == "soup":
        return methods.soup([a, b])
    if method == "slerp":
        return methods.slerp(a, b, weights[1])
    if method == "task_arithmetic":
        return methods.task_arithmetic(start, deltas, weights)
    if method == "ties":
        return methods.ties(start, deltas, weights, [methods.trim_threshold(one, 0.3) for one in deltas], 1.5)
    if method == "dare":
        keys = [methods.mask_key(7, place, name) for place in (0, 1)]
        flat = methods.dare(start.flatten(), [one.flatten() for one in deltas], weights, 0.3, keys)
        return flat.view(start.shape)
    return methods.linear([a, b], weights)


@pytest.mark.parametrize(("method", "more", "weights"), METHODS, ids=[one[0] for one in METHODS])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_streamed_merge_equals_the_method_on_whole_tensors(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dtype: Any,
    method: str,
    more: dict[str, Any],
    weights: tuple[float, float],
) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 40)  # a piece ends within a row, and not where a mask's block does
    start, a, b = (tensors(seed, dtype) for seed in range(3))
    for name, content in (("base", start), ("a", a), ("b", b)):
        checkpoint(tmp_path / name, content)
    run(config(tmp_path, method, ("a", weights[0]), ("b", weights[1]), **more))
    merged = read_tensors(tmp_path / "merged")
    assert merged.keys() == a.keys()
    for name, tensor in merged.items():
        whole = expected(method, name, start[name], a[name], b[name], weights) if name[-3:] != "ids" else a[name]
        assert tensor.dtype == a[name].dtype
        assert torch.equal(tensor, whole), name


def test_a_merge_from_the_base_ends_bit_for_bit_in_the_ingredient_and_in_the_base(tmp_path: Path) -> None:
    for seed, name in enumerate(("base", "a", "b")):
        checkpoint(tmp_path / name, tensors(seed))
    for weights, end in (((1.0, 0.0), "a"), ((0.0, 1.0), "b"), ((0.0, 0.0), "base")):
        terms = (("a", weights[0]), ("b", weights[1]))
        run(config(tmp_path, "task_arithmetic", *terms, base="base", folder=tmp_path / f"to-{end}"))
        assert describe(tmp_path / f"to-{end}").sha256 == describe(tmp_path / end).sha256


@pytest.mark.parametrize(
    ("method", "more", "terms"),
    [
        ("soup", {}, {"a": 0.5, "b": 0.5}),
        ("task_arithmetic", {"base": "base"}, {"a": 1.0, "b": 1.0, "base": -1.0}),
        ("slerp", {}, {}),
        ("linear", {"parts": [{"pattern": "*", "weights": [0, 1]}]}, {}),
    ],
)
def test_a_merge_announces_its_terms_where_it_is_one_sum(
    tmp_path: Path, method: str, more: dict[str, Any], terms: dict[str, float]
) -> None:
    for seed, name in enumerate(("base", "a", "b")):
        checkpoint(tmp_path / name, tensors(seed))
    events: list[Event] = []
    weight = 1.0 if method in ("soup", "task_arithmetic") else 0.5
    run(config(tmp_path, method, ("a", weight), ("b", weight), **more), events)
    assert isinstance(events[-1], CheckpointWritten)
    assert {one.checkpoint: one.weight for one in events[-1].ingredients} == terms
    assert events[-1].grown_from == (() if terms else ("a", "b"))


def test_the_manifest_says_how_the_merge_was_made(tmp_path: Path) -> None:
    for seed, name in enumerate(("base", "a")):
        checkpoint(tmp_path / name, tensors(seed))
    part = {"pattern": "model.norm.*", "weights": [0.5]}
    run(config(tmp_path, "ties", ("a", 1.0), base="base", density=0.2, parts=[part]))
    manifest = describe(tmp_path / "merged").manifest
    assert manifest is not None
    assert manifest.notes == {
        "method": "ties",
        "arithmetic": "float32, cast once",
        "density": 0.2,
        "parts": [part],
        "base": {"reference": "base", "sha256": describe(tmp_path / "base").sha256},
    }


def test_the_last_matching_pattern_gives_a_tensor_its_weights(tmp_path: Path) -> None:
    a, b = tensors(1), tensors(2)
    checkpoint(tmp_path / "a", a)
    checkpoint(tmp_path / "b", b)
    parts = [("model.layers.*", [0.5, 0.5]), ("model.layers.1.*", [-1, 2]), ("model.norm.weight", [1, 0])]
    given = [{"pattern": pattern, "weights": weights} for pattern, weights in parts]
    run(config(tmp_path, "linear", ("a", 0.75), ("b", 0.25), parts=given))
    merged = read_tensors(tmp_path / "merged")
    weights = {
        "embed_tokens": (0.75, 0.25),
        "0.mlp": (0.5, 0.5),
        "1.mlp": (-1, 2),
        "10.mlp": (0.5, 0.5),
        "norm": (1, 0),
    }
    for part, pair in weights.items():
        name = next(name for name in merged if name.removesuffix(".weight").endswith(f".{part}"))
        assert torch.equal(merged[name], methods.linear([a[name], b[name]], pair)), name


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (
            {"pattern": "model.layer.0.*", "weights": [1, 0]},
            r"'model\.layer\.0\.\*' matches no tensor\. .*layers\.0\.mlp",
        ),
        ({"pattern": "*norm*", "weights": [1, 1]}, r"The weights for \*norm\* sum to 2"),
    ],
)
def test_a_part_that_cannot_be_meant_is_refused(tmp_path: Path, part: dict[str, Any], sentence: str) -> None:
    checkpoint(tmp_path / "a", tensors(1))
    checkpoint(tmp_path / "b", tensors(2))
    with pytest.raises(MergeRefused, match=sentence):
        run(config(tmp_path, "linear", ("a", 0.5), ("b", 0.5), parts=[part]))


TIED = {"tie_word_embeddings": True}


def test_a_tied_output_stored_once_or_twice_is_the_same_tensor(tmp_path: Path) -> None:
    """In both orders; the second copy gets the same random choices as the first."""
    start, a, b = (tensors(seed) for seed in range(3))
    twice = a | {"lm_head.weight": a["model.embed_tokens.weight"].clone()}
    for name, content in (("base", start), ("a", twice), ("b", b)):
        checkpoint(tmp_path / name, content, config=TIED)
    for first, second in (("a", "b"), ("b", "a")):
        out = tmp_path / f"from-{first}"
        run(config(tmp_path, "dare", (first, 0.5), (second, 0.5), base="base", density=0.5, folder=out))
        merged = read_tensors(out)
        assert ("lm_head.weight" in merged) == (first == "a")
        if first == "a":
            assert torch.equal(merged["lm_head.weight"], merged["model.embed_tokens.weight"])
        assert not torch.equal(merged["model.embed_tokens.weight"], start["model.embed_tokens.weight"])


def test_a_tied_output_stored_with_other_numbers_is_refused(tmp_path: Path) -> None:
    a = tensors(1)
    checkpoint(tmp_path / "a", a | {"lm_head.weight": a["model.embed_tokens.weight"] + 1}, config=TIED)
    checkpoint(tmp_path / "b", tensors(2), config=TIED)
    with pytest.raises(MergeRefused, match=r"a ties lm_head\.weight to model\.embed_tokens\.weight in its config, but"):
        run(config(tmp_path, "linear", ("a", 0.5), ("b", 0.5)))


def test_a_pattern_for_the_tied_copy_names_the_tensor_to_use(tmp_path: Path) -> None:
    for seed, name in enumerate("ab"):
        checkpoint(tmp_path / name, tensors(seed), config=TIED)
    part = {"pattern": "lm_head.*", "weights": [1, 0]}
    with pytest.raises(MergeRefused, match=r"lm_head\.weight, which is tied to model\.embed_tokens\.weight: name that"):
        run(config(tmp_path, "linear", ("a", 0.5), ("b", 0.5), parts=[part]))


def factors(seed: int, rows: int = 8, columns: int = 8, rank: int = 2) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rank, columns, generator=generator), torch.randn(rows, rank, generator=generator)


@pytest.mark.parametrize("weight", [1.0, -1.0, 0.5])
@pytest.mark.parametrize(
    ("settings", "scaling"),
    [({}, 2.0), ({"use_rslora": True}, 4 / 2**0.5), ({"alpha_pattern": {"layers.0.mlp": 1}}, 0.5)],
    ids=["plain", "rank-stabilised", "by pattern"],
)
def test_an_adapter_is_added_or_subtracted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weight: float, settings: dict[str, Any], scaling: float
) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 40)
    start = tensors(0)
    checkpoint(tmp_path / "base", start)
    a, b = factors(1)
    stored = {"model.layers.0.mlp.lora_A.weight": a, "model.layers.0.mlp.lora_B.weight": b}
    adapter(tmp_path / "lora", stored, **settings)
    run(config(tmp_path, "task_arithmetic", ("lora", weight), base="base"))
    merged = read_tensors(tmp_path / "merged")
    name = "model.layers.0.mlp.weight"
    product = weight * scaling * (b.double().numpy() @ a.double().numpy())
    np.testing.assert_allclose(merged[name].numpy(), start[name].numpy() + product, rtol=1e-5, atol=1e-5)
    assert all(torch.equal(merged[other], start[other]) for other in start if other != name)


def test_adapters_of_embeddings_and_of_transposed_layers_are_turned(tmp_path: Path) -> None:
    start = tensors(0) | {"h.weight": torch.zeros(4, 6)}
    checkpoint(tmp_path / "base", start)
    (a, b), (c, d) = factors(1, rows=8, columns=30), factors(2, rows=6, columns=4)
    adapter(tmp_path / "words", {"model.embed_tokens.lora_embedding_A": a, "model.embed_tokens.lora_embedding_B": b})
    adapter(tmp_path / "turned", {"h.lora_A.weight": c, "h.lora_B.weight": d}, fan_in_fan_out=True)
    run(config(tmp_path, "task_arithmetic", ("words", 1.0), ("turned", 1.0), base="base"))
    merged = read_tensors(tmp_path / "merged")
    words = start["model.embed_tokens.weight"] + 2 * (b @ a).T
    torch.testing.assert_close(merged["model.embed_tokens.weight"], words)
    torch.testing.assert_close(merged["h.weight"], 2 * (d @ c).T)


def test_an_adapter_beside_a_checkpoint_takes_part_in_ties(tmp_path: Path) -> None:
    start, other = tensors(0), tensors(1)
    a, b = factors(1)
    checkpoint(tmp_path / "base", start)
    checkpoint(tmp_path / "whole", other)
    adapter(tmp_path / "lora", {"model.layers.0.mlp.lora_A.weight": a, "model.layers.0.mlp.lora_B.weight": b})
    run(config(tmp_path, "ties", ("whole", 1.0), ("lora", 1.0), base="base", density=0.5))
    name = "model.layers.0.mlp.weight"
    deltas = [methods.delta(other[name], start[name]), 2 * (b @ a)]
    thresholds = [methods.trim_threshold(one, 0.5) for one in deltas]
    expected = methods.ties(start[name], deltas, [1.0, 1.0], thresholds)
    torch.testing.assert_close(read_tensors(tmp_path / "merged")[name], expected)


GOOD = {"model.norm.lora_A.weight": torch.ones(2, 8), "model.norm.lora_B.weight": torch.ones(8, 2)}


@pytest.mark.parametrize(
    ("stored", "settings", "sentence"),
    [
        (GOOD, {"use_dora": True}, "lora has use_dora true"),
        (GOOD, {"modules_to_save": ["lm_head"]}, r'lora has modules_to_save \["lm_head"\]'),
        (GOOD, {"bias": "all"}, "trained biases"),
        (GOOD, {"peft_type": "IA3"}, "type IA3; only LORA"),
        (GOOD, {"init_lora_weights": "pissa_niter_4"}, "began from pissa_niter_4, which changed the base"),
        (GOOD | {"model.norm.bias": torch.ones(8)}, {}, "holds base_model.model.model.norm.bias, which is no low-rank"),
        ({"x.lora_A.weight": torch.ones(2, 8)}, {}, "no pair of matrices for x"),
        (GOOD, {}, "changes model.norm.weight as 8 x 8, but it is 8 in base"),
        (
            {"x.lora_A.weight": torch.ones(2, 8), "x.lora_B.weight": torch.ones(8, 2)},
            {},
            r"changes x\.weight, which base does not have",
        ),
    ],
)
def test_an_adapter_that_is_more_than_low_rank_or_of_another_base_is_refused(
    tmp_path: Path, stored: dict[str, Any], settings: dict[str, Any], sentence: str
) -> None:
    checkpoint(tmp_path / "base", tensors(0))
    adapter(tmp_path / "lora", stored, **settings)
    with pytest.raises(MergeRefused, match=sentence):
        run(config(tmp_path, "task_arithmetic", ("lora", 1.0), base="base"))


def test_an_adapter_of_a_tied_embedding_is_refused(tmp_path: Path) -> None:
    checkpoint(tmp_path / "base", tensors(0), config=TIED)
    a, b = factors(1, rows=30, columns=8)
    adapter(tmp_path / "lora", {"lm_head.lora_A.weight": a, "lm_head.lora_B.weight": b})
    with pytest.raises(MergeRefused, match=r"base ties lm_head\.weight to .*: a merge would change both"):
        run(config(tmp_path, "task_arithmetic", ("lora", 1.0), base="base"))


def test_an_adapter_cannot_be_averaged_nor_change_unseen(tmp_path: Path) -> None:
    checkpoint(tmp_path / "base", tensors(0))
    adapter(tmp_path / "lora", {"model.layers.0.mlp.lora_A.weight": torch.ones(2, 8)})
    with pytest.raises(MergeRefused, match="lora is an adapter, a difference from its base"):
        run(config(tmp_path, "linear", ("lora", 0.5), ("base", 0.5)))
    (tmp_path / "lora" / "adapter_model.safetensors").rename(tmp_path / "lora" / "adapter_model.bin")
    with pytest.raises(MissingInput, match=r"in adapter_model\.bin; save it as adapter_model\.safetensors"):
        run(config(tmp_path, "task_arithmetic", ("lora", 1.0), base="base"))


def test_ingredients_of_another_start_than_the_base_are_refused(tmp_path: Path) -> None:
    checkpoint(tmp_path / "base", tensors(0), base=None)
    checkpoint(tmp_path / "a", tensors(1))
    with pytest.raises(MergeRefused, match="a was trained from bbbbbbbbbbbb, but base is"):
        run(config(tmp_path, "task_arithmetic", ("a", 1.0), base="base"))


@pytest.mark.parametrize(
    ("method", "weights", "more", "sentence"),
    [
        ("ties", (1, 1), {"density": 0.5}, "base is needed for the method ties"),
        ("linear", (1, 0), {"base": "base"}, "base is of no use for the method linear"),
        ("dare", (1, 1), {"base": "base"}, "density is needed for the method dare"),
        ("linear", (1, 0), {"density": 0.5}, "density is of no use for the method linear"),
        ("linear", (1, 0), {"scale": 2}, "scale is of no use for the method linear"),
        ("soup", (1, 2), {}, "ingredients of a soup have equal weights"),
        ("slerp", (1,), {}, "ingredients of slerp are two"),
        ("ties", (1, -1), {"base": "base", "density": 0.5}, "from 0 on; scale extrapolates"),
        ("linear", (1, 0), {"parts": [{"pattern": "*", "weights": [1]}]}, "one weight an ingredient, 2 each"),
        ("geodesic", (1, 0), {}, "method: Input should be"),
    ],
)
def test_a_request_that_does_not_suit_its_method_is_refused(
    tmp_path: Path, method: str, weights: tuple[float, ...], more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        config(tmp_path, method, *zip("ab", weights, strict=False), **more)
