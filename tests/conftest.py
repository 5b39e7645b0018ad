"""What every test can rely on: a PostgreSQL and a Valkey of the suite's own, and a folder that is thrown away.

The folder is chosen before Django reads its settings, so that no test can touch the data of the person who runs it. The
servers start when the first test asks for the database. DATABASE_URL and REDIS_URL, where set, are used instead.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from django.conf import settings as django_settings

if django_settings.configured:
    raise pytest.UsageError(
        "Unset DJANGO_SETTINGS_MODULE: the tests choose their own FRONTIER_HOME before Django loads."
    )

# A shell has what it starts in the background ignore these, and all that the tests start would go on to.
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGQUIT, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
HOME = Path(tempfile.mkdtemp(prefix="frontier-test-"))
HOME.chmod(0o711)  # as root, PostgreSQL runs under an account that must pass through
os.environ["FRONTIER_HOME"] = str(HOME)
os.environ["DJANGO_SETTINGS_MODULE"] = "frontier_app.settings"
os.environ.setdefault("OMP_NUM_THREADS", "1")
if os.environ.get("DATABASE_URL"):
    os.environ.setdefault("SECRET_KEY", "only-for-tests")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.test import Client  # noqa: E402

from frontier_app.embedded.places import Places  # noqa: E402
from frontier_app.embedded.processes import stop  # noqa: E402
from frontier_app.embedded.servers import needed_servers  # noqa: E402

# What takes longest goes first, so that processes which share the work end at about the same time.
LONGEST_FIRST = (
    "tests/processes/",
    "tests/browser/test_browser_axe",
    "tests/browser/test_browser_addresses",
    "tests/browser/",
    "tests/compute/",
    "tests/web/test_rights_routes",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file is run by one process, and the folder whose files share an installation is."""
    items.sort(key=_turn)
    for item in items:
        file = item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group("processes" if file.startswith("tests/processes/") else file))


def _turn(item: pytest.Item) -> int:
    return next((at for at, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start)), len(LONGEST_FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let the processes that share the work each choose a folder of its own."""
    for name in ("DJANGO_SETTINGS_MODULE", "FRONTIER_HOME"):
        del os.environ[name]


def pytest_unconfigure() -> None:
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def services() -> Iterator[Places]:
    """PostgreSQL and Valkey, running until the end of the session."""
    places = Places(HOME)
    places.prepare()
    servers = needed_servers(places, durable=False)
    processes = [server.start() for server in servers]
    try:
        for server, process in zip(servers, processes, strict=True):
            server.wait(process)
        yield places
    finally:
        for server, process in zip(servers, processes, strict=True):
            stop(process, server.program.stop_signal, server.program.grace_seconds)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(services: Places) -> None:
    """pytest-django asks for this before it makes the test database."""


@pytest.fixture(scope="session")
def client_of():
    """`client_of(user)` is a browser-like client that is logged in as `user`; `client_of(None)` is nobody's."""

    def make(user: User | None) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return make
