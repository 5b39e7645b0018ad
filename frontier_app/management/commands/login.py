"""`manage.py login`: another one-time address of the running installation, for whoever logged out."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from frontier_app.embedded.people import login_address, researcher
from frontier_app.embedded.supervisor import running_address


class Command(BaseCommand):
    help = "Print a fresh one-time login address of the Frontier that runs on FRONTIER_HOME."
    requires_system_checks = []  # they look at the database, which may not run

    def handle(self, *arguments: object, **options: object) -> None:
        address = running_address(settings.PLACES.lock)
        if address is None:
            raise CommandError("Frontier does not run here: start it with `python3 manage.py up`.")
        try:
            self.stdout.write(login_address(address, researcher()))
        except OperationalError:
            raise CommandError("Frontier is just starting: try again in a few seconds.") from None
