"""What `demo` shows in the terminal: a bar for each job while the study runs, and its points at the end.

With no terminal attached the same news come as plain lines. Nothing here asks the database.
"""

from collections.abc import Iterable, Sequence
from math import isnan

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from frontier_app.models import Job
from frontier_app.numbers.summary import RATES, MeasuredPoint

MARKS = {
    Job.QUEUED: "[dim]waiting[/]",
    Job.RUNNING: "[cyan]running[/]",
    Job.CANCELLING: "[yellow]stopping[/]",
    Job.SUCCEEDED: "[green]done[/]",
    Job.FAILED: "[red]failed[/]",
    Job.CANCELLED: "[yellow]cancelled[/]",
    Job.LOST: "[red]lost[/]",
}


class Stages:
    """One bar a job. Call `show` with the jobs as they are, as often as you like; no thread draws in between."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars: dict[str, TaskID] = {}
        self._told: dict[str, str] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[mark]}"),
            TextColumn("{task.fields[time]}", justify="right"),
            console=console,
            auto_refresh=False,
        )

    def __enter__(self) -> "Stages":
        if self.console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:
            self._progress.stop()

    def show(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            if self.console.is_terminal:
                self._draw(job)
            elif self._told.get(job.reference) != job.state:
                self._told[job.reference] = job.state
                self.console.print(f"{job.title}: {job.state}")
        if self.console.is_terminal:
            self._progress.refresh()

    def _draw(self, job: Job) -> None:
        if job.reference not in self._bars:
            self._bars[job.reference] = self._progress.add_task(job.title, count="", mark="", time="")
        total, seconds = job.total or 1.0, job.cost_seconds
        self._progress.update(
            self._bars[job.reference],
            total=total,
            completed=total if job.state == Job.SUCCEEDED else job.done,
            count=f"{job.done:,.0f}/{job.total:,.0f} {job.unit}" if job.total else "",
            mark=MARKS[job.state],
            time="" if seconds is None else f"{seconds:.0f} s",
        )


def points_table(points: Sequence[MeasuredPoint], title: str) -> Table:
    """The hardest problems, where the frontier shows. A merge goes by its path's name: its alpha stands beside it."""
    hardest = next((list(point.by_difficulty)[-1] for point in points), "")
    caption = f"{hardest} problems, every test counts, 95 % intervals over problems"
    table = Table(title=title, caption=caption, box=SIMPLE)
    table.add_column("checkpoint", no_wrap=True, overflow="ellipsis")
    for heading in ("a", "n", "solved", "optimisation\nfailures", "correctness\nfailures"):
        table.add_column(heading, justify="right", no_wrap=True)
    for point in points:
        hard, alpha, path = point.by_difficulty[hardest], point.evaluation.alpha, point.evaluation.path
        rates, half_widths = hard.rates(), hard.half_widths()
        table.add_row(
            path.name if path is not None and alpha not in (0, 1) else point.evaluation.checkpoint.name,
            "—" if alpha is None else f"{alpha:g}",
            str(rates["n"]),
            *(shown(rates[name], half_widths[name]) for name in RATES[:3]),
        )
    return table


def shown(rate: float | None, half_width: float) -> str:
    if rate is None:
        return "—"
    return f"{rate:.3f}" if isnan(half_width) else f"{rate:.3f} ± {half_width:.3f}"
