"""Write a merge of checkpoints as a checkpoint of its own.

Tensors stream through in pieces (`compute.merging.pieces`), so memory stays small at any model size. The result has
the files, header bytes and types of its source, which is the first ingredient that is a whole checkpoint, or the only
one that counts: at weight 1 the weight files are bit-identical to it. A merge of adapters alone looks like its base.
Tensors that are not floating point are copied when all ingredients agree on them.

A merge that was killed is continued by the next one of the same request and the same ingredients: files that were
finished are taken over when their hashes still hold, and the rest is made anew. What must not be merged is refused
before anything is written (`compute.merging.refusals`). Runs on the CPU.
"""

import errno
import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np

from compute.checkpoints import (
    CheckpointFolder,
    FolderBeingWritten,
    IngredientRecord,
    Manifest,
    WeightsFile,
    copy_other_files,
    describe,
    folder_being_written,
    refuse_changed,
)
from compute.configs import FROM_BASE, Ingredient, MergeBase, MergeConfig, request_sha256
from compute.errors import Cancelled, ConfigError, MergeRefused, MissingInput
from compute.events import CheckpointWritten, Event, Progress
from compute.events import IngredientRecord as IngredientEvent
from compute.merging import pieces
from compute.merging.adapters import Adapter, is_adapter, open_adapter, refuse_other_base
from compute.merging.parts import weights_by_tensor
from compute.merging.pieces import Combine, Inputs, Materials, spans
from compute.merging.refusals import refuse_mismatch
from compute.merging.sums import Sums

# How far writing and hashing may fall behind, so that neither waits for the sums piece by piece on a busy machine.
PIECES_AHEAD = 16
SECONDS_BETWEEN_EVENTS = 0.5
WITHOUT_DEFAULTS = ("method", "density", "scale", "seed", "parts")


def run(config: MergeConfig, emit: Callable[[Event], None], cancelled: Callable[[], bool]) -> dict[str, object]:
    """Write the merge that `config` describes. Raises MissingInput, MergeRefused, StorageError, Cancelled."""
    materials = materials_of(config)
    with folder_being_written(config.folder, _manifest(config, materials), resumable=True) as writing:
        copy_other_files(materials.source.path, writing.path)
        write_merge(config, materials, writing, _Reporter(emit, cancelled, materials.source.size_bytes))
    written = describe(config.folder)
    terms = weighted_sum(config, materials)
    emit(
        CheckpointWritten(
            checkpoint=config.reference,
            origin="merged",
            folder=str(config.folder),
            sha256=written.sha256,
            size_bytes=written.size_bytes,
            ingredients=terms,
            grown_from=() if terms else grown_from(config),
        )
    )
    return {"sha256": written.sha256, "size_bytes": written.size_bytes, "tensors": len(written.tensors)}


def weighted_sum(config: MergeConfig, materials: Materials) -> tuple[IngredientEvent, ...]:
    """The merge as one sum of whole checkpoints, the base among them; empty where it is none."""
    one_sum = config.method in ("linear", "soup", "task_arithmetic") and not config.parts
    if not one_sum or any(isinstance(one, Adapter) for one in materials.ingredients):
        return ()
    count = len(config.ingredients)
    weights = {one.reference: 1 / count if config.method == "soup" else one.weight for one in config.ingredients}
    if config.base is not None:
        moved = sum(weights.values())
        weights[config.base.reference] = weights.get(config.base.reference, 0.0) + 1 - moved
    return tuple(IngredientEvent(checkpoint=name, weight=weight) for name, weight in weights.items())


def grown_from(config: MergeConfig) -> tuple[str, ...]:
    """Whatever went into the merge: its ingredients, and the base that differences were taken from."""
    base = [config.base.reference] if config.base is not None else []
    return tuple(dict.fromkeys([*(one.reference for one in config.ingredients), *base]))


def materials_of(config: MergeConfig) -> Materials:
    """Describe what is to be merged. Raises MissingInput and MergeRefused, ConfigError for a folder that it would
    overwrite."""
    base = _described(config.base) if config.base else None
    ingredients = tuple(_opened(one, config.method) for one in config.ingredients)
    if any(config.folder.resolve() == one.path.resolve() for one in (*ingredients, *([base] if base else []))):
        raise ConfigError(f"The merge would overwrite its own ingredient {config.folder}.")
    whole = [(one, i.reference) for one, i in _paired(ingredients, config) if isinstance(one, CheckpointFolder)]
    together = [(base, config.base.reference), *whole] if base and config.base else whole
    refuse_mismatch([one for one, _ in together], [title for _, title in together])
    for one, ingredient in _paired(ingredients, config):
        if isinstance(one, Adapter) and base and config.base:
            refuse_other_base(one, ingredient.reference, base, config.base.reference)
    if base and config.base:
        _refuse_other_start(base, config.base.reference, whole)
    counting = [one for one, i in _paired(ingredients, config) if i.weight != 0 or config.parts]
    alone = counting[0] if len(counting) == 1 and isinstance(counting[0], CheckpointFolder) else None
    source = alone or (whole[0][0] if whole else base)
    assert source is not None
    return Materials(source, ingredients, base, weights_by_tensor(config, source))


