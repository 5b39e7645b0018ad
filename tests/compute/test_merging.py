"""Linear merges: arithmetic, files, refusals, full disks."""

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from compute.checkpoints import Manifest, damaged_files, describe, read_tensors, write_checkpoint
from compute.configs import Ingredient, MergeConfig
from compute.errors import Cancelled, ConfigError, MergeRefused, MissingInput, StorageError
from compute.events import CheckpointWritten, Event, Progress

torch = pytest.importorskip("torch")
from compute.merging import merge, pieces  # noqa: E402
from compute.merging.methods import linear, linear_in_place  # noqa: E402

pytestmark = pytest.mark.ml
BASE = "b" * 64
DTYPES = [torch.float32, torch.bfloat16, torch.float16]


def tensors(seed: int, dtype: "torch.dtype" = torch.float32) -> dict[str, "torch.Tensor"]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"embed": (300, 7), "layers.0.weight": (7, 7), "norm": (7,), "empty": (0, 3), "scale": ()}
    drawn = {name: torch.randn(shape, generator=generator).to(dtype) for name, shape in shapes.items()}
    return drawn | {"position_ids": torch.arange(5)}


def checkpoint(
    folder: Path, content: dict[str, "torch.Tensor"], *, base: str | None = BASE, vocabulary: str = "x"
) -> Path:
    """A checkpoint with a config, a tokenizer and a manifest that names its initialisation."""
    source = folder.with_name(f"{folder.name}-files")
    source.mkdir(parents=True)
    (source / "config.json").write_text(json.dumps({"model_type": "tiny", "num_attention_heads": 2}))
    (source / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {vocabulary: 0}}}))
    manifest = Manifest(reference=folder.name, origin="trained", base_sha256=base)
    return write_checkpoint(folder, content, manifest, files_from=source).path


def config(tmp_path: Path, *terms: tuple[str, float], folder: str = "merged") -> MergeConfig:
    ingredients = tuple(Ingredient(reference=name, folder=tmp_path / name, weight=weight) for name, weight in terms)
    return MergeConfig(reference="merged", folder=tmp_path / folder, ingredients=ingredients)


def run(merge_config: MergeConfig, events: list[Event] | None = None) -> dict[str, object]:
    return merge.run(merge_config, (events if events is not None else []).append, lambda: False)


