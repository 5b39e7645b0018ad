"""Jobs: the row, not the broker, is the truth about what runs."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Case, Count, Exists, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from frontier_app.models.studies import WRITERS, Membership
from frontier_app.models.workers import Worker
from frontier_app.viewer import Viewer

if TYPE_CHECKING:
    from frontier_app.models.problems import Problem

LEASE = timedelta(seconds=30)


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, viewer: Viewer) -> "JobQuerySet":
        """Jobs of studies that `viewer` may read; a share link shows none. Jobs of no study are seen by everyone
        who is logged in."""
        if viewer.user is None or viewer.share_link is not None:
            return self.none()
        joined = Membership.objects.filter(user=viewer.user).values("study")
        return self.filter(Q(study__isnull=True) | Q(study__in=joined))

    def writable_by(self, viewer: Viewer) -> "JobQuerySet":
        """Jobs that `viewer` may cancel, retry and post events for: those of studies that they may change, and own jobs
        of none."""
        if viewer.user is None or viewer.share_link is not None:
            return self.none()
        joined = Membership.objects.filter(user=viewer.user, role__in=WRITERS).values("study")
        return self.filter(Q(study__in=joined) | Q(study__isnull=True, launched_by=viewer.user))

    def for_lists(self) -> "JobQuerySet":
        """What a list of jobs shows, in one query: leaves out config and log, loads the study, adds `position` (1 for
        the next to start in its queue, null unless it waits for a worker) and `has_unmet_needs`."""
        ahead = Job.objects.for_workers().filter(queue=OuterRef("queue"), state=Job.QUEUED, pk__lte=OuterRef("pk"))
        count_ahead = ahead.order_by().values("queue").annotate(count=Count("pk")).values("count")
        return (
            self.defer("config", "log_tail", "summary")
            .select_related("study")
            .annotate(
                position=Case(When(state=Job.QUEUED, remote=False, then=Subquery(count_ahead))),
                has_unmet_needs=Case(
                    When(state=Job.QUEUED, then=Exists(Job.objects.unmet_needs())),
                    default=Value(False),
                    output_field=models.BooleanField(),
                ),
            )
        )

    def active(self) -> "JobQuerySet":
        return self.filter(state__in=(Job.QUEUED, Job.RUNNING, Job.CANCELLING))

    def for_workers(self) -> "JobQuerySet":
        """Those that workers of a queue take: no job that runs elsewhere."""
        return self.filter(remote=False)

    def ready(self) -> "JobQuerySet":
        """Queued jobs whose needs have all succeeded."""
        return self.filter(Q(state=Job.QUEUED) & ~Exists(Job.objects.unmet_needs()))

    def unmet_needs(self) -> "JobQuerySet":
        """For a subquery: what the outer job needs and has not got yet."""
        return self.filter(needed_by=OuterRef("pk")).exclude(state=Job.SUCCEEDED)

    def looks_at(self, problem: "Problem", test: int, program: str, limits: dict) -> "JobQuerySet":
        """Jobs that run this program on this test (from 1) of the problem under these limits, to see what it writes."""
        return self.filter(
            kind="inspect",
            config__problems__reference=problem.problem_set.reference,
            config__problem=problem.slug,
            config__test=test,
            config__program=program,
            config__limits=limits,
        )

    def expired(self) -> "JobQuerySet":
        """Jobs that somebody claimed and nobody keeps alive. The database's clock decides."""
        return self.filter(state__in=(Job.RUNNING, Job.CANCELLING), lease_until__lt=Now())


class Job(models.Model):
    """One request to compute.

    queued -> running -> succeeded | failed | cancelled | lost. Each arrow is one compare-and-set in
    `frontier_app.jobs.queue`; `token` is raised by every claim and every loss, and whoever holds an older one can
    change nothing. A row that ended never starts again: a retry is a new row whose `parent` is the row that ended, so
    that a lost attempt keeps its log and stays visible as lost. The retry inherits what the old row was needed by.
    """

    QUEUED, RUNNING, CANCELLING = "queued", "running", "cancelling"
    SUCCEEDED, FAILED, CANCELLED, LOST = "succeeded", "failed", "cancelled", "lost"
    STATES = (QUEUED, RUNNING, CANCELLING, SUCCEEDED, FAILED, CANCELLED, LOST)

    reference = models.CharField(max_length=64, unique=True)
    study = models.ForeignKey("Study", null=True, blank=True, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=16)
    title = models.CharField(max_length=160)
    queue = models.CharField(max_length=16, default="cpu")
    config = models.JSONField()
    state = models.CharField(max_length=10, choices=[(s, s) for s in STATES], default=QUEUED, db_index=True)
    attempt = models.PositiveSmallIntegerField(default=1, help_text="1 for the first try, more for automatic retries")
    max_attempts = models.PositiveSmallIntegerField(default=2)
    remote = models.BooleanField(default=False, help_text="run elsewhere; its events are posted to the API")
    token = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=120, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    heartbeat = models.DateTimeField(null=True, blank=True)
    last_sequence = models.BigIntegerField(default=-1, help_text="last event ingested of the running attempt")
    stage = models.CharField(max_length=80, blank=True, default="")
    done = models.FloatField(default=0)
    total = models.FloatField(default=0)
    unit = models.CharField(max_length=20, blank=True, default="")
    error_kind = models.CharField(max_length=32, blank=True, default="")
    error = models.TextField(blank=True, default="")
    log_tail = models.TextField(blank=True, default="")
    summary = models.JSONField(default=dict, blank=True)
    needs = models.ManyToManyField("self", symmetrical=False, related_name="needed_by", blank=True)
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="children",
        help_text="the row that ended, which this one retries",
    )
    launched_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    cost_estimate_seconds = models.FloatField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    dispatched = models.DateTimeField(null=True, blank=True)
    started = models.DateTimeField(null=True, blank=True)
    ended = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        indexes = [models.Index(fields=("study", "-id"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=("queued", "running", "cancelling", "succeeded", "failed", "cancelled", "lost")),
                name="known_job_state",
            )
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("job", args=[self.reference])

    @property
    def folder(self) -> Path:
        """Where its config and log lie; private to the workers."""
        return Path(settings.FRONTIER_HOME) / "jobs" / self.reference

    @property
    def log_path(self) -> Path:
        return self.folder / "log.txt"

    @property
    def ended_already(self) -> bool:
        return self.state in (self.SUCCEEDED, self.FAILED, self.CANCELLED, self.LOST)

    @property
    def fraction(self) -> float | None:
        """Progress in [0, 1], or None before the first progress event."""
        return min(self.done / self.total, 1.0) if self.total else None

    @property
    def cost_seconds(self) -> float | None:
        if self.started is None:
            return None
        return ((self.ended or timezone.now()) - self.started).total_seconds()

    def waits_for(self) -> list["Job"]:
        """The jobs that must succeed before this one may start."""
        return list(self.needs.exclude(state=Job.SUCCEEDED))

    def retried_by(self) -> "Job | None":
        return self.children.order_by("-pk").first()

    def is_unserved(self) -> bool:
        """Whether it waits in a queue that no living worker takes jobs from."""
        return self.state == self.QUEUED and not self.remote and not Worker.objects.serving(self.queue).exists()

    def queue_position(self) -> int | None:
        """1 for the next to start in its queue; None unless it waits for a worker."""
        if self.state != self.QUEUED or self.remote:
            return None
        return Job.objects.for_workers().filter(queue=self.queue, state=self.QUEUED, pk__lte=self.pk).count()
