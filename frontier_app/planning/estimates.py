"""What a launch will cost in time, before it starts: from past jobs of the kind, else from a stated default.

An estimate is seconds of one worker; callers divide by workers where jobs run side by side. Starts nothing.
"""

import math
from dataclasses import dataclass
from statistics import median

from frontier_app.models import Job, Problem

PAST_JOBS = 5
DEFAULT_SECONDS = {
    "install": 180.0,
    "problems": 15.0,
    "import": 20.0,
    "audit": 4.0,
    "inspect": 2.0,
    "pretrain": 240.0,
    "train": 15.0,
    "merge": 3.0,
    "geometry": 4.0,
    "evaluate": 8.0,
}
"""What a job of the kind costs before it has done anything: mostly imports."""
DEFAULT_SECONDS_A_UNIT = {"problems": 0.03, "audit": 1.0, "train": 0.012, "evaluate": 0.007}
"""Of the miniature on one core of a laptop: a problem written, a known program judged, an answer sampled and judged."""
TURNS_FACTOR = {"reasoning": 1.0, "tools": 3.0, "agentic": 40.0}
"""How many times as long an answer takes in each setting, while none of its jobs has shown it."""


@dataclass(frozen=True)
class Estimate:
    """seconds: of one worker; basis: where the figure comes from, in words."""

    seconds: float
    basis: str


def work_of(config: dict, problems: int = 1) -> float:
    """How much there is to do: answers or problems; 0 where every job of the kind does about the same.

    An evaluation's config does not say how many `problems` it answers, nor an audit's how many programs it judges.
    """
    if config["kind"] == "train":
        steps, held_out = config["steps"], config.get("held_out")
        return float(steps * prompts_asked(config) * config["group"] + (_measured(held_out, steps) if held_out else 0))
    if config["kind"] == "evaluate":
        return float(len(config["points"]) * config["sampling"]["samples"] * problems)
    if config["kind"] == "audit":
        return float(config["repeats"] * problems)
    if config["kind"] == "problems":
        return float(sum(config["train"].values()) + sum(config["held_out"].values()))
    return 0.0


def prompts_asked(config: dict) -> int:
    """Prompts of a training's step; configs written before there were repairs name none."""
    return int(config["prompts_per_step"] + config.get("repairs_per_step", 0))


def _measured(held_out: dict, steps: int) -> int:
    """Answers to the held-out problems of a training: every so many steps, and after the last."""
    written = Problem.objects.filter(problem_set__reference=held_out["problems"]["reference"]).count()
    most = held_out["most"]
    problems = written if most is None else min(most, written or most)
    return math.ceil(steps / held_out["every"]) * held_out["samples"] * problems


def work_done_by(job: Job) -> float:
    """An evaluation or an audit that ended has counted its answers or programs itself."""
    return job.total if job.kind in ("evaluate", "audit") else work_of(job.config)


def of_config(config: dict, problems: int = 1) -> Estimate:
    """The estimate for a job config as it will be stored in the row."""
    kind, work = config["kind"], work_of(config, problems)
    succeeded = Job.objects.filter(kind=kind, state=Job.SUCCEEDED, started__isnull=False)
    unit = DEFAULT_SECONDS_A_UNIT.get(kind, 0.0)
    if kind == "evaluate":  # an answer of several turns is another amount of work
        setting = config.get("setting", "reasoning")
        succeeded = succeeded.filter(config__setting=setting)
        unit *= TURNS_FACTOR[setting]
    past = [(job.cost_seconds or 0.0, work_done_by(job)) for job in succeeded.order_by("-pk")[:PAST_JOBS]]
    start = DEFAULT_SECONDS[kind]
    if not past:
        return Estimate(start + unit * work, "a default for a laptop core")
    basis = f"the last {len(past)} jobs of this kind" if len(past) > 1 else "the last job of this kind"
    # However much a job spent on its imports, a fifth of its time at least is taken for work.
    rates = [max(seconds - start, 0.2 * seconds) / done for seconds, done in past if done > 0]
    if work <= 0 or not rates:
        return Estimate(median(seconds for seconds, _ in past), basis)
    return Estimate(start + median(rates) * work, basis)
