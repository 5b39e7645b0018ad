"""`python -m compute remote JOB --server ADDRESS`: run a job of a Frontier server on this machine and report it."""

import argparse
import os
import shlex
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from compute.client import Client, ClientError
from compute.commands.line import Arguments, say, status_of
from compute.errors import ComputeError, ConfigError, MissingInput

TOKEN = "FRONTIER_TOKEN"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
HELP = f"""\
Claims the job, which must be one that is to run elsewhere, runs `python -m compute KIND config.json`, and posts its
events over HTTPS until it ends. A cancel on its page stops it, and so do Ctrl-C and SIGTERM. With --launcher it runs
`LAUNCHER -m compute KIND config.json`, for example over several devices:

    python -m compute remote train-1a2b3c4d --server https://frontier.example.org --token-file ~/.frontier-token \\
        --launcher "accelerate launch --num_processes 8"

The token is what `manage.py token NAME` prints on the server, read from --token-file or from {TOKEN}. Folders are those
of the server unless --map says where they are here.

Exit status: 0 the job succeeded; 1 it did not; 2 the request is wrong or the server refuses it.
"""
Change = Callable[[dict[str, Any]], dict[str, Any]]


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    return status_of(lambda: _run(_parser().parse_args(arguments)))


def _parser() -> Arguments:
    parser = Arguments("remote", "Run a job of a Frontier server on this machine.", HELP)
    add_place(parser)
    return parser


def add_place(parser: argparse.ArgumentParser) -> None:
    """What says which job, where its server is, and how it runs here."""
    add = parser.add_argument
    add("job", metavar="JOB", help="its reference, as on its page: train-1a2b3c4d")
    add("--server", required=True, metavar="ADDRESS", help="https://...")
    add("--token-file", metavar="FILE", help=f"holds the API token; {TOKEN} without")
    add("--launcher", default="", metavar="COMMAND", help="what starts the processes, such as accelerate launch")
    add("--map", action="append", default=[], metavar="THERE=HERE", help="a folder of the server, and where it is here")


def _run(options: argparse.Namespace) -> int:
    refuse_open_address(options.server)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    try:
        with Client(options.server, token(options.token_file)) as client:
            job = client.run_here(options.job, moved(options.map), shlex.split(options.launcher), stopping.is_set)
    except ClientError as error:
        raise ConfigError(f"The server refuses ({error.status}): {error}") from None
    except httpx.HTTPError as error:
        raise ComputeError(f"The server {options.server} does not answer: {error}.") from None
    except OSError as error:
        raise MissingInput(f"{error.filename} cannot be started: {error.strerror}.") from None
    say(f"{job['reference']} {job['state']}{': ' + job['error'] if job['error'] else ''}")
    return 0 if job["state"] == "succeeded" else 1


def refuse_open_address(server: str) -> None:
    """A token must not travel in clear. Raises ConfigError."""
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"The server {server!r} is no address: write https://...")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ConfigError(f"The token would travel in clear to {parts.hostname}: use https://.")


def token(file: str | None) -> str:
    """Raises MissingInput."""
    if file is None:
        given = os.environ.get(TOKEN, "").strip()
        if not given:
            raise MissingInput(f"There is no token: name its file with --token-file, or set {TOKEN}.")
        return given
    try:
        given = Path(file).expanduser().read_text().strip()
    except OSError as error:
        raise MissingInput(f"The token file {file} cannot be read: {error.strerror}.") from None
    if not given:
        raise MissingInput(f"The token file {file} is empty.")
    return given


def moved(pairs: Sequence[str]) -> Change:
    """Replaces folders of the server at the beginning of every path of a config. Raises ConfigError."""
    places = []
    for pair in pairs:
        there, _, here = pair.partition("=")
        if not there.startswith("/") or not here:
            raise ConfigError(f"--map {pair!r}: write /folder/there=/folder/here.")
        places.append((there.rstrip("/"), str(Path(here).expanduser().absolute())))

    def change(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: change(one) for key, one in value.items()}
        if isinstance(value, list):
            return [change(one) for one in value]
        for there, here in places:
            if isinstance(value, str) and (value == there or value.startswith(f"{there}/")):
                return here + value[len(there) :]
        return value

    return change
