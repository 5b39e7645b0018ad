"""What a killed training goes on from: a hidden folder beside the one that it will write.

A state is whole or absent: a trainer fills a subfolder of its own for a step, and only then does `state.json` name it.
It belongs to one request and one initialisation; any other is left unread and replaced. With it lie the figures of the
last steps, because whoever killed the training may also have lost what it said of them.

Limits: nothing is synced to the device, so a power failure can lose a state. Two are there for a moment, so the disk
needs room for both; under several processes all must see the folder.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from compute.checkpoints import CheckpointFolder, Stored, describe, read_json
from compute.configs import TrainConfig, request_sha256
from compute.errors import MissingInput
from compute.events import CheckpointWritten

STATE = "state.json"
Values = dict[str, float | None]


class Step(NamedTuple):
    """The figures of a step, counted from 1."""

    step: int
    values: Values


class KeptState(Stored):
    """The state after `step` steps. `start_sha256`: of the initialisation's weights; `figures`: of the last steps."""

    request_sha256: str
    start_sha256: str
    step: int
    figures: tuple[Step, ...] = ()


class ResumeFolder:
    """The folder of one training, whether or not it is there yet."""

    def __init__(self, trained: Path, request_sha256: str, start_sha256: str) -> None:
        self.path = trained.with_name(f".{trained.name}.resume")
        self._request, self._start = request_sha256, start_sha256

    def place(self, step: int) -> Path:
        """Where the trainer puts the state after `step` steps; transformers' own name for it."""
        return self.path / f"checkpoint-{step}"

    def read(self) -> KeptState | None:
        """The newest whole state of this training."""
        try:
            kept = KeptState.model_validate(read_json(self.path / STATE))
        except (MissingInput, ValidationError):
            return None
        ours = (kept.request_sha256, kept.start_sha256) == (self._request, self._start)
        return kept if ours and self.place(kept.step).is_dir() else None

    @property
    def is_anothers(self) -> bool:
        return (self.path / STATE).exists() and self.read() is None

    def keep(self, step: int, figures: Sequence[Step]) -> None:
        """Say that `place(step)` is whole; what was kept before goes."""
        kept = KeptState(request_sha256=self._request, start_sha256=self._start, step=step, figures=tuple(figures))
        written = self.path / f"{STATE}.new"
        written.write_text(kept.model_dump_json())
        written.replace(self.path / STATE)
        self.tidy(step)

    def tidy(self, step: int) -> None:
        """Remove all but the state after `step` steps (0: all): leftovers of a killed writer."""
        for path in self.path.glob("checkpoint-*"):
            if path != self.place(step):
                shutil.rmtree(path, ignore_errors=True)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def resume_folder(config: TrainConfig, start: CheckpointFolder) -> ResumeFolder:
    """`start`: the initialisation."""
    return ResumeFolder(config.folder, request_sha256(config), start.sha256)


def finished_checkpoint(config: TrainConfig, start: CheckpointFolder, step: int) -> CheckpointFolder | None:
    """What the same request has written for `step` from the same initialisation, `start`."""
    try:
        written = describe(config.folder_at(step))
    except MissingInput:
        return None
    manifest = written.manifest
    if manifest is None or manifest.request_sha256 != request_sha256(config):
        return None
    return written if manifest.base_sha256 == (start.base_sha256 or start.sha256) else None


def checkpoint_event(config: TrainConfig, written: CheckpointFolder) -> CheckpointWritten:
    assert written.manifest is not None
    return CheckpointWritten(
        checkpoint=written.manifest.reference,
        origin="trained",
        folder=str(written.path),
        sha256=written.sha256,
        size_bytes=written.size_bytes,
        run=config.reference,
        parent=config.initialisation_reference,
        step=written.manifest.notes["step"],
        coverage=config.coverage,
    )
