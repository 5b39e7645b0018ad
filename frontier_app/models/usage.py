"""What a job used of its devices, in one bounded row of points."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db import models

from compute.events import Usage
from frontier_app.models.jobs import Job


class UsagePoint(NamedTuple):
    """Some readings in a row. `utilisation`: their mean over all devices, None where no device tells; `used_bytes`: the
    most, of all devices together; the rest as the last reading said it, since the job's start."""

    seconds: float
    readings: int
    utilisation: float | None
    used_bytes: int
    tokens: int
    generation: float
    judging: float
    learning: float

    def joined(self, later: "UsagePoint") -> "UsagePoint":
        known = [(one.utilisation, one.readings) for one in (self, later) if one.utilisation is not None]
        weight = sum(readings for _, readings in known)
        return later._replace(
            readings=self.readings + later.readings,
            utilisation=sum(value * readings for value, readings in known) / weight if weight else None,
            used_bytes=max(self.used_bytes, later.used_bytes),
        )


class JobUsage(models.Model):
    """The running or last attempt of a job. `points` are at most `MOST_POINTS` lists of a `UsagePoint`'s fields, evenly
    spread over its time: when they are full, neighbours are joined and `readings` a point doubles."""

    MOST_POINTS = 240

    job = models.OneToOneField(Job, primary_key=True, on_delete=models.CASCADE, related_name="usage")
    devices = models.JSONField(default=list, help_text="name and memory_bytes of each device that the job sees")
    points = models.JSONField(default=list)
    readings = models.PositiveIntegerField(default=1, help_text="how many readings one point joins")

    def __str__(self) -> str:
        return f"usage of {self.job}"

    def series(self) -> list[UsagePoint]:
        return [UsagePoint(*values) for values in self.points]

    def take(self, event: Usage) -> None:
        """Add a reading that lies after the last."""
        self.devices = [{"name": one.name, "memory_bytes": one.memory_bytes} for one in event.devices]
        points, now = self.series(), _point(event)
        if points and points[-1].readings < self.readings:
            points[-1] = points[-1].joined(now)
        else:
            points.append(now)
        if len(points) > self.MOST_POINTS:
            points, self.readings = _halved(points), 2 * self.readings
        self.points = [list(point) for point in points]


def _point(event: Usage) -> UsagePoint:
    told = [one.utilisation for one in event.devices if one.utilisation is not None]
    return UsagePoint(
        seconds=round(event.seconds, 2),
        readings=1,
        utilisation=round(sum(told) / len(told), 4) if told else None,
        used_bytes=sum(one.used_bytes for one in event.devices),
        tokens=event.tokens,
        generation=round(event.generation_seconds, 3),
        judging=round(event.judging_seconds, 3),
        learning=round(event.learning_seconds, 3),
    )


def _halved(points: Sequence[UsagePoint]) -> list[UsagePoint]:
    joined = [one.joined(other) for one, other in zip(points[::2], points[1::2], strict=False)]
    return joined + list(points[len(points) - len(points) % 2 :])
