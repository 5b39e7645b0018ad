"""What a launch will cost in time, before it starts: from past jobs of the kind, else from a stated default.

An estimate is seconds of one worker; callers divide by workers where jobs run side by side. Starts nothing.
"""

from dataclasses import dataclass
from statistics import median

from frontier_app.models import Job

PAST_JOBS = 5
DEFAULT_SECONDS = {"install": 180.0, "problems": 15.0, "pretrain": 240.0, "train": 8.0, "merge": 3.0, "evaluate": 8.0}
"""What a job of the kind costs before it has done anything: mostly imports."""
DEFAULT_SECONDS_A_UNIT = {"problems": 0.03, "train": 0.012, "evaluate": 0.007}
"""Of the miniature on one core of a laptop: a problem written, an answer sampled and judged."""


@dataclass(frozen=True)
class Estimate:
    """seconds: of one worker; basis: where the figure comes from, in words."""

    seconds: float
    basis: str

    def __add__(self, other: "Estimate") -> "Estimate":
        return Estimate(self.seconds + other.seconds, self.basis)


def work_of(config: dict) -> float:
    """How much a job has to do, in the unit of its kind; 0 where every job of the kind does about the same."""
    if config["kind"] == "train":
        return float(config["steps"] * config["prompts_per_step"] * config["group"])
    if config["kind"] == "evaluate":
        return float(len(config["points"]) * config["sampling"]["samples"])
    if config["kind"] == "problems":
        return float(sum(config["train"].values()) + sum(config["held_out"].values()))
    return 0.0


def estimate(kind: str, work: float, problems: int = 1) -> Estimate:
    """For `work` units of a kind; an evaluation's unit is one answer to each of `problems`."""
    past = [
        (job.cost_seconds or 0.0, work_of(job.config))
        for job in Job.objects.filter(kind=kind, state=Job.SUCCEEDED, started__isnull=False).order_by("-pk")[:PAST_JOBS]
    ]
    start = DEFAULT_SECONDS[kind]
    if not past:
        return Estimate(start + DEFAULT_SECONDS_A_UNIT.get(kind, 0.0) * work * problems, "a default for a laptop core")
    basis = f"the last {len(past)} jobs of this kind" if len(past) > 1 else "the last job of this kind"
    if work <= 0:
        return Estimate(median(seconds for seconds, _ in past), basis)
    rates = [max(seconds - start, 0.2 * seconds) / done for seconds, done in past if done > 0]
    return Estimate(start + median(rates) * work, basis) if rates else Estimate(median(s for s, _ in past), basis)


def of_config(config: dict, problems: int = 1) -> Estimate:
    """The estimate for a job config as it will be stored in the row."""
    return estimate(config["kind"], work_of(config), problems)
