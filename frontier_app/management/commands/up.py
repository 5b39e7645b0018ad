"""`manage.py up`: the servers, the web server and the workers, until Ctrl-C."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from frontier_app.embedded.people import login_address, researcher
from frontier_app.embedded.processes import EmbeddedError
from frontier_app.embedded.supervisor import Supervisor


class Command(BaseCommand):
    help = "Serve Frontier on this machine until Ctrl-C, with its own PostgreSQL and Valkey unless addresses are set."
    requires_system_checks = []  # they look at the database, which this command starts

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, help="port on 127.0.0.1 (default: 8000 or the next free one)")

    def handle(self, **options: object) -> None:
        try:
            with supervisor(options["port"]).running() as installation:
                self.stdout.write(welcome(installation.address))
                installation.serve()
        except EmbeddedError as error:
            raise CommandError(str(error)) from None


def supervisor(port: object) -> Supervisor:
    assert port is None or isinstance(port, int)
    return Supervisor(settings.PLACES, Path(settings.PROJECT), port, settings.FRONTIER_SLOTS)


def welcome(address: str) -> str:
    login = login_address(address, researcher())
    return f"Frontier: {address}/\nLog in, once: {login}\nData: {settings.FRONTIER_HOME}\nCtrl-C stops everything.\n"
