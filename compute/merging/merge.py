"""Write a linear average of checkpoints as a checkpoint of its own.

Tensors stream through in pieces of a few MiB, so memory stays small at any model size. The result has the files,
header bytes and types of its source (the first ingredient, or the one of weight 1): at weight 1 the weight files are
bit-identical to the ingredient's. Tensors that are not floating point are copied when all ingredients agree on them.

What must not be averaged is refused before anything is written (`compute.merging.refusals`). Runs on the CPU.
"""

import errno
import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import torch

from compute.checkpoints import (
    CheckpointFolder,
    FolderBeingWritten,
    IngredientRecord,
    Manifest,
    TensorPlace,
    WeightsFile,
    copy_other_files,
    describe,
    folder_being_written,
    refuse_changed,
)
from compute.configs import MergeConfig, request_sha256
from compute.errors import Cancelled, ConfigError, MissingInput
from compute.events import CheckpointWritten, Event, Progress
from compute.events import IngredientRecord as IngredientEvent
from compute.merging.methods import linear
from compute.merging.refusals import refuse_mismatch, refuse_weights

# Small enough that a piece of every ingredient and the sum stay in the processor's cache.
PIECE_BYTES = 1 << 19
# How far hashing may fall behind writing, so that neither waits for the other piece by piece on a busy machine.
PIECES_AHEAD = 16
SECONDS_BETWEEN_EVENTS = 0.5
FLOATS = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64}


class Term(NamedTuple):
    """An ingredient that takes part in the sum."""

    folder: CheckpointFolder
    weight: float


def run(config: MergeConfig, emit: Callable[[Event], None], cancelled: Callable[[], bool]) -> dict[str, object]:
    """Write the average that `config` describes. Raises MissingInput, MergeRefused, StorageError, Cancelled."""
    folders = [describe(ingredient.folder) for ingredient in config.ingredients]
    for folder, ingredient in zip(folders, config.ingredients, strict=True):
        refuse_changed(folder, ingredient.sha256)
    refuse_weights(config.ingredients)
    refuse_mismatch(folders, [ingredient.reference for ingredient in config.ingredients])
    if any(_same_folder(config.folder, folder.path) for folder in folders):
        raise ConfigError(f"The merge would overwrite its own ingredient {config.folder}.")
    terms = [Term(f, i.weight) for f, i in zip(folders, config.ingredients, strict=True) if i.weight != 0]
    source = terms[0].folder if len(terms) == 1 else folders[0]
    with folder_being_written(config.folder, _manifest(config, folders)) as writing:
        copy_other_files(source.path, writing.path)
        write_average(source, terms, writing, _Reporter(emit, cancelled, source.size_bytes))
    written = describe(config.folder)
    emit(
        CheckpointWritten(
            checkpoint=config.reference,
            origin="merged",
            folder=str(config.folder),
            sha256=written.sha256,
            size_bytes=written.size_bytes,
            ingredients=tuple(IngredientEvent(checkpoint=i.reference, weight=i.weight) for i in config.ingredients),
        )
    )
    return {"sha256": written.sha256, "size_bytes": written.size_bytes, "tensors": len(written.tensors)}


def write_average(
    source: CheckpointFolder, terms: Sequence[Term], writing: FolderBeingWritten, report: Callable[[int], None]
) -> None:
    """Write each of the source's weight files with averaged tensors. `report` is told how many bytes were written."""
    for file in source.files:
        writing.known_sha256[file.path.name] = _write_file(file, terms, writing.path / file.path.name, report)


def _write_file(file: WeightsFile, terms: Sequence[Term], path: Path, report: Callable[[int], None]) -> str:
    """Write one file and return its SHA-256, which a second thread takes on the way."""
    digest = hashlib.sha256()
    with ExitStack() as stack:
        output = stack.enter_context(path.open("wb", buffering=0))
        _reserve(output.fileno(), file.size_bytes)
        inputs = _Inputs(stack)
        hasher = stack.enter_context(ThreadPoolExecutor(1))
        unhashed: deque[Future[None]] = deque()
        for piece in _pieces(file, terms, inputs):
            _write_all(output.fileno(), piece)
            unhashed.append(hasher.submit(digest.update, piece))
            if len(unhashed) == PIECES_AHEAD:
                unhashed.popleft().result()
            report(len(piece))
    return digest.hexdigest()  # leaving the stack waited for the last piece


