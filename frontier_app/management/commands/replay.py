"""`manage.py replay STUDY KIND config.json events.jsonl`: import a run that happened elsewhere."""

from pathlib import Path

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from compute.configs import KINDS
from compute.errors import ConfigError
from frontier_app import live
from frontier_app.importers import replay
from frontier_app.launch import LaunchError
from frontier_app.models import Job, Study
from frontier_app.viewer import Viewer


class Command(BaseCommand):
    help = "Import the events that `python -m compute KIND config.json` printed on another machine."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", help="slug of the study to import into")
        parser.add_argument("kind", choices=KINDS)
        parser.add_argument("config", type=Path, help="the config that the run was given")
        parser.add_argument("events", type=Path, help="what it printed: one event a line")
        parser.add_argument("--user", required=True, help="the member of the study who imports")

    def handle(self, *arguments: object, **options: object) -> None:
        user = User.objects.filter(username=options["user"]).first()
        study = Study.objects.writable_by(Viewer(user=user)).filter(slug=options["study"]).first()
        if study is None or user is None:
            raise CommandError(f"{options['user']} is not a member of a study {options['study']!r}.")
        try:
            with Path(str(options["events"])).open("rb") as events:
                job = replay(study, user, str(options["kind"]), Path(str(options["config"])), events)
        except OSError as error:
            raise CommandError(f"{options['events']} cannot be read: {error.strerror}.") from None
        except (ConfigError, LaunchError) as error:
            raise CommandError(str(error)) from None
        live.flush()
        if job.state != Job.SUCCEEDED:
            raise CommandError(f"The imported run {job.state}: {job.error}")
        self.stdout.write(f"Imported as {job.reference}.")
