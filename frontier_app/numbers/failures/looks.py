"""Looks at what one program writes on one public test: what the last job that looked has found."""

from dataclasses import dataclass

from frontier_app.models import Job, Sample, Study

KIND = "inspect"


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
    """The newest look at this program on this test under these limits; None where nobody has looked."""
    if sample.program is None:
        return None
    jobs = Job.objects.filter(
        study=study,
        kind=KIND,
        config__problems__reference=sample.problem.problem_set.reference,
        config__problem=sample.problem.slug,
        config__test=number,
        config__program=sample.program.text,
    )
    return next((Look(job) for job in jobs.order_by("-pk")[:1]), None)