def write_merge(
    config: MergeConfig, materials: Materials, writing: FolderBeingWritten, report: Callable[[int], None]
) -> None:
    """Write each of the source's weight files. `report` is told how many bytes were written."""
    for file in materials.source.files:
        if writing.has(file.path.name):
            report(file.size_bytes)
            continue
        sha256 = _write_file(file, config, materials, writing.path / file.path.name, report)
        writing.keep(file.path.name, sha256)


def _write_file(
    file: WeightsFile, config: MergeConfig, materials: Materials, path: Path, report: Callable[[int], None]
) -> str:
    """Write one file and return its SHA-256; a second thread does both while this one reads and adds."""
    digest = hashlib.sha256()
    with ExitStack() as stack:
        output = stack.enter_context(path.open("wb", buffering=0))
        _reserve(output.fileno(), file.size_bytes)
        writer = stack.enter_context(ThreadPoolExecutor(1))
        unwritten: deque[Future[None]] = deque()

        def put(piece: memoryview) -> None:
            _write_all(output.fileno(), piece)
            digest.update(piece)

        for piece in _pieces(file, config, materials, Inputs(stack)):
            unwritten.append(writer.submit(put, piece))
            if len(unwritten) == PIECES_AHEAD:
                unwritten.popleft().result()
            report(len(piece))
        for one in unwritten:
            one.result()
    return digest.hexdigest()


def _pieces(file: WeightsFile, config: MergeConfig, materials: Materials, inputs: Inputs) -> Iterator[memoryview]:
    """The file's bytes in order. A piece is overwritten after `PIECES_AHEAD` further ones were asked for."""
    yield memoryview(file.header)
    combine = _combining(config, materials, inputs)
    results = cycle([np.empty(pieces.PIECE_BYTES, np.uint8) for _ in range(PIECES_AHEAD + 1)])
    for name in sorted(file.tensors, key=lambda name: file.tensors[name].start):
        fill = combine(name)
        for offset, length in spans(file.tensors[name].stop - file.tensors[name].start):
            out = next(results)[:length]
            fill(offset, out)
            yield out.data


def _combining(config: MergeConfig, materials: Materials, inputs: Inputs) -> Callable[[str], Combine]:
    """How to make the tensors, by name. Only what is no plain sum needs torch."""
    if materials.base is None and config.method in ("linear", "soup"):
        return partial(Sums().combine, materials, inputs)
    from compute.merging import streams

    return partial(streams.combine, config, materials, inputs)


def _described(one: Ingredient | MergeBase) -> CheckpointFolder:
    folder = describe(one.folder)
    refuse_changed(folder, one.sha256)
    return folder


def _opened(one: Ingredient, method: str) -> CheckpointFolder | Adapter:
    if not is_adapter(one.folder):
        return _described(one)
    if method not in FROM_BASE:
        raise MergeRefused(
            f"{one.reference} is an adapter, a difference from its base: add it with the method task_arithmetic."
        )
    adapter = open_adapter(one.folder, one.reference)
    if one.sha256 is not None and one.sha256 != adapter.sha256:
        raise MissingInput(f"The adapter {one.folder} is not what it was: it is not {one.sha256[:12]} any more.")
    return adapter


def _paired(
    ingredients: Sequence[CheckpointFolder | Adapter], config: MergeConfig
) -> Iterator[tuple[CheckpointFolder | Adapter, Ingredient]]:
    return zip(ingredients, config.ingredients, strict=True)


def _refuse_other_start(base: CheckpointFolder, title: str, whole: Sequence[tuple[CheckpointFolder, str]]) -> None:
    """A base from elsewhere does not say that it is one; its weights do."""
    for folder, name in whole if base.base_sha256 is None else ():
        start = folder.base_sha256
        if start not in (None, base.sha256):
            raise MergeRefused(f"{name} was trained from {start:.12}, but {title} is {base.sha256:.12}.")


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


def _manifest(config: MergeConfig, materials: Materials) -> Manifest:
    """What was merged and how; two merges with the same one give the same bytes."""
    folders = [one for one in (materials.base, *materials.ingredients) if isinstance(one, CheckpointFolder)]
    known = {folder.base_sha256 for folder in folders} - {None}
    notes = config.model_dump(mode="json", include=set(WITHOUT_DEFAULTS), exclude_defaults=True)
    if config.base and materials.base:
        notes["base"] = {"reference": config.base.reference, "sha256": materials.base.sha256}
    return Manifest(
        reference=config.reference,
        origin="merged",
        base_sha256=known.pop() if known else materials.base.sha256 if materials.base else None,
        request_sha256=request_sha256(config),
        ingredients=tuple(
            IngredientRecord(reference=i.reference, sha256=one.sha256, weight=i.weight)
            for one, i in _paired(materials.ingredients, config)
        ),
        notes={"method": config.method, "arithmetic": "float32, cast once"} | notes,
    )


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
