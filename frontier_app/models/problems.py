"""Problem sets, problems and their tests' sizes. Tests' bytes live in content-addressed storage, not in rows."""

from django.db import models


class ProblemSet(models.Model):
    """`audit` has the figures of the whole set (`compute.problems.audit.Audit`); `meant_for` what an import asked the
    set to be in its study, which it becomes once it is written."""

    HELD_OUT, TRAINING = "held-out", "training"

    reference = models.CharField(max_length=64, unique=True)
    title = models.CharField(max_length=120)
    path = models.TextField(blank=True, default="", help_text="JSON lines file, empty until it is written")
    blobs = models.TextField(blank=True, default="")
    sha256 = models.CharField(max_length=64, blank=True, default="")
    levels = models.PositiveSmallIntegerField(default=1)
    meant_for = models.CharField(
        max_length=8, blank=True, default="", choices=[(HELD_OUT, HELD_OUT), (TRAINING, TRAINING)]
    )
    audit = models.JSONField(default=dict, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.title or self.reference

    @property
    def ready(self) -> bool:
        return bool(self.path)


class Problem(models.Model):
    """`tests` lists the tests in size order as `compute.events.TestSummary` objects (no hidden bytes); `audit` is what
    the audit found of this problem (`compute.problems.audit.ProblemAudit`), empty before one."""

    problem_set = models.ForeignKey(ProblemSet, on_delete=models.CASCADE, related_name="problems")
    slug = models.CharField(max_length=64)
    position = models.PositiveIntegerField()
    title = models.CharField(max_length=160)
    statement = models.TextField()
    difficulty = models.CharField(max_length=16)
    tags = models.JSONField(default=list, blank=True)
    cpu_seconds = models.FloatField()
    memory_bytes = models.BigIntegerField()
    content_sha256 = models.CharField(max_length=64)
    tests = models.JSONField(default=list)
    checker = models.TextField(default="tokens")
    level_names = models.JSONField(default=list, blank=True)
    limit_source = models.TextField(blank=True, default="", help_text="where cpu_seconds comes from, if not stated")
    audit = models.JSONField(default=dict, blank=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children")

    class Meta:
        ordering = ("problem_set", "position")
        constraints = [models.UniqueConstraint(fields=("problem_set", "slug"), name="one_slug_a_problem_set")]

    def __str__(self) -> str:
        return self.slug

    @property
    def test_groups(self) -> list[int]:
        """The coverage level (1-based) of each test, in size order."""
        return [test["group"] for test in self.tests]
