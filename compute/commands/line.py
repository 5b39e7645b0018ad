"""What the commands for people share: a request refused in one sentence, a folder that always goes away, a table.

Also the options and the words of those that judge. Results go to standard output, everything else to standard error.
"""

import argparse
import io
import math
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from compute.configs import JudgeLimits
from compute.errors import DISK_FULL, Cancelled, ComputeError, ConfigError, StorageError

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MOST_SECONDS = 600.0
LEAST_MEBIBYTES = 16
MOST_MEBIBYTES = 1 << 20
MOST_WORKERS = 256
AGREES: dict[bool | None, str] = {True: "yes", False: "no", None: "—"}
"""In words, whether a judged verdict is a declared one; None where nothing is declared or decided."""


class Arguments(argparse.ArgumentParser):
    """A parser that raises ConfigError with one sentence where argparse would print its usage and exit."""

    def __init__(self, command: str, description: str, epilog: str) -> None:
        """`epilog` is shown as it stands below the options. Options cannot be abbreviated."""
        super().__init__(
            f"python -m compute {command}",
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message[:1].upper()}{message[1:].rstrip('.')}; see {self.prog} --help.")


def add_judging_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that judges, for `judge_limits`."""
    add = parser.add_argument
    add("--time-limit", type=seconds, metavar="SECONDS", help="CPU time for a test, instead of the package's")
    add("--memory-limit", type=memory_bytes, metavar="MIB", help="memory for a test, instead of the package's")
    add("--workers", type=count, metavar="N", help="programs to run at a time; one for each core without")
    add("--unsafe", action="store_true", help="run programs even where this machine cannot isolate them")


def judge_limits(options: argparse.Namespace) -> JudgeLimits:
    """What the options of `add_judging_options` ask for."""
    return JudgeLimits(
        cpu_seconds=options.time_limit,
        memory_bytes=options.memory_limit,
        workers=min(options.workers or cores(), MOST_WORKERS),
        unsafe=options.unsafe,
    )


def seconds(text: str) -> float:
    """A time limit in seconds."""
    return _number(text, "a number of seconds", 0.001, MOST_SECONDS)


def memory_bytes(text: str) -> int:
    """A memory limit in MiB, as bytes."""
    return int(_number(text, "a number of MiB", LEAST_MEBIBYTES, MOST_MEBIBYTES) * (1 << 20))


def factor(text: str) -> float:
    return _number(text, "a factor", 1, 1000)


def count(text: str) -> int:
    """A whole number from 1 on."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return value


def _number(text: str, what: str, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {least:g} to {most:g}")
    return value


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def status_of(command: Callable[[], int]) -> int:
    """Run a command. What it foresees becomes one sentence on standard error and the error's exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may hold what the terminal's encoding has not
    try:
        status = command()
        sys.stdout.flush()
        return status
    except ComputeError as error:
        return complain(error)
    except BrokenPipeError:  # whoever read the results has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        sentence = f"{place}{error.strerror or error}."
        return complain(StorageError(sentence) if error.errno in DISK_FULL else ComputeError(sentence))


def complain(error: ComputeError) -> int:
    """One sentence on standard error. Returns the exit status."""
    say(str(error))
    return error.exit_status


def say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for the time of a command. It goes away at the end, also when Ctrl-C or a signal ends the process.

    The signal ends the process at once, since a judge would first wait for the programs that it runs; its sandboxes
    end with it."""
    folder = Path(tempfile.mkdtemp(prefix="frontier-"))

    def end(number: int, frame: FrameType | None) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        say("Interrupted.")
        os._exit(Cancelled.exit_status)

    ours = ENDING_SIGNALS if threading.current_thread() is threading.main_thread() else ()
    heeded = [number for number in ours if signal.getsignal(number) != signal.SIG_IGN]  # nohup ignores one
    before = {number: signal.signal(number, end) for number in heeded}
    try:
        yield folder
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        shutil.rmtree(folder, ignore_errors=True)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of aligned columns; a column whose title begins with a space is aligned to the right."""
    columns = [[title.strip(), *cells] for title, *cells in zip(header, *rows, strict=True)]
    widths = [max(map(len, column)) for column in columns]
    sides = ["rjust" if title.startswith(" ") else "ljust" for title in header]
    return [
        "  ".join(getattr(cell, side)(width) for cell, side, width in zip(line, sides, widths, strict=True)).rstrip()
        for line in zip(*columns, strict=True)
    ]
