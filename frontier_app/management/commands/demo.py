"""`manage.py demo`: the miniature study, run for real and watched from the terminal and the page."""

import json
import time
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connection
from rich.console import Console

from compute.miniature.study import PLAN, SMALL
from frontier_app import launch
from frontier_app.embedded.people import researcher
from frontier_app.embedded.processes import EmbeddedError
from frontier_app.embedded.supervisor import Supervisor
from frontier_app.embedded.terminal import Stages, points_table
from frontier_app.management.commands.up import supervisor, welcome
from frontier_app.models import Job, Study
from frontier_app.numbers.summary import measured_points

LOOK_SECONDS = 0.5
ENDS = {Job.FAILED: "failed", Job.CANCELLED: "was cancelled", Job.LOST: "was lost"}


class Command(BaseCommand):
    help = "Run the miniature study on this machine: training, sweep, evaluation and the frontier, live on the page."
    requires_system_checks = []  # they look at the database, which this command starts

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--exit", action="store_true", help="stop when the study is complete")
        parser.add_argument("--summary", type=Path, metavar="FILE", help="write the points as JSON when it is complete")
        parser.add_argument("--seed", type=int, default=0, help="another seed is another study")
        parser.add_argument(
            "--small", action="store_true", help="the same road in under a minute; its figures mean nothing"
        )
        parser.add_argument("--port", type=int, help="port on 127.0.0.1 (default: 8000 or the next free one)")

    def handle(self, **options: object) -> None:
        console = Console()
        try:
            with supervisor(options["port"]).running() as installation:
                if installation.stopping:
                    raise CommandError("Stopped before the servers were up.")
                console.print(welcome(installation.address), highlight=False, soft_wrap=True)
                study = the_study(options["seed"], options["small"])
                failure = watch(installation, study, console)
                report(study, console, options["summary"], failure)
                if failure and options["exit"]:
                    raise CommandError(failure)
                if not options["exit"]:
                    console.print(failure or "The study is complete.", f"The page stays up: {installation.address}/")
                    installation.serve()
        except EmbeddedError as error:
            raise CommandError(str(error)) from None


def the_study(seed: object, small: object) -> Study:
    """The study of this seed and size, made on the first occasion; jobs that ended badly are tried again."""
    assert isinstance(seed, int)
    name = "-".join(["miniature", *(["small"] if small else []), *([str(seed)] if seed else [])])
    owner = researcher()
    study = launch.create_miniature_study(owner, slug=name, seed=seed, plan=SMALL if small else PLAN)
    for job in latest(study):
        if job.state in ENDS:
            launch.retry(job, owner)
    return study


def latest(study: Study) -> list[Job]:
    """The study's jobs in order, without those that were retried."""
    return list(study.jobs.filter(children=None).order_by("pk"))


def watch(installation: Supervisor, study: Study, console: Console) -> str:
    """Keep the installation running and the bars moving until the study has ended. Returns why it failed, or ''."""
    complained: set[str] = set()
    with Stages(console) as stages:
        looked = 0.0
        while not installation.stopping:
            installation.tick()
            time.sleep(0.1)
            if time.monotonic() - looked < LOOK_SECONDS:
                continue
            looked = time.monotonic()
            for complaint in installation.complaints():
                if complaint not in complained:
                    complained.add(complaint)
                    console.print(complaint, style="yellow")
            try:
                jobs = latest(study)
                stages.show(jobs)
                if ended(study, jobs):
                    return failure_of(jobs)
            except (OperationalError, InterfaceError):  # PostgreSQL is being started again
                connection.close()
    return "The study was stopped before it was complete; the next demo continues it."


def ended(study: Study, jobs: list[Job]) -> bool:
    """Whether nothing runs, nothing can start any more, and nothing is about to be retried by itself.

    Jobs move between two queries, so the answer only stands when they are afterwards where they were before.
    """
    going_on = any(
        job.state in (Job.RUNNING, Job.CANCELLING) or (job.state == Job.LOST and job.attempt < job.max_attempts)
        for job in jobs
    )
    if going_on or study.jobs.ready().exists():
        return False
    return [(job.pk, job.state) for job in jobs] == [(job.pk, job.state) for job in latest(study)]


def failure_of(jobs: list[Job]) -> str:
    """One sentence about the first job that ended badly; '' when all went well."""
    for job in jobs:
        if job.state in ENDS:
            reason = f": {job.error.rstrip('.')}" if job.error else ""
            return f"The study failed because “{job.title}” {ENDS[job.state]}{reason}."
    if any(job.state != Job.SUCCEEDED for job in jobs):
        return "The study cannot go on: its jobs wait for one that is gone."
    return ""


def report(study: Study, console: Console, file: object, failure: str) -> None:
    """The table of points, and the summary file where one is asked for and the study is complete."""
    measured = measured_points(study)
    if measured:
        console.print(points_table(measured, study.title))
    if isinstance(file, Path) and not failure:
        try:
            file.write_text(json.dumps({"points": [point.as_json() for point in measured]}, indent=2) + "\n")
        except OSError as error:
            raise CommandError(f"The summary cannot be written to {file}: {error.strerror}.") from None
