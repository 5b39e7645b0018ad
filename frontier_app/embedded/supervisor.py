"""Keeps one installation running: servers, web server, workers and the clock, each a process of its own.

What dies is started again, with growing pauses where it dies at once. One folder has one supervisor at a time. Nothing
outlives it: in order on request, and by the kernel's hand when it is killed. All of it happens in the main thread,
in `tick`, which the commands call several times a second. It knows nothing about studies.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError

from frontier_app.embedded.devices import Slot
from frontier_app.embedded.places import Places
from frontier_app.embedded.processes import EmbeddedError, Program, last_words, start, stop
from frontier_app.embedded.servers import Server, needed_servers
from frontier_app.jobs import queue
from frontier_app.models import Job

FIRST_PORT = 8000
PORTS_TRIED = 100
SHORTEST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30.0
WEB_ALONE_SECONDS = 1.5  # starting takes each process a second of a core; the page should not wait for the workers
APART_SECONDS = 0.2
CPU_WORKERS = 2
CELERY = (sys.executable, "-m", "celery", "-A", "frontier_app", "--quiet")
WORKER = ("worker", "--pool=solo", "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=INFO")


@dataclass
class Kept:
    """A program, its process of the moment, and when to start it again after it died."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause_seconds: float = 0.0
    start_again: float = 0.0
    deaths: int = 0

    def start(self) -> None:
        self.process, self.started = start(self.program), time.monotonic()

    def tick(self) -> None:
        now = time.monotonic()
        if self.process is not None:
            if self.process.poll() is None:
                return
            steady = now - self.started > STEADY_SECONDS
            self.pause_seconds = (
                SHORTEST_PAUSE_SECONDS
                if steady or not self.pause_seconds
                else min(2 * self.pause_seconds, LONGEST_PAUSE_SECONDS)
            )
            self.process, self.start_again, self.deaths = None, now + self.pause_seconds, self.deaths + 1
        if now >= self.start_again:
            self.start()

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process, self.program.stop_signal, self.program.grace_seconds)


@dataclass
class Supervisor:
    """`port` None takes 8000 or the next free one. Use `running()`; between, call `tick` or `serve`."""

    places: Places
    project: Path
    port: int | None = None
    slots: Sequence[Slot] = (Slot("gpu"),)
    servers: list[Kept] = field(default_factory=list)
    others: list[Kept] = field(default_factory=list)
    stopping: bool = False
    address: str = ""

    @contextmanager
    def running(self) -> Iterator["Supervisor"]:
        """The installation, up inside the block and down after it. Raises EmbeddedError."""
        try:
            self.places.prepare()
        except OSError as error:
            raise EmbeddedError(f"{self.places.home} cannot be used ({error}): set FRONTIER_HOME.") from None
        before = {number: signal.signal(number, self._ask_to_stop) for number in stop_signals()}
        try:
            with exclusive(self.places.lock) as lock, listening_socket(self.port) as listening:
                self.address = f"http://127.0.0.1:{listening.getsockname()[1]}"
                write_owner(lock, self.address)
                try:
                    self._start(listening)
                    yield self
                finally:
                    self._stop()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def tick(self) -> None:
        """Start again what has died. Workers wait until the servers are there by themselves."""
        for kept in (*self.servers, *self.others):
            kept.tick()

    def serve(self) -> None:
        """Until somebody asks to stop."""
        while not self.stopping:
            self.tick()
            time.sleep(0.2)

    def _start(self, listening: socket.socket) -> None:
        servers = needed_servers(self.places)
        self._start_servers(servers)
        if self.stopping:
            return
        prepare_database()
        self.others = [Kept(self._web(listening))]
        first = time.monotonic() + WEB_ALONE_SECONDS
        for number, program in enumerate(self._workers()):
            self.others.append(Kept(program, start_again=first + number * APART_SECONDS))
        self.tick()

    def _start_servers(self, servers: list[Server]) -> None:
        self.servers = [Kept(server.program) for server in servers]
        for kept in self.servers:
            kept.start()
        for server, kept in zip(servers, self.servers, strict=True):
            assert kept.process is not None
            server.wait(kept.process)

    def _stop(self) -> None:
        """The clock and the workers first, so that they can still hand their jobs back; the servers last."""
        if self.stopping:
            print("\nStopping. A job that is cut short starts again with the next start.", file=sys.stderr, flush=True)
        running = [kept for kept in self.others if kept.process is not None]
        for kept in running:
            assert kept.process is not None
            if kept.process.poll() is None:
                kept.process.send_signal(kept.program.stop_signal)
        for kept in running:
            assert kept.process is not None
            wait_or_kill(kept.process, kept.program.grace_seconds)
        for kept in reversed(self.servers):
            kept.stop()

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        """The first request stops in order; a second one does not wait for the processes to end by themselves."""
        if self.stopping:
            for kept in self.others:
                if kept.process is not None and kept.process.poll() is None:
                    kept.process.kill()
        self.stopping = True

    def _web(self, listening: socket.socket) -> Program:
        descriptor = listening.fileno()
        return self._python("web", "-m", "frontier_app.embedded.web", str(descriptor), descriptors=(descriptor,))

    def _workers(self) -> Iterator[Program]:
        for number in range(CPU_WORKERS):
            yield self._celery(f"cpu-{number}", "cpu")
        yield self._celery("tend", "tend")
        yield self._program("beat", (*CELERY, "beat", "--loglevel=WARNING"))
        before: Counter[str] = Counter()
        for slot in self.slots:
            yield self._celery(f"{slot.queue}-{before[slot.queue]}", slot.queue, slot.environment)
            before[slot.queue] += 1

    def _celery(self, name: str, queue: str, environment: dict[str, str] | None = None) -> Program:
        return self._program(name, (*CELERY, *WORKER, "-Q", queue, "-n", f"{name}@%h"), environment)

    def _python(self, name: str, *arguments: str, descriptors: tuple[int, ...] = ()) -> Program:
        return self._program(name, (sys.executable, *arguments), descriptors=descriptors)

    def _program(
        self,
        name: str,
        command: tuple[str, ...],
        environment: dict[str, str] | None = None,
        descriptors: tuple[int, ...] = (),
    ) -> Program:
        return Program(
            name=name,
            command=command,
            log=self.places.logs / f"{name}.log",
            environment={
                "FRONTIER_HOME": str(self.places.home),
                "FRONTIER_HTTPS": "0",
                "DJANGO_SETTINGS_MODULE": "frontier_app.settings",
                "CELERY_SKIP_CHECKS": "1",
                "PYTHONUNBUFFERED": "1",
                "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
            }
            | (environment or {}),
            folder=self.project,
            grace_seconds=15.0,
            file_descriptors=descriptors,
        )

    def complaints(self) -> list[str]:
        """What keeps dying, one sentence each."""
        return [
            f"{kept.program.name} keeps ending: {last_words(kept.program.log)}"
            for kept in (*self.servers, *self.others)
            if kept.pause_seconds >= LONGEST_PAUSE_SECONDS / 2 and kept.process is None
        ]


