"""A checkpoint is a folder: safetensors files, config and tokenizer as transformers writes them, and `manifest.json`.

Reading needs only the files' headers until a tensor or a hash is asked for; folders without a manifest (from elsewhere)
read just as well. Writing is atomic: everything goes to a hidden neighbour that is renamed at the end, so a folder is
complete or absent, also after a kill or on a full disk. A writer that says which files it has finished can be continued
after a kill.

Limits: nothing is synced to the device, so a power failure can lose a folder that was just renamed; the manifest's
hashes tell (`damaged_files`). torch is imported only by what returns or saves tensors.
"""

import glob
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from compute.configs import one_sentence
from compute.errors import DISK_FULL, MissingInput, StorageError

if TYPE_CHECKING:
    from torch import Tensor

MANIFEST = "manifest.json"
JOURNAL = ".finished.json"
SINGLE_FILE = "model.safetensors"
INDEX = "model.safetensors.index.json"
MAX_HEADER_BYTES = 100 << 20
READ_BYTES = 4 << 20
# What decides which text a token number stands for. Settings beside them (chat template, padding) do not.
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "vocab.txt")
# Names of the output and input embeddings where they are tied, in the libraries that people use.
OUTPUTS = ("lm_head.weight", "output.weight", "embed_out.weight")
INPUTS = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight")
ELEMENT_BYTES = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
    "F8_E4M3": 1, "F8_E5M2": 1, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip


