"""Checkpoint folders: reading what others wrote, writing atomically, saying what is wrong."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from compute.checkpoints import (
    Manifest,
    damaged_files,
    describe,
    folder_being_written,
    read_header,
    read_tensors,
    refuse_changed,
    tokenizer_sha256,
    weights_sha256,
    write_checkpoint,
)
from compute.errors import MissingInput, StorageError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.ml
TRAINED = Manifest(reference="a", origin="trained", base_sha256="b" * 64, request_sha256="d" * 64)


def tensors() -> dict[str, "torch.Tensor"]:
    generator = torch.Generator().manual_seed(0)
    return {
        "embed": torch.randn(6, 4, generator=generator),
        "norm": torch.randn(4, generator=generator).to(torch.bfloat16),
        "steps": torch.tensor(7),
    }


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """A disk that refuses: the kernel lets no file of this process grow beyond `size_bytes`."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_is_written_reads_back_bit_for_bit(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "a", tensors(), TRAINED)
    again = read_tensors(tmp_path / "a")
    assert again.keys() == tensors().keys()
    assert all(torch.equal(again[name], tensor) for name, tensor in tensors().items())


def test_description_tells_names_shapes_types_and_identity_without_reading_tensors(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "a", tensors(), TRAINED)
    assert folder.tensors["embed"].shape == (6, 4)
    assert folder.tensors["norm"].dtype == "BF16"
    assert folder.tensors["steps"].shape == ()
    assert folder.dtype == "BF16 F32 I64"
    assert folder.manifest is not None
    assert folder.sha256 == folder.manifest.sha256
    assert folder.size_bytes == (tmp_path / "a" / "model.safetensors").stat().st_size


def test_the_manifest_records_every_file_and_a_changed_byte_is_found(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "a", tensors(), TRAINED).path
    assert damaged_files(folder) == []
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert damaged_files(folder) == ["model.safetensors"]


def test_identity_depends_on_the_weights_alone(tmp_path: Path) -> None:
    first = write_checkpoint(tmp_path / "a", tensors(), TRAINED)
    second = write_checkpoint(tmp_path / "b", tensors(), Manifest(reference="other", origin="base"))
    other = write_checkpoint(tmp_path / "c", tensors() | {"steps": torch.tensor(8)}, TRAINED)
    assert first.sha256 == second.sha256 != other.sha256


def test_a_folder_from_elsewhere_needs_no_manifest(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "a", tensors(), TRAINED)
    (folder.path / "manifest.json").unlink()
    assert describe(folder.path).sha256 == folder.sha256
    assert describe(folder.path).base_sha256 is None


def test_a_base_is_its_own_initialisation(tmp_path: Path) -> None:
    base = write_checkpoint(tmp_path / "a", tensors(), Manifest(reference="base", origin="base"))
    assert base.base_sha256 == base.sha256
    assert write_checkpoint(tmp_path / "b", tensors(), TRAINED).base_sha256 == "b" * 64


def test_the_hash_of_shards_does_not_depend_on_their_order() -> None:
    assert weights_sha256({"a": "1", "b": "2"}) == weights_sha256({"b": "2", "a": "1"})
    assert weights_sha256({"a": "1", "b": "2"}) != weights_sha256({"a": "2", "b": "1"})


def test_padding_switched_on_by_a_training_library_is_no_other_tokenizer(tmp_path: Path) -> None:
    for name, extra in (("a", {}), ("b", {"padding": {"length": 8}, "truncation": {"max_length": 9}}), ("c", {"x": 1})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"x": 0}}} | extra))
    (tmp_path / "b" / "vocab.json").write_text("{}")
    assert tokenizer_sha256(tmp_path / "a") == tokenizer_sha256(tmp_path / "b")
    assert tokenizer_sha256(tmp_path / "a") != tokenizer_sha256(tmp_path / "c")
    assert tokenizer_sha256(tmp_path) is None


def test_an_absent_folder_is_missing_input(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="is not there"):
        describe(tmp_path / "nowhere")


def test_a_folder_without_weights_is_missing_input(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="no safetensors weights"):
        describe(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"not a tensor file at all", b"\x05\0\0\0\0\0\0\0[1,2]"])
