"""A PostgreSQL and a Valkey for one benchmark, in a folder that is thrown away.

Import this before anything of Django: it chooses FRONTIER_HOME. DATABASE_URL and REDIS_URL, where set, are used.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import project  # noqa: F401  (before Frontier)

HOME = Path(tempfile.mkdtemp(prefix="frontier-bench-"))
HOME.chmod(0o711)
os.environ["FRONTIER_HOME"] = str(HOME)
os.environ["DJANGO_SETTINGS_MODULE"] = "frontier_app.settings"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # as the supervisor sets it

import django  # noqa: E402

from frontier_app.embedded.places import Places  # noqa: E402

Places(HOME).prepare()  # writes the secret key that the settings read
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from frontier_app.embedded.processes import stop  # noqa: E402
from frontier_app.embedded.servers import needed_servers  # noqa: E402


@contextmanager
def running(durable: bool = True) -> Iterator[None]:
    """Both servers up and the tables made; `durable` as in production, which only writing is slower for."""
    servers = needed_servers(Places(HOME), durable)
    processes = [server.start() for server in servers]
    try:
        for server, process in zip(servers, processes, strict=True):
            server.wait(process)
        call_command("migrate", verbosity=0)
        yield
    finally:
        connections.close_all()
        for server, process in zip(servers, processes, strict=True):
            stop(process, server.program.stop_signal, server.program.grace_seconds)
        shutil.rmtree(HOME, ignore_errors=True)
