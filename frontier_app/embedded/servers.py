"""The two servers of an installation, started and awaited: for the supervisor and for the test suite.

A server whose address is given in the environment is somebody else's and is not started.
"""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from frontier_app.embedded.places import Places
from frontier_app.embedded.postgres import Postgres
from frontier_app.embedded.processes import Program, start, wait_until
from frontier_app.embedded.valkey import Valkey

START_SECONDS = 90.0


@dataclass(frozen=True)
class Server:
    program: Program
    ready: Callable[[], bool]

    def start(self) -> subprocess.Popen[bytes]:
        return start(self.program)

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """Raises EmbeddedError when the server does not come up."""
        wait_until(self.ready, process, self.program, START_SECONDS)


def needed_servers(places: Places, durable: bool = True) -> list[Server]:
    """The servers that this installation must start itself, prepared. Raises EmbeddedError."""
    servers = []
    if not os.environ.get("DATABASE_URL"):
        postgres = Postgres(places, durable)
        postgres.prepare()
        servers.append(Server(postgres.program(), postgres.ready))
    if not os.environ.get("REDIS_URL"):
        valkey = Valkey(places)
        servers.append(Server(valkey.program(), valkey.ready))
    return servers