def shard(folder: Path, parts: list[list[str]]) -> None:
    """Spread a checkpoint's tensors over several files with an index, as transformers does."""
    from safetensors.torch import save_file

    content = read_tensors(folder)
    (folder / "model.safetensors").unlink()
    (folder / "manifest.json").unlink()
    weight_map = {}
    for number, names in enumerate(parts):
        file = f"model-{number + 1:05d}-of-{len(parts):05d}.safetensors"
        save_file({name: content[name] for name in names}, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(names, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


@pytest.mark.parametrize("alpha", [-0.5, 0.25, 1.12, 2.0])
def test_float32_merge_equals_numpy_rounding_each_product_and_sum_once(alpha: float) -> None:
    low, high = torch.randn(1000), torch.randn(1000)
    expected = np.float32(1 - alpha) * low.numpy() + np.float32(alpha) * high.numpy()
    np.testing.assert_array_equal(linear([low, high], [1 - alpha, alpha]).numpy(), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_float32_and_cast_once(dtype: "torch.dtype") -> None:
    low, high = torch.randn(1000).to(dtype), torch.randn(1000).to(dtype)
    expected = (low.float() * -0.25 + high.float() * 1.25).to(dtype)
    assert torch.equal(linear([low, high], [-0.25, 1.25]), expected)


def test_a_merge_is_bit_identical_to_stacking_weighting_and_summing() -> None:
    sources = [torch.randn(997) for _ in range(2)]
    weights = torch.tensor([-0.5, 1.5])
    assert torch.equal(linear(sources, [-0.5, 1.5]), (torch.stack(sources) * weights[:, None]).sum(dim=0))


def test_a_term_of_weight_zero_is_not_read_not_even_its_infinities() -> None:
    low, high = torch.tensor([1.0, -0.0, torch.nan]), torch.full((3,), torch.inf)
    merged = linear([low, high], [1.0, 0.0])
    assert merged.numpy().tobytes() == low.numpy().tobytes()


def test_linear_leaves_its_inputs_alone_and_may_write_into_one_of_them() -> None:
    low, high = torch.ones(4), torch.full((4,), 3.0)
    assert torch.equal(linear([low, high], [0.5, 0.5]), torch.full((4,), 2.0))
    assert torch.equal(low, torch.ones(4))
    linear([low, high], [0.5, 0.5], out=high)
    assert torch.equal(high, torch.full((4,), 2.0))


def test_large_and_transposed_tensors_are_summed_like_small_ones() -> None:
    low, high = torch.randn(700, 400), torch.randn(400, 700).t()
    expected = low * -0.5 + high * 1.5
    assert torch.equal(linear([low, high], [-0.5, 1.5]), expected)
    assert torch.equal(linear([low, high.contiguous()], [-0.5, 1.5]), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("weights", "end"), [((1.0, 0.0), 0), ((0.0, 1.0), 1)])
def test_setting_weights_in_place_gives_the_ends_bit_for_bit(
    dtype: "torch.dtype", weights: tuple[float, float], end: int
) -> None:
    sources = [tensors(1, dtype), tensors(2, dtype)]
    model = {name: torch.zeros_like(tensor) for name, tensor in sources[0].items()}
    model["tied"] = torch.ones(1)
    linear_in_place(model, sources, (-0.5, 1.5))
    linear_in_place(model, sources, weights)
    assert all(torch.equal(model[name], tensor) for name, tensor in sources[end].items())
    assert model["tied"] == 1


def test_a_tied_tensor_that_only_some_store_twice_is_set_once() -> None:
    shared = torch.zeros(2)
    one, other = torch.ones(2), torch.full((2,), 3.0)
    linear_in_place({"embed": shared, "head": shared}, [{"embed": one, "head": one}, {"embed": other}], (0.5, 0.5))
    assert torch.equal(shared, torch.full((2,), 2.0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_written_merge_equals_the_sum_tensor_by_tensor(tmp_path: Path, dtype: "torch.dtype") -> None:
    a, b = tensors(1, dtype), tensors(2, dtype)
    checkpoint(tmp_path / "a", a)
    checkpoint(tmp_path / "b", b)
    run(config(tmp_path, ("a", -0.25), ("b", 1.25)))
    merged = read_tensors(tmp_path / "merged")
    assert merged.keys() == a.keys()
    for name, tensor in merged.items():
        expected = linear([a[name], b[name]], [-0.25, 1.25]) if tensor.is_floating_point() else a[name]
        assert tensor.dtype == a[name].dtype
        assert torch.equal(tensor, expected)


def test_tensors_longer_than_a_piece_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 64)
    a, b = tensors(1), tensors(2)
    checkpoint(tmp_path / "a", a)
    checkpoint(tmp_path / "b", b)
    run(config(tmp_path, ("a", 0.5), ("b", 0.5)))
    assert torch.equal(read_tensors(tmp_path / "merged")["embed"], linear([a["embed"], b["embed"]], [0.5, 0.5]))
    assert damaged_files(tmp_path / "merged") == []


@pytest.mark.parametrize(("weights", "end"), [((1.0, 0.0), "a"), ((0.0, 1.0), "b")])
def test_weight_one_gives_weight_files_identical_to_the_ingredient(
    tmp_path: Path, weights: tuple[float, float], end: str
) -> None:
    checkpoint(tmp_path / "a", tensors(1))
    checkpoint(tmp_path / "b", tensors(2))
    run(config(tmp_path, ("a", weights[0]), ("b", weights[1])))
    merged, source = tmp_path / "merged" / "model.safetensors", tmp_path / end / "model.safetensors"
    assert merged.read_bytes() == source.read_bytes()
    assert describe(tmp_path / "merged").sha256 == describe(tmp_path / end).sha256


def test_the_result_is_sharded_like_its_source_whatever_the_other_ingredient_does(tmp_path: Path) -> None:
    a, b = tensors(1), tensors(2)
    checkpoint(tmp_path / "a", a)
    checkpoint(tmp_path / "b", b)
    shard(tmp_path / "a", [["embed", "scale"], ["layers.0.weight", "norm", "empty", "position_ids"]])
    run(config(tmp_path, ("a", 0.5), ("b", 0.5)))
    files = [sorted(p.name for p in (tmp_path / f).glob("*.safetensors")) for f in ("a", "merged")]
    assert files[0] == files[1]
    assert len(files[0]) == 2
    headers = [[file.header for file in describe(tmp_path / f).files] for f in ("a", "merged")]
    assert headers[0] == headers[1]
    assert torch.equal(read_tensors(tmp_path / "merged")["norm"], linear([a["norm"], b["norm"]], [0.5, 0.5]))


def test_config_and_tokenizer_come_along_and_the_manifest_names_the_ingredients(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a", tensors(1))
    checkpoint(tmp_path / "b", tensors(2))
    run(config(tmp_path, ("a", -1.0), ("b", 2.0)))
    merged = describe(tmp_path / "merged")
    assert (merged.path / "config.json").read_bytes() == (tmp_path / "a" / "config.json").read_bytes()
    assert merged.manifest is not None
    assert merged.tokenizer_sha256 == describe(tmp_path / "a").tokenizer_sha256 == merged.manifest.tokenizer_sha256
    assert [(i.reference, i.weight) for i in merged.manifest.ingredients] == [("a", -1.0), ("b", 2.0)]
    assert [i.sha256 for i in merged.manifest.ingredients] == [describe(tmp_path / n).sha256 for n in "ab"]
    assert merged.base_sha256 == BASE


def test_a_merge_announces_the_checkpoint_after_its_progress(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a", tensors(1))
    checkpoint(tmp_path / "b", tensors(2))
    events: list[Event] = []
    summary = run(config(tmp_path, ("a", 0.5), ("b", 0.5)), events)
    *progress, written = events
    assert all(isinstance(event, Progress) for event in progress)
    last = progress[-1]
    assert isinstance(last, Progress)
    assert last.done == last.total
    assert isinstance(written, CheckpointWritten)
    assert written.sha256 == describe(tmp_path / "merged").sha256 == summary["sha256"]
    assert written.folder == str(tmp_path / "merged")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t | {"extra": torch.ones(1)}, "names differ, extra only in b"),
        (lambda t: {n: v for n, v in t.items() if n != "norm"}, "names differ, norm only in a"),
        (lambda t: t | {"norm": torch.ones(8)}, "norm is 7 in a and 8 in b"),
        (lambda t: t | {"embed": torch.ones(7, 300)}, "embed is 300 x 7 in a and 7 x 300 in b"),
        (lambda t: t | {"norm": t["norm"].half()}, "norm is F32 in a and F16 in b"),
        (
            lambda t: t | {"position_ids": torch.arange(5) + 1},
            "position_ids differs between the ingredients and its type",
        ),
    ],
)
def test_different_tensors_are_refused_by_name(tmp_path: Path, change: object, sentence: str) -> None:
    checkpoint(tmp_path / "a", tensors(1))
    checkpoint(tmp_path / "b", change(tensors(2)))  # type: ignore[operator]
    with pytest.raises(MergeRefused, match=sentence):
        run(config(tmp_path, ("a", 0.5), ("b", 0.5)))
    assert not (tmp_path / "merged").exists()


def test_different_tokenizers_are_refused(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a", tensors(1))
    checkpoint(tmp_path / "b", tensors(2), vocabulary="y")
    with pytest.raises(MergeRefused, match='a and b cannot be averaged: the token "x" with id 0 is only in a'):
        run(config(tmp_path, ("a", 0.5), ("b", 0.5)))


def test_different_initialisations_are_refused(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a", tensors(1))
    checkpoint(tmp_path / "b", tensors(2), base="c" * 64)
    with pytest.raises(MergeRefused, match=r"their initialisations differ \(bbbbbbbbbbbb for a, cccccccccccc for b\)"):
        run(config(tmp_path, ("a", 0.5), ("b", 0.5)))


def test_a_checkpoint_that_does_not_name_its_initialisation_may_be_averaged(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a", tensors(1))
    checkpoint(tmp_path / "b", tensors(2), base=None)
    run(config(tmp_path, ("a", 0.5), ("b", 0.5)))
    assert describe(tmp_path / "merged").base_sha256 == BASE


def test_equal_shapes_with_other_meaning_are_refused(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a", tensors(1))
    checkpoint(tmp_path / "b", tensors(2))
    (tmp_path / "b" / "config.json").write_text(json.dumps({"model_type": "tiny", "num_attention_heads": 7}))
    with pytest.raises(MergeRefused, match="num_attention_heads is 2 in a and 7 in b"):
        run(config(tmp_path, ("a", 0.5), ("b", 0.5)))


def test_weights_that_do_not_sum_to_one_are_refused(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a", tensors(1))
    checkpoint(tmp_path / "b", tensors(2))
    with pytest.raises(MergeRefused, match=r"sum to 1\.1"):
        run(config(tmp_path, ("a", 0.5), ("b", 0.6)))


def test_an_ingredient_that_is_not_what_it_was_is_refused(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a", tensors(1))
    whole = describe(tmp_path / "a").sha256
    for sha256 in (whole, "0" * 64):
        part = Ingredient(reference="a", folder=tmp_path / "a", weight=1, sha256=sha256)
        wanted = MergeConfig(reference="m", folder=tmp_path / sha256, ingredients=(part,))
        if sha256 == whole:
            run(wanted)
            continue
        with pytest.raises(MissingInput, match="is not what it was"):
            run(wanted)


def test_an_absent_ingredient_is_missing_input(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a", tensors(1))
    with pytest.raises(MissingInput, match="is not there"):
        run(config(tmp_path, ("a", 0.5), ("b", 0.5)))


def test_a_merge_never_overwrites_its_own_ingredient(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a", tensors(1))
    checkpoint(tmp_path / "b", tensors(2))
    with pytest.raises(ConfigError, match="own ingredient"):
        run(config(tmp_path, ("a", 0.5), ("b", 0.5), folder="a"))


def test_a_cancelled_merge_leaves_nothing_behind(tmp_path: Path) -> None:
    checkpoint(tmp_path / "a", tensors(1))
    checkpoint(tmp_path / "b", tensors(2))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(Cancelled):
        merge.run(config(tmp_path, ("a", 0.5), ("b", 0.5)), lambda event: None, lambda: True)
    assert sorted(tmp_path.iterdir()) == before


def test_a_full_disk_is_a_storage_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """In a private mount of 2 MB, which needs root or user namespaces."""
    checkpoint(tmp_path / "a", {"x": torch.zeros(1_000_000)})
    checkpoint(tmp_path / "b", {"x": torch.ones(1_000_000)})
    (tmp_path / "disk").mkdir()
    script = textwrap.dedent(
        """
        import subprocess, sys
        from pathlib import Path
        root = Path(sys.argv[1])
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", root / "disk"]).returncode:
            sys.exit(77)
        from compute.configs import Ingredient, MergeConfig
        from compute.errors import StorageError
        from compute.merging.merge import run
        parts = tuple(Ingredient(reference=n, folder=root / n, weight=0.5) for n in "ab")
        try:
            run(MergeConfig(reference="m", folder=root / "disk" / "m", ingredients=parts), print, lambda: False)
        except StorageError as error:
            print(error, len(list((root / "disk").iterdir())))
        """
    )
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c", script, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    if result.returncode and ("unshare" in result.stderr or result.returncode == 77):
        pytest.skip("this machine gives no private mounts")
    assert result.stdout.strip().endswith("the disk is full. 0"), result.stderr


def test_a_file_that_may_not_grow_is_a_storage_error(tmp_path: Path) -> None:
    import resource

    checkpoint(tmp_path / "a", {"x": torch.zeros(10_000)})
    checkpoint(tmp_path / "b", {"x": torch.ones(10_000)})
    before = sorted(tmp_path.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StorageError, match="cannot be written"):
            run(config(tmp_path, ("a", 0.5), ("b", 0.5)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(tmp_path.iterdir()) == before
