"""`manage.py token NAME`: issue an API token, for a script or a run elsewhere."""

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from frontier_app.embedded.people import researcher
from frontier_app.models import ApiToken


class Command(BaseCommand):
    help = (
        "Issue an API token for `compute.client`. It is printed once and stored only as a hash; the admin revokes it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what it is for, as it will stand in the admin's list")
        parser.add_argument("--user", help="whose rights it carries (default: yours on this machine)")

    def handle(self, *arguments: object, **options: object) -> None:
        username = options["user"]
        user = User.objects.filter(username=username).first() if username else researcher()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        self.stdout.write(ApiToken.issue(user, str(options["name"])[:80]))
