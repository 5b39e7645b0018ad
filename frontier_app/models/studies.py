"""Studies and who may see them."""

from django.conf import settings
from django.db import models
from django.urls import reverse

from frontier_app.models.problems import ProblemSet
from frontier_app.viewer import Viewer


class StudyQuerySet(models.QuerySet["Study"]):
    def visible_to(self, viewer: Viewer) -> "StudyQuerySet":
        """The studies that `viewer` may read: own, joined, or opened by a share link."""
        if viewer.share_link is not None:
            return self.filter(pk=viewer.share_link.study_id)
        if viewer.user is None:
            return self.none()
        return self.filter(pk__in=Membership.objects.filter(user=viewer.user).values("study"))

    def writable_by(self, viewer: Viewer) -> "StudyQuerySet":
        """The studies in which `viewer` may launch, cancel and change things."""
        if viewer.user is None or viewer.share_link is not None:
            return self.none()
        return self.filter(pk__in=Membership.objects.filter(user=viewer.user, role__in=WRITERS).values("study"))


class Study(models.Model):
    """What belongs to one question: a base, problem sets, runs, evaluations and the people who work on it."""

    slug = models.SlugField(max_length=64, unique=True)
    title = models.CharField(max_length=120)
    question = models.TextField(blank=True, default="")
    base = models.ForeignKey("Checkpoint", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    train_set = models.ForeignKey("ProblemSet", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    held_out_set = models.ForeignKey("ProblemSet", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    seed = models.PositiveIntegerField(default=0)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="studies")
    created = models.DateTimeField(auto_now_add=True)

    objects = StudyQuerySet.as_manager()

    class Meta:
        ordering = ("-created", "-pk")
        verbose_name_plural = "studies"

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("study", args=[self.slug])

    def set_of(self, use: str) -> ProblemSet | None:
        """Its set for `ProblemSet.HELD_OUT` or `ProblemSet.TRAINING`."""
        return self.train_set if use == ProblemSet.TRAINING else self.held_out_set

    def take_set(self, problem_set: ProblemSet) -> None:
        """Make `problem_set` what it is meant for."""
        field = "train_set" if problem_set.meant_for == ProblemSet.TRAINING else "held_out_set"
        setattr(self, field, problem_set)
        self.save(update_fields=[field])

    def uses(self, use: str) -> bool:
        """Whether runs or evaluations refer to that set, so that another would change what they mean."""
        if use == ProblemSet.TRAINING:
            return self.train_set_id is not None and self.runs.exists()
        return self.evaluations.filter(problem_set=self.held_out_set_id).exists()


class Membership(models.Model):
    """One person's place in a study. Viewers read and comment; editors also launch, cancel and save; owners also share
    the study and change its members."""

    OWNER, EDITOR, VIEWER = "owner", "editor", "viewer"
    ROLES = [(OWNER, "owner"), (EDITOR, "editor"), (VIEWER, "viewer")]

    study = models.ForeignKey(Study, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    role = models.CharField(max_length=8, choices=ROLES, default=EDITOR)
    created = models.DateTimeField(auto_now_add=True, null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=("study", "user"), name="one_membership_a_person")]

    def __str__(self) -> str:
        return f"{self.user} in {self.study} ({self.role})"

    @property
    def may_write(self) -> bool:
        return self.role in WRITERS


WRITERS = (Membership.OWNER, Membership.EDITOR)