@contextmanager
def exclusive(path: Path) -> Iterator[int]:
    """Hold the folder's lock. Raises EmbeddedError, with the address of whoever holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = read_owner(path)
            raise EmbeddedError(
                f"Frontier already runs on {path.parent}: {owner}. `python3 manage.py login` prints a login address."
            ) from None
        yield descriptor
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def write_owner(descriptor: int, address: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "address": address}).encode(), 0)


def read_owner(path: Path) -> str:
    try:
        owner = json.loads(path.read_text())
    except ValueError:
        return "it is just starting"
    return f"{owner['address']}/ (process {owner['pid']})"


def running_address(path: Path) -> str | None:
    """The address of the installation that holds the lock at `path`; None when nobody holds it."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        with suppress(ValueError):
            return str(json.loads(path.read_text())["address"])
    return None


@contextmanager
def listening_socket(port: int | None) -> Iterator[socket.socket]:
    """A listening socket on the loopback interface. Raises EmbeddedError when `port`, or every one tried, is taken."""
    candidates = range(FIRST_PORT, FIRST_PORT + PORTS_TRIED) if port is None else [port]
    for candidate in candidates:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", candidate))
        except OSError:
            listening.close()
            continue
        with listening:
            listening.listen(256)
            yield listening
        return
    if port is not None:
        raise EmbeddedError(f"Port {port} is taken: choose another with --port, or leave the choice to Frontier.")
    raise EmbeddedError(f"No port between {FIRST_PORT} and {candidates[-1]} is free: name one with --port.")


def wait_or_kill(process: subprocess.Popen[bytes], grace_seconds: float) -> None:
    try:
        process.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop_signals() -> list[signal.Signals]:
    """Also the closing of the terminal, unless nohup has said that it means nothing."""
    hangup = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hangup]


def prepare_database() -> None:
    """Bring the tables up to date, and queue again what the workers of a killed supervisor were running.

    The latter costs no attempt, and happens only where the database is this installation's own: there nobody else's
    worker can hold a job. Raises EmbeddedError when the database does not answer.
    """
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except OperationalError as error:
        raise EmbeddedError(f"The database cannot be used: {str(error).strip().splitlines()[0]}") from None
    if settings.EMBEDDED:
        for job in Job.objects.filter(state=Job.RUNNING, remote=False):
            queue.release(job.pk, job.token)