def _pieces(file: WeightsFile, terms: Sequence[Term], inputs: "_Inputs") -> Iterator[memoryview]:
    """The file's bytes in order. A piece is overwritten after `PIECES_AHEAD` further ones were asked for."""
    yield memoryview(file.header)
    names = sorted(file.tensors, key=lambda name: file.tensors[name].start)
    sums = cycle([torch.empty(PIECE_BYTES, dtype=torch.uint8) for _ in range(PIECES_AHEAD + 1)])
    for name in names:
        places = [(term.folder.path, term.folder.tensors[name]) for term in terms]
        size = file.tensors[name].stop - file.tensors[name].start
        for offset in range(0, size, PIECE_BYTES):
            out = next(sums)[: min(PIECE_BYTES, size - offset)]
            raw = [inputs.read(slot, folder, place, offset, len(out)) for slot, (folder, place) in enumerate(places)]
            _average(name, file.tensors[name].dtype, raw, [term.weight for term in terms], out)
            yield out.numpy().data


def _average(name: str, dtype: str, raw: Sequence[torch.Tensor], weights: Sequence[float], out: torch.Tensor) -> None:
    """Bytes in, bytes out: (bytes,) tensors of one piece, one an ingredient."""
    kind = FLOATS.get(dtype, torch.uint8)
    linear([piece.view(kind) for piece in raw], weights, out=out.view(kind), name=name)


class _Inputs:
    """Reads pieces of tensors into buffers that are used again, one a slot; files stay open until the stack closes."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._files: dict[Path, int] = {}
        self._buffers: dict[int, torch.Tensor] = {}

    def read(self, slot: int, folder: Path, place: TensorPlace, offset: int, length: int) -> torch.Tensor:
        """`length` bytes of a tensor from `offset`; valid until the slot's next read."""
        path = folder / place.file
        if path not in self._files:
            self._files[path] = self._stack.enter_context(path.open("rb", buffering=0)).fileno()
        if slot not in self._buffers:
            self._buffers[slot] = torch.empty(PIECE_BYTES, dtype=torch.uint8)
        piece = self._buffers[slot][:length]
        view = piece.numpy().data
        done = 0
        while done < length:
            count = os.preadv(self._files[path], [view[done:]], place.start + offset + done)
            if count == 0:
                raise MissingInput(f"{path} became shorter while it was read.")
            done += count
        return piece


class _Reporter:
    """Adds up written bytes, emits progress now and then, and stops the merge when somebody asked for it."""

    def __init__(self, emit: Callable[[Event], None], cancelled: Callable[[], bool], total_bytes: int) -> None:
        self._emit, self._cancelled, self._total = emit, cancelled, total_bytes
        self._done = 0
        self._next = time.monotonic()

    def __call__(self, written: int) -> None:
        self._done += written
        if time.monotonic() < self._next and self._done < self._total:
            return
        if self._cancelled():
            raise Cancelled("The merge was cancelled; nothing was written.")
        self._next = time.monotonic() + SECONDS_BETWEEN_EVENTS
        self._emit(Progress(stage="merge", done=self._done / 1e6, total=self._total / 1e6, unit="MB"))


def _manifest(config: MergeConfig, folders: Sequence[CheckpointFolder]) -> Manifest:
    bases = {folder.base_sha256 for folder in folders} - {None}
    return Manifest(
        reference=config.reference,
        origin="merged",
        base_sha256=bases.pop() if bases else None,
        request_sha256=request_sha256(config),
        ingredients=tuple(
            IngredientRecord(reference=i.reference, sha256=folder.sha256, weight=i.weight)
            for i, folder in zip(config.ingredients, folders, strict=True)
        ),
        notes={"method": "linear", "arithmetic": "float32, cast once"},
    )


def _same_folder(a: Path, b: Path) -> bool:
    return a.resolve() == b.resolve()


def _reserve(descriptor: int, size_bytes: int) -> None:
    """Take the space now, so that a full disk is known before the work and not after it."""
    try:
        os.posix_fallocate(descriptor, 0, size_bytes)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