class Stored(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class FileRecord(Stored):
    sha256: str
    size_bytes: int


class IngredientRecord(Stored):
    """One term of a weighted sum; `sha256` is that of the ingredient's weights."""

    reference: str
    sha256: str
    weight: float


class Manifest(Stored):
    """What a folder says about itself. `sha256`, `dtype`, `tokenizer_sha256` and `files` are filled in when written.

    `base_sha256` is the weights' hash of the shared initialisation; `notes` holds facts of the maker's choice.
    `request_sha256` identifies the job's config (`compute.configs.request_sha256`), so that only the same job writes
    here again.
    """

    reference: str
    origin: Literal["base", "trained", "merged"]
    sha256: str = ""
    dtype: str = ""
    base_sha256: str | None = None
    tokenizer_sha256: str | None = None
    request_sha256: str | None = None
    ingredients: tuple[IngredientRecord, ...] = ()
    files: dict[str, FileRecord] = {}
    notes: dict[str, Any] = {}


class TensorPlace(NamedTuple):
    """Where a tensor lies: `start` and `stop` are byte offsets in `file`; `dtype` is safetensors' code (F32, BF16)."""

    file: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class WeightsFile:
    """One safetensors file: `header` is everything before the tensors' bytes, verbatim."""

    path: Path
    header: bytes
    tensors: dict[str, TensorPlace]
    size_bytes: int


@dataclass(frozen=True)
class CheckpointFolder:
    """A described checkpoint. `files` are in name order; hashes are computed on first use and taken from the manifest
    where it matches the files' sizes."""

    path: Path
    files: tuple[WeightsFile, ...]
    manifest: Manifest | None = None

    @cached_property
    def tensors(self) -> dict[str, TensorPlace]:
        return {name: place for file in self.files for name, place in file.tensors.items()}

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def dtype(self) -> str:
        """The types of the tensors, such as "BF16" or "BF16 F32"."""
        return " ".join(sorted({place.dtype for place in self.tensors.values()}))

    @cached_property
    def sha256(self) -> str:
        """Identifies the weights: over the names and hashes of the weight files."""
        return weights_sha256({file.path.name: self._file_sha256(file) for file in self.files})

    @cached_property
    def tokenizer_sha256(self) -> str | None:
        """Identifies the vocabulary; None when the folder has no tokenizer."""
        return tokenizer_sha256(self.path)

    @property
    def base_sha256(self) -> str | None:
        """The weights' hash of the initialisation, None when the folder does not say; a base is its own."""
        if self.manifest is None:
            return None
        return self.manifest.base_sha256 or (self.sha256 if self.manifest.origin == "base" else None)

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.json, empty when there is none."""
        return read_json(self.path / "config.json") if (self.path / "config.json").exists() else {}

    @cached_property
    def tied_pair(self) -> tuple[str, str] | None:
        """Names of a tied output, stored or not, and input; see `compute.merging.tied`."""
        settings = self.config.get("text_config") or self.config
        if not (self.config.get("tie_word_embeddings") or settings.get("tie_word_embeddings")):
            return None
        inputs = [name for name in self.tensors if name.endswith(INPUTS)]
        if len(inputs) != 1:
            return None
        outputs = [name for name in self.tensors if name.endswith(OUTPUTS)]
        return (outputs[0] if outputs else OUTPUTS[0]), inputs[0]

    def _file_sha256(self, file: WeightsFile) -> str:
        record = self.manifest.files.get(file.path.name) if self.manifest else None
        return record.sha256 if record and record.size_bytes == file.size_bytes else file_sha256(file.path)


def describe(folder: Path) -> CheckpointFolder:
    """Read a folder's headers and manifest. Raises MissingInput when it is absent, incomplete or not readable."""
    if not folder.is_dir():
        raise MissingInput(f"The checkpoint folder {folder} is not there.")
    files = tuple(read_header(folder / name) for name in _weight_files(folder))
    manifest = None
    if (folder / MANIFEST).exists():
        try:
            manifest = Manifest.model_validate(read_json(folder / MANIFEST))
        except ValidationError as error:
            raise MissingInput(f"The manifest in {folder} cannot be used. {one_sentence(error)}") from None
    return CheckpointFolder(folder, files, manifest)


def read_header(path: Path) -> WeightsFile:
    """Read where a safetensors file's tensors lie. Raises MissingInput when it is absent, damaged or cut short."""
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            length = int.from_bytes(stream.read(8), "little")
            if not 0 < length <= min(MAX_HEADER_BYTES, size - 8):
                raise MissingInput(f"{path} is not a safetensors file.")
            raw = stream.read(length)
    except FileNotFoundError:
        raise MissingInput(f"The weights file {path} is not there.") from None
    except OSError as error:
        raise MissingInput(f"The weights file {path} cannot be read: {error.strerror}.") from None
    offset = 8 + length
    try:
        entries = {name: entry for name, entry in json.loads(raw).items() if name != "__metadata__"}
        tensors = {name: _place(path.name, entry, offset) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise MissingInput(f"The header of {path} is damaged.") from None
    if max((place.stop for place in tensors.values()), default=offset) != size:
        raise MissingInput(f"{path} is cut short or has bytes too many.")
    return WeightsFile(path, length.to_bytes(8, "little") + raw, tensors, size)


def read_tensors(folder: Path) -> "dict[str, Tensor]":
    """All tensors by name, on the CPU. Raises MissingInput."""
    from safetensors.torch import load_file

    tensors: dict[str, Tensor] = {}
    for file in describe(folder).files:
        tensors |= load_file(file.path)
    return tensors


def read_each(folder: CheckpointFolder, names: Iterable[str]) -> "Iterator[tuple[str, Tensor]]":
    """The tensors `names`, one after the other, each in memory only while it is looked at."""
    from safetensors import safe_open

    wanted = set(names)
    for file in folder.files:
        with safe_open(file.path, framework="pt") as opened:
            for name in wanted.intersection(opened.keys()):
                yield name, opened.get_tensor(name)


def damaged_files(folder: Path) -> list[str]:
    """Names of files that are absent or differ from what the manifest recorded. Raises MissingInput without one."""
    manifest = describe(folder).manifest
    if manifest is None:
        raise MissingInput(f"{folder} has no manifest to check against.")
    paths = {name: folder / name for name in manifest.files}
    return [n for n, path in paths.items() if not path.exists() or file_sha256(path) != manifest.files[n].sha256]


def refuse_changed(folder: CheckpointFolder, expected_sha256: str | None) -> None:
    """Raises MissingInput when the weights are not those of `expected_sha256`, a `CheckpointFolder.sha256`.

    Goes by the manifest and the files' sizes; bytes are not read again. Without a manifest there is nothing to go by.
    """
    if expected_sha256 is None or folder.manifest is None:
        return
    recorded = {name: record.size_bytes for name, record in folder.manifest.files.items()}
    untouched = all(recorded.get(file.path.name) == file.size_bytes for file in folder.files)
    if not untouched or folder.sha256 != expected_sha256:
        raise MissingInput(
            f"The folder {folder.path} is not what it was: its weights are not {expected_sha256[:12]} any more."
        )


def refuse_occupied(folder: Path, request_sha256: str | None) -> None:
    """Raises StorageError unless `folder` is free, or holds what the same request wrote (a lost job's second attempt).

    Jobs ask before they start, so that nobody waits for a training that cannot be kept.
    """
    if (folder / MANIFEST).exists():
        if request_sha256 is None or _recorded_request(folder) != request_sha256:
            raise StorageError(f"There is a finished checkpoint at {folder} already: choose another folder.")
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StorageError(f"{folder} already exists and is not a checkpoint of Frontier; it was left alone.")


class _Journal(Stored):
    """Which files of an unfinished folder are whole. `purpose` is a hash of what is written (`_purpose`)."""

    purpose: str
    sha256: dict[str, str]


@dataclass
class FolderBeingWritten:
    """Handed to the writer: put files into `path`. `known_sha256` may hold hashes taken while writing, by file name."""

    path: Path
    known_sha256: dict[str, str] = field(default_factory=dict)
    purpose: str = ""

    def has(self, name: str) -> bool:
        """Whether a killed writer had finished the file, which was hashed again just now."""
        return name in self.known_sha256

    def keep(self, name: str, sha256: str) -> None:
        """Note that a file is finished, so that whoever continues after a kill takes it over."""
        self.known_sha256[name] = sha256
        journal = _Journal(purpose=self.purpose, sha256=self.known_sha256)
        written = self.path / f"{JOURNAL}.new"
        written.write_text(journal.model_dump_json())
        written.replace(self.path / JOURNAL)


@contextmanager
def folder_being_written(folder: Path, manifest: Manifest, *, resumable: bool = False) -> Iterator[FolderBeingWritten]:
    """Fill a hidden neighbour of `folder`; at the end its manifest is completed and it takes the name.

    What `refuse_occupied` refuses is left alone. Raises StorageError for that, and when the disk is full or refuses;
    then, as on any other error, nothing stays behind. Only a kill leaves the neighbour; with `resumable`, files of it
    that the same manifest's writer had finished (`FolderBeingWritten.keep`) are handed over, once their hashes are
    found to hold.
    """
    writing = FolderBeingWritten(folder.with_name(f".{folder.name}.{os.getpid()}.writing"), purpose=_purpose(manifest))
    with _disk_trouble(folder):
        refuse_occupied(folder, manifest.request_sha256)
        folder.parent.mkdir(parents=True, exist_ok=True)
        taken_over = resumable and _take_over(folder, writing)
        _remove_leftovers(folder, spared=writing.path if taken_over else None)
        try:
            writing.path.mkdir(exist_ok=taken_over)
            yield writing
            (writing.path / JOURNAL).unlink(missing_ok=True)
            complete = _completed(manifest, writing)
            (writing.path / MANIFEST).write_text(complete.model_dump_json(indent=1) + "\n")
            _take_name(writing.path, folder)
        finally:
            shutil.rmtree(writing.path, ignore_errors=True)


def write_checkpoint(
    folder: Path, tensors: "Mapping[str, Tensor]", manifest: Manifest, *, files_from: Path | None = None
) -> CheckpointFolder:
    """Write tensors as one safetensors file, with config and tokenizer copied from the checkpoint `files_from`.

    Raises StorageError, MissingInput.
    """
    from safetensors.torch import save_file

    with folder_being_written(folder, manifest) as writing:
        with safetensors_trouble(folder):
            save_file(dict(tensors), writing.path / SINGLE_FILE, metadata={"format": "pt"})
        if files_from is not None:
            copy_other_files(files_from, writing.path)
    return describe(folder)


def save_model(folder: Path, model: Any, tokenizer: Any, manifest: Manifest) -> CheckpointFolder:
    """Write a transformers model and its tokenizer. Raises StorageError."""
    with folder_being_written(folder, manifest) as writing, safetensors_trouble(folder):
        model.save_pretrained(writing.path)
        tokenizer.save_pretrained(writing.path)
    return describe(folder)


def copy_other_files(source: Path, destination: Path) -> None:
    """Copy what is neither weights nor manifest: config, tokenizer, chat template, the index of shards."""
    for path in sorted(source.iterdir()):
        if path.is_file() and path.suffix != ".safetensors" and path.name != MANIFEST:
            shutil.copyfile(path, destination / path.name)


def weights_sha256(files: Mapping[str, str]) -> str:
    """The hash of a set of weight files from their own hashes, whatever their order."""
    return hashlib.sha256("".join(f"{files[name]}  {name}\n" for name in sorted(files)).encode()).hexdigest()


def tokenizer_sha256(folder: Path) -> str | None:
    """The hash of a folder's vocabulary files, None without any.

    Training libraries switch padding and truncation on inside tokenizer.json; they change no token, so they are left
    out.
    """
    digest = hashlib.sha256()
    present = [folder / name for name in TOKENIZER_FILES if (folder / name).exists()]
    # A fast tokenizer holds everything; whether the slow one's files lie beside it depends on what saved it.
    for path in present[:1] if present and present[0].name == "tokenizer.json" else present:
        content = path.read_bytes()
        if path.suffix == ".json":
            data = read_json(path)
            content = json.dumps(data | {"padding": None, "truncation": None}, sort_keys=True).encode()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest() if present else None


def file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def safetensors_trouble(folder: Path) -> Iterator[None]:
    """Turn the library's own error for a full disk into StorageError; it is not an OSError and says so only in text."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        if "os error" not in str(error):
            raise
        raise StorageError(f"{folder} cannot be written: {error}.") from error


@contextmanager
def _disk_trouble(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = "the disk is full" if error.errno in DISK_FULL else (error.strerror or str(error))
        raise StorageError(f"The checkpoint {folder} cannot be written: {reason}.") from error


def _weight_files(folder: Path) -> list[str]:
    if (folder / INDEX).exists():
        weight_map = read_json(folder / INDEX).get("weight_map")
        if not isinstance(weight_map, dict) or not weight_map:
            raise MissingInput(f"{folder / INDEX} maps no tensors to files.")
        shards = sorted({str(name) for name in weight_map.values()})
        if any(Path(name).name != name for name in shards):
            raise MissingInput(f"{folder / INDEX} names files outside the folder.")
        return shards
    names = sorted(path.name for path in folder.glob("*.safetensors"))
    if not names:
        raise MissingInput(f"The folder {folder} holds no safetensors weights.")
    return [SINGLE_FILE] if SINGLE_FILE in names else names


def _place(file: str, entry: dict[str, Any], offset: int) -> TensorPlace:
    """Raises KeyError or ValueError when the entry contradicts itself."""
    shape = tuple(int(size) for size in entry["shape"])
    start, stop = entry["data_offsets"]
    count = 1
    for size in shape:
        count *= size
    if entry["dtype"] in ELEMENT_BYTES and stop - start != count * ELEMENT_BYTES[entry["dtype"]]:
        raise ValueError(f"{stop - start} bytes for {count} of {entry['dtype']}")
    return TensorPlace(file, entry["dtype"], shape, offset + start, offset + stop)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object's content. Raises MissingInput."""
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise MissingInput(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise MissingInput(f"{path} is not JSON.") from None
    if not isinstance(data, dict):
        raise MissingInput(f"{path} is not a JSON object.")
    return data


def _completed(manifest: Manifest, writing: FolderBeingWritten) -> Manifest:
    """The manifest with the hashes and sizes of what lies in the folder."""
    records = {
        path.name: FileRecord(
            sha256=writing.known_sha256.get(path.name) or file_sha256(path), size_bytes=path.stat().st_size
        )
        for path in sorted(writing.path.iterdir())
        if path.is_file()
    }
    content = describe(writing.path)
    return manifest.model_copy(
        update={
            "sha256": weights_sha256({file.path.name: records[file.path.name].sha256 for file in content.files}),
            "dtype": content.dtype,
            "tokenizer_sha256": content.tokenizer_sha256,
            "files": records,
        }
    )


def _recorded_request(folder: Path) -> str | None:
    try:
        return Manifest.model_validate(read_json(folder / MANIFEST)).request_sha256
    except (MissingInput, ValidationError):
        return None


def _take_name(temporary: Path, folder: Path) -> None:
    """Rename over an absent, empty or replaceable folder."""
    if not (folder / MANIFEST).exists():
        temporary.rename(folder)
        return
    replaced = temporary.with_suffix(".replaced")
    folder.rename(replaced)
    temporary.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)


def _purpose(manifest: Manifest) -> str:
    return hashlib.sha256(manifest.model_dump_json().encode()).hexdigest()


def _take_over(folder: Path, writing: FolderBeingWritten) -> bool:
    """Whether a killed writer of the same manifest left something; its finished files are kept and nothing else."""
    for left in _leftovers(folder, "writing"):
        journal = _journal(left)
        if journal is None or journal.purpose != writing.purpose:
            continue
        try:
            if left != writing.path:
                left.rename(writing.path)
        except FileNotFoundError:  # another process continues there
            continue
        for path in writing.path.iterdir():
            if path.name in journal.sha256 and file_sha256(path) == journal.sha256[path.name]:
                writing.known_sha256[path.name] = journal.sha256[path.name]
            elif path.name != JOURNAL:
                path.unlink()
        return True
    return False


def _journal(left: Path) -> _Journal | None:
    try:
        return _Journal.model_validate(read_json(left / JOURNAL))
    except (MissingInput, ValidationError):
        return None


def _leftovers(folder: Path, suffix: str) -> Iterator[Path]:
    """Neighbours whose writer lives no more."""
    for path in sorted(folder.parent.glob(f".{glob.escape(folder.name)}.*.{suffix}")):
        writer = path.name.split(".")[-2]
        if writer.isdigit() and (int(writer) == os.getpid() or not Path(f"/proc/{writer}").exists()):
            yield path


def _remove_leftovers(folder: Path, spared: Path | None) -> None:
    """Remove what a killed writer of the same folder left behind."""
    for suffix in ("writing", "replaced"):
        for path in _leftovers(folder, suffix):
            if path != spared:
                shutil.rmtree(path, ignore_errors=True)
