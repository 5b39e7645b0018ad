"""A whole installation in a folder of its own, started as a person would start it, to kill parts of."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import psycopg
from django.conf import settings

from frontier_app.embedded.places import Places
from frontier_app.embedded.postgres import Postgres

PARTS = {
    "web server": "frontier_app.embedded.web",
    "Valkey": "valkey-server",
    "gpu worker": "-Q gpu",
    "PostgreSQL": "postgres -D",
}
SERVERS_OF_OTHERS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE", "CI")


class Installation:
    """`python manage.py ...` on one FRONTIER_HOME. Killing and looking are done from outside, by process id and SQL."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.places = Places(home)
        self.output = home / "terminal.txt"
        self.supervisor: subprocess.Popen[bytes] | None = None
        self.environment = {name: value for name, value in os.environ.items() if name not in SERVERS_OF_OTHERS}
        self.environment |= {"FRONTIER_HOME": str(home), "PYTHONUNBUFFERED": "1"} | environment

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.output.open("wb") as output:
            self.supervisor = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=settings.PROJECT,
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self.supervisor

    def serve(self) -> None:
        """Serving, with a complete small study in it."""
        if self.supervisor is None or self.supervisor.poll() is not None:
            self.start("up")
        self.wait_for(self.page_answers, 120, "the page is up")
        if not self.number("select count(*) from frontier_app_study"):
            self.stop()
            assert self.start("demo", "--small", "--exit").wait(400) == 0, self.told()
            self.serve()

    def shell(self, code: str) -> str:
        """Run code in a Django shell beside the running installation."""
        command = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
        ended = subprocess.run(
            command, cwd=settings.PROJECT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    def rows(self, query: str, *values: object) -> list[tuple]:
        """What PostgreSQL answers; nothing while it does not."""
        try:
            with psycopg.connect(Postgres(self.places).connection(), connect_timeout=5) as connection:
                return connection.execute(query.encode(), values).fetchall()
        except psycopg.OperationalError:
            return []
        except psycopg.errors.UndefinedTable:
            return []

    def number(self, query: str, *values: object) -> int:
        found = self.rows(query, *values)
        return int(found[0][0]) if found else 0

    def wait_for(self, check: Callable[[], object], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s\n{self.told()}"
            assert self.supervisor is None or self.supervisor.poll() is None, f"the supervisor ended\n{self.told()}"
            time.sleep(0.05)

    def told(self) -> str:
        """The end of every log, for a failed assertion."""
        files = [self.output, *sorted(self.places.logs.glob("*.log"))]
        return "\n".join(f"== {file.name}\n{file.read_text(errors='replace')[-1500:]}" for file in files)

    def part(self, name: str) -> psutil.Process | None:
        assert self.supervisor is not None
        for process in psutil.Process(self.supervisor.pid).children():
            try:
                if PARTS[name] in " ".join(process.cmdline()):
                    return process
            except psutil.Error:
                continue
        return None

    def everything(self) -> list[psutil.Process]:
        """All processes below the supervisor, and any that carries this home in its environment."""
        found = []
        if self.supervisor is not None and self.supervisor.poll() is None:
            found = psutil.Process(self.supervisor.pid).children(recursive=True)
        return [*found, *strays(self.places.home)]

    def address(self) -> str:
        return str(json.loads(self.places.lock.read_text())["address"])

    def page_answers(self) -> bool:
        try:
            return httpx.get(f"{self.address()}/login/", timeout=20).status_code == 200
        except (httpx.HTTPError, OSError, ValueError):
            return False

    def stop(self) -> None:
        if self.supervisor is not None and self.supervisor.poll() is None:
            self.supervisor.send_signal(signal.SIGINT)
            try:
                self.supervisor.wait(60)
            except subprocess.TimeoutExpired:
                self.supervisor.kill()
                self.supervisor.wait()


def strays(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("FRONTIER_HOME") == str(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def still_running(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
