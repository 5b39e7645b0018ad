"""Settings, static files and the security that pages get without asking."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from frontier_app.asgi import StaticFiles
from frontier_app.embedded.places import SOCKET_PATH_BYTES, Places
from frontier_app.settings import kombu_url

PROJECT = Path(settings.PROJECT)
MANAGE_CHECK = "import runpy, sys; sys.argv = ['manage.py', 'check']; runpy.run_path('manage.py', run_name='__main__')"


def in_fresh_process(code: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=clean | {"FRONTIER_HOME": str(tmp_path / "home")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_address_gives_the_three_spellings_of_the_embedded_valkey(tmp_path):
    places = Places(tmp_path)
    assert places.redis_url == f"unix://{tmp_path}/valkey/valkey.sock?db=0"
    assert kombu_url(places.redis_url) == f"redis+socket://{tmp_path}/valkey/valkey.sock?virtual_host=0"
    assert settings.CHANNEL_LAYERS["default"]["CONFIG"]["hosts"] == [settings.REDIS_URL]


def test_a_redis_server_elsewhere_is_spelled_the_same_everywhere():
    assert kombu_url("rediss://user:secret@example.org:6380/2") == "rediss://user:secret@example.org:6380/2"


def test_production_without_a_secret_key_is_refused_in_one_sentence(tmp_path):
    ended = in_fresh_process(MANAGE_CHECK, tmp_path, DATABASE_URL="postgresql://somewhere/frontier")
    assert ended.returncode == 1
    assert ended.stderr.strip() == (
        "DATABASE_URL is set but SECRET_KEY is not: set SECRET_KEY to a long random string."
    )


def test_a_number_of_slots_that_is_none_is_refused_in_one_sentence(tmp_path):
    ended = in_fresh_process(MANAGE_CHECK, tmp_path, FRONTIER_GPU_SLOTS="many")
    assert ended.stderr.strip() == "FRONTIER_GPU_SLOTS must be a positive number, not 'many'."


@pytest.mark.parametrize(("database", "secure"), [("", False), ("postgresql://somewhere/frontier", True)])
def test_cookies_are_secure_in_production_and_work_without_https_at_home(tmp_path, database, secure):
    code = "import json; from frontier_app import settings as s; print(json.dumps([s.SESSION_COOKIE_SECURE, s.DEBUG]))"
    ended = in_fresh_process(code, tmp_path, DATABASE_URL=database, SECRET_KEY="x" * 50)
    assert json.loads(ended.stdout) == [secure, False]


def test_reading_the_settings_writes_nothing(tmp_path):
    assert in_fresh_process("import frontier_app.settings", tmp_path).returncode == 0
    assert not (tmp_path / "home").exists()


def test_the_secret_key_is_made_once_and_is_the_owners_alone(tmp_path):
    places = Places(tmp_path / "home")
    places.prepare()
    first = places.secret_key_file.read_text()
    places.prepare()
    assert places.secret_key_file.read_text() == first
    assert len(first) >= 50
    assert places.secret_key_file.stat().st_mode & 0o777 == 0o600


def test_socket_paths_fit_into_their_address_however_deep_the_home_lies(tmp_path):
    places = Places(tmp_path / ("deep" * 40))
    for socket in (places.valkey_socket, places.postgres_sockets / ".s.PGSQL.5432"):
        assert len(os.fsencode(socket)) <= SOCKET_PATH_BYTES


@pytest.mark.django_db
def test_pages_forbid_everything_that_comes_from_elsewhere(client):
    policy = client.get("/login/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "script-src 'self';" in policy


def fetch(path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One static file as uvicorn would ask for it."""
    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    async def nothing(*_: object) -> None:
        raise AssertionError("a static file must not reach the pages")

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(StaticFiles(nothing)(scope, nothing, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, sent[1]["body"]


@pytest.mark.parametrize("path", ["/static/plotly/plotly.min.js", "/static/django_htmx/htmx-2.min.js"])
def test_scripts_of_installed_packages_are_served_from_the_packages(path):
    status, headers, body = fetch(path)
    assert status == 200
    assert "javascript" in headers["content-type"]
    assert len(body) == int(headers["content-length"]) > 10_000
    assert fetch(path, if_modified_since=headers["last-modified"])[0] == 304


def test_a_missing_static_file_is_not_found():
    assert fetch("/static/../manage.py")[0] == 404
    assert fetch("/static/nothing.js")[0] == 404