def test_a_file_that_is_not_safetensors_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(MissingInput, match=r"model\.safetensors"):
        describe(tmp_path)


def test_a_file_that_is_cut_short_is_named(tmp_path: Path) -> None:
    weights = write_checkpoint(tmp_path / "a", tensors(), TRAINED).path / "model.safetensors"
    os.truncate(weights, weights.stat().st_size - 4)
    with pytest.raises(MissingInput, match="cut short"):
        read_header(weights)


def test_an_index_may_not_name_files_outside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {"x": "../secret.safetensors"}}')
    with pytest.raises(MissingInput, match="outside"):
        describe(tmp_path)


def test_an_absent_shard_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {"x": "part-1.safetensors"}}')
    with pytest.raises(MissingInput, match=r"part-1\.safetensors is not there"):
        describe(tmp_path)


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "a", tensors(), TRAINED).path
    (folder / "manifest.json").write_text("{")
    with pytest.raises(MissingInput, match=r"manifest\.json is not JSON"):
        describe(folder)


def test_an_error_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    def write_half() -> None:
        with folder_being_written(tmp_path / "a", TRAINED) as writing:
            (writing.path / "half.safetensors").write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_is_a_storage_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    large = {"x": torch.zeros(100_000)}
    with pytest.raises(StorageError, match="cannot be written"), largest_file(1000):
        write_checkpoint(tmp_path / "a", large, TRAINED)
    assert list(tmp_path.iterdir()) == []


def test_a_second_attempt_replaces_what_the_first_wrote(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "a", tensors(), TRAINED)
    write_checkpoint(tmp_path / "a", {"x": torch.ones(2)}, TRAINED)
    assert describe(tmp_path / "a").tensors.keys() == {"x"}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("request_sha256", ["e" * 64, None])
def test_a_finished_checkpoint_of_another_request_is_left_alone(tmp_path: Path, request_sha256: str | None) -> None:
    first = write_checkpoint(tmp_path / "a", tensors(), TRAINED)
    other = TRAINED.model_copy(update={"request_sha256": request_sha256})
    with pytest.raises(StorageError, match=r"^There is a finished checkpoint at .*a already: choose another folder\.$"):
        write_checkpoint(tmp_path / "a", {"x": torch.ones(2)}, other)
    assert describe(tmp_path / "a").sha256 == first.sha256


def test_a_checkpoint_that_does_not_name_its_request_is_left_alone(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "a", tensors(), TRAINED.model_copy(update={"request_sha256": None}))
    with pytest.raises(StorageError, match="finished checkpoint"):
        write_checkpoint(tmp_path / "a", tensors(), TRAINED)


def test_weights_that_were_replaced_are_not_what_they_were(tmp_path: Path) -> None:
    first = write_checkpoint(tmp_path / "a", tensors(), TRAINED)
    refuse_changed(first, first.sha256)
    refuse_changed(first, None)
    second = write_checkpoint(tmp_path / "a", tensors() | {"steps": torch.tensor(8)}, TRAINED)
    with pytest.raises(MissingInput, match="is not what it was"):
        refuse_changed(second, first.sha256)


def test_a_weights_file_of_another_size_is_not_what_it_was(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "a", tensors(), TRAINED)
    other = write_checkpoint(tmp_path / "b", {"x": torch.ones(2)}, TRAINED)
    (folder.path / "model.safetensors").write_bytes((other.path / "model.safetensors").read_bytes())
    with pytest.raises(MissingInput, match="is not what it was"):
        refuse_changed(describe(folder.path), folder.sha256)


def test_a_folder_that_is_no_checkpoint_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(StorageError, match="left alone"):
        write_checkpoint(tmp_path / "thesis", tensors(), TRAINED)
    assert (tmp_path / "thesis" / "chapter.txt").exists()


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    dead = tmp_path / ".a.999999999.writing"
    alive = tmp_path / f".a.{os.getppid()}.writing"
    dead.mkdir()
    alive.mkdir()
    write_checkpoint(tmp_path / "a", tensors(), TRAINED)
    assert not dead.exists()
    assert alive.exists()
