"""Looks at what one program writes on one public test: what the last job that looked has found."""

from dataclasses import dataclass

from pydantic import ValidationError

from compute.configs import JudgeLimits
from frontier_app.models import Evaluation, Job, Sample, Study


@dataclass(frozen=True)
class Look:
    """A job that looks, and what it found once it has; `found` is `compute.judge.inspecting`'s summary."""

    job: Job

    @property
    def found(self) -> dict | None:
        return self.job.summary if self.job.state == Job.SUCCEEDED else None

    @property
    def under_way(self) -> bool:
        return not self.job.ended_already


def last_look(study: Study, sample: Sample, number: int) -> Look | None:
    """The newest look at the sample's program on test `number` under its evaluation's limits; None where nobody has
    looked."""
    if sample.program is None:
        return None
    try:
        limits = limits_of_a_look(sample.evaluation).model_dump(mode="json")
    except ValidationError:
        return None
    jobs = study.jobs.looks_at(sample.problem, number, sample.program.text, limits)
    return next((Look(job) for job in jobs.order_by("-pk")[:1]), None)


def limits_of_a_look(evaluation: Evaluation) -> JudgeLimits:
    """Those under which its samples were judged, with one worker. Raises ValidationError where they are no such."""
    return JudgeLimits.model_validate({**evaluation.limits, "workers": 1})
