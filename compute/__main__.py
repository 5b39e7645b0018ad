"""`python -m compute KIND config.json`: a config in, one event a line out on standard output.

Commands for people, such as `judge` and `doctor`, start here as well and speak in plain text (`COMMANDS`).

The child of a worker, or of anybody's shell. It dies with its parent, stops between steps when it gets SIGTERM, and
ends in exactly one of finished, cancelled and failed. It knows neither database nor broker. Whatever a library prints
goes to standard error, so that standard output holds events and nothing else.
"""

import importlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

from compute.child_process import die_with_parent, reserve_stdout
from compute.configs import KINDS, JobConfig, read_config
from compute.errors import DISK_FULL, Cancelled, ComputeError, ConfigError, StorageError
from compute.events import CancelAcknowledged, Event, EventWriter, Failed, Finished, Started
from compute.fitting import refuse_misfit
from compute.usage import watched

RUNNERS = {
    "install": "compute.installation",
    "problems": "compute.miniature.problem_sets",
    "import": "compute.problems.importing",
    "audit": "compute.problems.auditing",
    "inspect": "compute.judge.inspecting",
    "pretrain": "compute.training.sft",
    "train": "compute.training.grpo",
    "merge": "compute.merging.merge",
    "geometry": "compute.merging.geometry",
    "evaluate": "compute.rollout.evaluate",
}
VERSIONS_OF = ("frontier", "torch", "transformers", "trl", "numpy")
COMMANDS = {name: f"compute.commands.{name}" for name in ("judge", "audit", "geometry", "doctor", "remote", "slurm")}
USAGE = f"Usage: python -m compute KIND config.json, where KIND is one of {', '.join(KINDS)}."
HELP = f"""{USAGE}
   or: python -m compute judge PACKAGE ..., python -m compute audit PACKAGE ..., python -m compute geometry LOW HIGH
       --base START, python -m compute doctor, and python -m compute remote JOB or slurm JOB for a job of a server,
       which --help after them explains.

The config is a JSON object; compute/configs.py says what each kind takes. A job's page shows its config to run by hand.
Events come out on standard output, one JSON object a line; what libraries print goes to standard error.
"""
Runner = Callable[[JobConfig, EventWriter, Callable[[], bool]], Mapping[str, object]]


def main(arguments: list[str]) -> int:
    """Run one job or command, or say how. Returns the exit status: 0 finished, otherwise the error's (see
    `compute.errors`)."""
    if is_command(arguments):
        status: int = importlib.import_module(COMMANDS[arguments[0]]).main(arguments[1:])
        return status
    if "--help" in arguments or "-h" in arguments:
        sys.stdout.write(HELP)
        return 0
    if not arguments:
        sys.stderr.write(HELP)
        return ConfigError.exit_status
    die_with_parent()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    emit = EventWriter(reserve_stdout())
    cancel = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: cancel.set())
    emit(Started(kind=arguments[0], pid=os.getpid(), versions=installed_versions()))
    try:
        config = request(arguments)
        refuse_misfit(config)
        runner: Runner = importlib.import_module(RUNNERS[config.kind]).run
        with watched(emit, config.kind):
            summary = dict(runner(config, emit, cancel.is_set))
        json.dumps(summary, allow_nan=False)
    except KeyboardInterrupt:
        return report(emit, Cancelled("Interrupted."))
    except OSError as error:
        return report_os_error(emit, error)
    except ComputeError as error:
        return report(emit, error)
    except Exception as error:  # the job must end in an event, whatever happened
        return report_unexpected(emit, error)
    emit(Finished(summary=summary))
    return 0


def is_command(arguments: list[str]) -> bool:
    """Whether a person asks for a command. `audit` and `geometry` are also kinds of job: with a config's
    file they are those."""
    is_job = len(arguments) == 2 and arguments[0] in KINDS and arguments[1].endswith(".json")
    return bool(arguments) and arguments[0] in COMMANDS and not is_job


def request(arguments: list[str]) -> JobConfig:
    """The config named on the command line. Raises ConfigError."""
    if len(arguments) != 2 or arguments[0] not in KINDS:
        raise ConfigError(USAGE)
    return read_config(Path(arguments[1]), arguments[0])


def report(emit: Callable[[Event], None], error: ComputeError) -> int:
    """Write the last event for a foreseen end. Returns its exit status."""
    tell_a_person(str(error))
    if isinstance(error, Cancelled):
        emit(CancelAcknowledged())
    else:
        emit(Failed(error_kind=error.kind, message=str(error)))
    return error.exit_status


def tell_a_person(sentence: str) -> None:
    """Repeat how the job ended where somebody reads along at a terminal; a worker says it in the log by itself."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{sentence}\n")


def report_os_error(emit: Callable[[Event], None], error: OSError) -> int:
    """A full disk is the user's to mend; any other refusal of the system is unexpected."""
    if error.errno not in DISK_FULL:
        return report_unexpected(emit, error)
    place = f" at {error.filename}" if error.filename else ""
    return report(emit, StorageError(f"The disk is full{place}: free some space and retry."))


def report_unexpected(emit: Callable[[Event], None], error: Exception) -> int:
    """Write the last event for what nobody foresaw; the traceback goes to standard error, the job's log."""
    import traceback

    traceback.print_exception(error)
    emit(Failed(error_kind="internal", message=f"{type(error).__name__}: {error}"))
    return 1


def installed_versions() -> dict[str, str]:
    found = {}
    for name in VERSIONS_OF:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # everything is said: taking torch apart again would hold the worker's slot for 1 to 3 s more
