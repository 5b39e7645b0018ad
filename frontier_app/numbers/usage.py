"""What a job's page says of its devices and its time: from the points that its child reported."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from frontier_app.models import Job, JobUsage, UsagePoint

RECENT_POINTS = 12
PARTS = ("generation", "judging", "learning")


@dataclass(frozen=True)
class Part:
    """`share` of the time passed, or of the sum of all parts where they ran side by side for longer than that."""

    name: str
    seconds: float
    share: float

    @property
    def css(self) -> str:
        return self.name.removeprefix("the ")


@dataclass(frozen=True)
class UsageNumbers:
    """What is None was not measured. `tokens_a_second`: while answers were generated, lately for a running job."""

    device: str
    memory_bytes: int
    used_bytes: int
    peak_bytes: int
    utilisation: float | None
    mean_utilisation: float | None
    line: list[tuple[float, float]]
    tokens: int
    tokens_a_second: float | None
    parts: list[Part]
    busy_seconds: float
    seconds: float


def usage_of(job: Job) -> UsageNumbers | None:
    """None where nothing was reported."""
    row = JobUsage.objects.filter(job=job).first()
    points = row.series() if row is not None else []
    if row is None or not points:
        return None
    last = points[-1]
    since = points[-RECENT_POINTS] if not job.ended_already and len(points) > RECENT_POINTS else None
    return UsageNumbers(
        device=device_words([device["name"] for device in row.devices]),
        memory_bytes=sum(device["memory_bytes"] for device in row.devices),
        used_bytes=last.used_bytes,
        peak_bytes=max(point.used_bytes for point in points),
        utilisation=last.utilisation,
        mean_utilisation=mean_utilisation(points),
        line=[(point.seconds, point.utilisation) for point in points if point.utilisation is not None],
        tokens=last.tokens,
        tokens_a_second=tokens_a_second(last, since),
        parts=parts_of(last),
        busy_seconds=sum(getattr(last, name) for name in PARTS),
        seconds=last.seconds,
    )


def device_words(names: Sequence[str]) -> str:
    """ "CPU", "8 × NVIDIA H100"."""
    return ", ".join(f"{times} × {name}" if times > 1 else name for name, times in Counter(names).items())


def mean_utilisation(points: Sequence[UsagePoint]) -> float | None:
    told = [(point.utilisation, point.readings) for point in points if point.utilisation is not None]
    readings = sum(weight for _, weight in told)
    return sum(value * weight for value, weight in told) / readings if readings else None


def tokens_a_second(last: UsagePoint, since: UsagePoint | None) -> float | None:
    tokens, seconds = last.tokens, last.generation
    if since is not None and last.generation > since.generation:
        tokens, seconds = tokens - since.tokens, seconds - since.generation
    return tokens / seconds if seconds > 0 and last.tokens else None


def parts_of(last: UsagePoint) -> list[Part]:
    """Generation, judging, learning and the rest (loading, saving, waiting), without those that took no time;
    empty where none was timed."""
    seconds = {name: float(getattr(last, name)) for name in PARTS}
    busy = sum(seconds.values())
    if busy <= 0:
        return []
    whole = max(busy, last.seconds)
    seconds["the rest"] = whole - busy
    return [Part(name, spent, spent / whole) for name, spent in seconds.items() if spent > 0]
