"""Programs as descriptions, and the one way in which this package starts them.

Every program runs in a session of its own, so that Ctrl-C reaches the supervisor alone, and on a leash, so that it does
not outlive the supervisor. Nothing here restarts anything.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from frontier_app.embedded.places import Account

LEASH = Path(__file__).with_name("leash.py")
LOG_BYTES = 4 << 20


class EmbeddedError(Exception):
    """A part of the installation cannot be started. The message is one sentence fit for a terminal."""


@dataclass(frozen=True)
class Program:
    """One process to keep running. `death_signal` is what the kernel sends it when the supervisor is gone."""

    name: str
    command: tuple[str, ...]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    grace_seconds: float = 10.0
    file_descriptors: tuple[int, ...] = ()
    before: Callable[[], None] | None = None


def start(program: Program) -> subprocess.Popen[bytes]:
    """Start a program on its leash. Call from the main thread: the leash is tied to the thread that starts it."""
    if program.before is not None:
        program.before()
    account = program.account
    leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), str(int(program.death_signal))]
    leash += account_arguments(account)
    environment = os.environ | program.environment
    if account:
        environment |= {"HOME": "/", "USER": account.name, "LOGNAME": account.name}
    with open_log(program.log) as log:
        return subprocess.Popen(
            [*leash, *program.command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=program.folder or "/",
            env=environment,
            start_new_session=True,
            pass_fds=program.file_descriptors,
        )


def account_arguments(account: Account | None) -> list[str]:
    if account is None:
        return ["keep", "0", "0"]
    return ["appear" if account.only_appears else "become", str(account.uid), str(account.gid)]


def open_log(path: Path) -> BinaryIO:
    """Append to a log, and begin a new one when it has grown; the one before is kept as `.1`."""
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def run(program: Program, timeout_seconds: float = 120.0) -> None:
    """Run a program to its end. Raises EmbeddedError with the end of its log when it fails."""
    process = start(program)
    try:
        status = process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        stop(process, signal.SIGKILL, 0)
        raise EmbeddedError(f"{program.name} did not end within {timeout_seconds:.0f} seconds.") from None
    if status != 0:
        raise EmbeddedError(f"{program.name} failed: {last_words(program.log)}")


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals, grace_seconds: float) -> None:
    """Ask, wait, and kill what does not answer."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def last_words(log: Path, lines: int = 3) -> str:
    """The last lines of a log on one line."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 4000))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return "it left no log."
    found = [line.strip() for line in text.splitlines() if line.strip()][-lines:]
    return " | ".join(found) + f" (the whole log: {log})" if found else f"its log {log} is empty."


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], program: Program, timeout_seconds: float
) -> None:
    """Poll `ready`. Raises EmbeddedError when the process ends first or time is up."""
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        if process.poll() is not None:
            raise EmbeddedError(f"{program.name} ended at once: {last_words(program.log)}")
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{program.name} was not ready in {timeout_seconds:.0f} s: {last_words(program.log)}")
        time.sleep(0.02)
