"""Everything that can go wrong in compute, one class a boundary.

ComputeError                 what ends a job, with a message fit for a person
├── ConfigError              the request was wrong (exit status 2)
├── MissingInput             a folder, file or checkpoint that the request names is not there
├── MergeRefused             two checkpoints that must not be averaged
├── StorageError             the disk is full or refuses to be written
├── EngineError              the model could not be loaded or sampled
├── SandboxError             programs cannot be run in isolation here
├── DoesNotFit               the model needs more memory than the device has
└── Cancelled                somebody asked the job to stop

A caller's mistake inside Python is a ValueError; ours is an assert.
"""

import errno

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)  # the system's numbers for it: no space left, quota exceeded


class ComputeError(Exception):
    """Ends a job. `kind` is stored with the job and chosen from a closed list, so that pages can group by it."""

    kind = "error"
    exit_status = 1


class ConfigError(ComputeError):
    kind = "config"
    exit_status = 2


class MissingInput(ComputeError):
    kind = "missing_input"
    exit_status = 3


class MergeRefused(ComputeError):
    kind = "merge_refused"
    exit_status = 4


class StorageError(ComputeError):
    kind = "storage"
    exit_status = 5


class EngineError(ComputeError):
    kind = "engine"
    exit_status = 6


class SandboxError(ComputeError):
    kind = "sandbox"
    exit_status = 7


class DoesNotFit(ComputeError):
    kind = "does_not_fit"
    exit_status = 8


class Cancelled(ComputeError):
    kind = "cancelled"
    exit_status = 130
