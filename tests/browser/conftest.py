"""A real web server on the test database, and a real Chromium in front of it.

A machine without a browser skips these tests; in CI that is a failure. The server is a process of its own, so rows must
be committed: every test here has a database that is emptied after it.
"""

import contextlib
import functools
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from playwright.sync_api import BrowserContext, expect, sync_playwright

from frontier_app.management.commands.test import BROWSERS
from tests import factories
from tests.browser.visitor import PATIENCE_MILLISECONDS, WINDOW, Theme, Visitor

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HERE = Path(__file__).parent
START_SECONDS = 60
expect.set_options(timeout=PATIENCE_MILLISECONDS)


class Chromium:
    """A browser that runs, and its profiles by number and theme, each with a page, which go from one test to the next:
    a new page would compile Plotly again, which takes longer than most tests.

    Playwright keeps an event loop in this thread, which Django would take for asynchronous code. So it ends with the
    last of the tests here that follow one another, before one of another folder asks for a loop of its own.
    """

    running: "Chromium | None" = None

    def __init__(self, program: str) -> None:
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(pytest.MonkeyPatch.context()).setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        playwright = self._stack.enter_context(sync_playwright())
        self._browser = self._stack.enter_context(playwright.chromium.launch(executable_path=program, args=list(QUIET)))
        self.profile = functools.cache(self._new_profile)

    def _new_profile(self, number: int, theme: Theme) -> BrowserContext:
        return self._browser.new_context(viewport=WINDOW, color_scheme=theme)

    def close(self) -> None:
        self._stack.close()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    if Chromium.running and (nextitem is None or not nextitem.path.is_relative_to(HERE)):
        Chromium.running.close()
        Chromium.running = None


@pytest.fixture
def chromium() -> Chromium:
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("No Chromium is installed, and in CI the browser tests must run.")
        pytest.skip("no Chromium is installed")
    Chromium.running = Chromium.running or Chromium(program)
    return Chromium.running


@pytest.fixture(scope="session")
def _server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a web server on the test database. As in an installation, it is one uvicorn."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("web") / "server.log"
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "FRONTIER_HTTPS": "0",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "uvicorn", "frontier_app.asgi:application", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=settings.PROJECT, stdout=output, stderr=output)
    address = f"http://127.0.0.1:{port}"
    try:
        until_it_answers(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def server(_server: str, transactional_db: None) -> str:
    return _server


def database_url() -> str:
    """The test database as the server's environment names it."""
    one = connection.settings_dict
    account = quote(one["USER"] or "", safe="") + (f":{quote(one['PASSWORD'], safe='')}" if one["PASSWORD"] else "")
    host, port = one["HOST"] or "", f":{one['PORT']}" if one["PORT"] else ""
    return f"postgresql://{account}@{quote(str(host), safe='')}{port}/{one['NAME']}"


def until_it_answers(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(f"{address}/login/", timeout=START_SECONDS)
        except httpx.ConnectError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"The web server did not answer within {START_SECONDS} s: {log.read_text()}")


@pytest.fixture
def visitor(chromium: Chromium, server: str) -> Iterator[Callable[[User | None], Visitor]]:
    """`visitor(user)` sits down at a browser profile of their own, logged in as `user`."""
    made: list[Visitor] = []

    def sit_down(user: User | None, theme: Theme = "light") -> Visitor:
        context = chromium.profile(len(made), theme)
        if user is not None:
            client = Client()
            client.force_login(user)
            name = settings.SESSION_COOKIE_NAME
            context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": server}])
        made.append(Visitor(context, server, theme))
        return made[-1]

    yield sit_down
    troubles = [line for one in made for line in one.troubles]
    for one in made:
        one.leave()
    assert troubles == []


@pytest.fixture
def alice(transactional_db: None) -> User:
    return factories.alice()


@pytest.fixture
def measured(transactional_db: None) -> factories.Measured:
    """Made anew for each test: a profile keeps what it was told of evaluations with the same keys and version."""
    return factories.measured_study.__wrapped__(problems=8, samples=4, alphas=(-0.5, 0.0, 0.5, 1.0, 1.5))
