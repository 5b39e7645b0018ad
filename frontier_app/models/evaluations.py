"""Evaluations, their samples, the programs written, and the rollup from which every plot is drawn."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Evaluation(models.Model):
    """One point on a frontier: a checkpoint, a problem set, a setting, a way of sampling and judging."""

    PLANNED, RUNNING, COMPLETE = "planned", "running", "complete"
    STATES = (PLANNED, RUNNING, COMPLETE)

    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="evaluations")
    reference = models.CharField(max_length=64, unique=True)
    checkpoint = models.ForeignKey("Checkpoint", on_delete=models.CASCADE, related_name="evaluations")
    path = models.ForeignKey("Path", null=True, blank=True, on_delete=models.SET_NULL, related_name="evaluations")
    alpha = models.FloatField(null=True, blank=True)
    problem_set = models.ForeignKey("ProblemSet", on_delete=models.PROTECT, related_name="evaluations")
    setting = models.CharField(max_length=16, default="reasoning")
    sampling = models.JSONField(default=dict)
    limits = models.JSONField(default=dict)
    isolation = models.CharField(max_length=64, blank=True, default="")
    job = models.ForeignKey("Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="evaluations")
    state = models.CharField(max_length=8, choices=[(s, s) for s in STATES], default=PLANNED, db_index=True)
    alarms = models.JSONField(default=dict, blank=True)
    samples_done = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=0, help_text="counts ingested batches; pins a saved view's data")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("alpha", "pk")
        indexes = [models.Index(fields=("study", "setting", "path", "alpha"))]

    def __str__(self) -> str:
        return f"{self.checkpoint} on {self.problem_set}"

    @property
    def samples_per_problem(self) -> int:
        return int(self.sampling.get("samples", 0))

    @property
    def samples_missing(self) -> int:
        """How many of the samples that it consists of are not stored."""
        return max(0, self.samples_per_problem * self.problem_set.problems.count() - self.samples_done)

    @property
    def has_turns(self) -> bool:
        """Whether an answer may take several turns, so that samples have transcripts."""
        return self.setting != "reasoning"


class Program(models.Model):
    sha256 = models.CharField(max_length=64, primary_key=True)
    text = models.TextField()

    class Meta:
        indexes = [GinIndex(fields=["text"], opclasses=["gin_trgm_ops"], name="program_text_trigrams")]

    def __str__(self) -> str:
        return self.sha256[:12]


class Transcript(models.Model):
    """What was said and run on the way to an answer of several turns; `text` is JSON as
    `compute.rollout.transcript.Transcript` writes it, of which `ended`, `turns` and `calls` are kept for filters."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    text = models.TextField()
    ended = models.CharField(max_length=20)
    turns = models.PositiveIntegerField()
    calls = models.PositiveIntegerField(help_text="of tools, that were run")

    def __str__(self) -> str:
        return f"{self.sha256[:12]}: {self.ended} after {self.turns} turns"


class Sample(models.Model):
    """One answer. `letters` has one verdict letter a test in size order (see `compute.judge.verdict`).

    `failure_class` counts every test, `first_failure` only the first failing one in size order: one letter each,
    S solved, O optimisation, C correctness, N no answer, I infrastructure.

    The table holds tens of millions of rows and is only ever written by `frontier_app.ingest`, which looks up the
    evaluation and the problem under a lock in the same transaction. So it carries one index besides its key and no
    foreign-key triggers: those cost more than the COPY itself.
    """

    evaluation = models.ForeignKey(
        Evaluation, on_delete=models.CASCADE, related_name="samples", db_index=False, db_constraint=False
    )
    problem = models.ForeignKey(
        "Problem", on_delete=models.CASCADE, related_name="samples", db_index=False, db_constraint=False
    )
    index = models.PositiveIntegerField()
    letters = models.TextField()
    failure_class = models.CharField(max_length=1)
    first_failure = models.CharField(max_length=1)
    cpu_seconds = models.FloatField()
    memory_bytes = models.BigIntegerField()
    tokens = models.PositiveIntegerField()
    truncated = models.BooleanField(default=False)
    log_likelihood = models.FloatField(null=True)
    program = models.ForeignKey(
        Program, null=True, on_delete=models.PROTECT, related_name="samples", db_index=False, db_constraint=False
    )
    test_milliseconds = ArrayField(
        models.IntegerField(), default=list, help_text="CPU milliseconds of each test in size order"
    )
    transcript = models.ForeignKey(
        Transcript,
        null=True,
        on_delete=models.PROTECT,
        related_name="samples",
        db_index=False,
        db_constraint=False,
        help_text="null for a single turn",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=("evaluation", "problem", "index"), name="one_sample_an_index")]

    def __str__(self) -> str:
        return f"{self.problem}[{self.index}] {self.letters}"


class Rollup(models.Model):
    """Counts of one evaluation on one problem judged at one coverage level; kept in the transaction that adds samples.

    `n` leaves infrastructure trouble out. `optimisation` and `correctness` follow the rule that counts every test;
    the `first_` columns follow the stop-early rule (first failing test in size order). Written only by
    `frontier_app.ingest`, and without foreign-key triggers for the reason given at `Sample`.
    """

    evaluation = models.ForeignKey(
        Evaluation, on_delete=models.CASCADE, related_name="rollups", db_index=False, db_constraint=False
    )
    problem = models.ForeignKey(
        "Problem", on_delete=models.CASCADE, related_name="rollups", db_index=False, db_constraint=False
    )
    level = models.PositiveSmallIntegerField()
    n = models.PositiveIntegerField(default=0)
    solved = models.PositiveIntegerField(default=0)
    optimisation = models.PositiveIntegerField(default=0)
    correctness = models.PositiveIntegerField(default=0)
    no_answer = models.PositiveIntegerField(default=0)
    first_optimisation = models.PositiveIntegerField(default=0)
    first_correctness = models.PositiveIntegerField(default=0)
    infrastructure = models.PositiveIntegerField(default=0)
    cpu_seconds_sum = models.FloatField(default=0)
    tokens_sum = models.BigIntegerField(default=0)
    memory_bytes_sum = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=("evaluation", "level", "problem"), name="one_rollup_a_level")]
        indexes = [models.Index(fields=("problem", "level"))]

    def __str__(self) -> str:
        return f"{self.evaluation_id}/{self.problem_id}@{self.level}: {self.solved} of {self.n}"


class EvaluationRate(models.Model):
    """Rates of one evaluation on the problems of one difficulty, judged on whole suites; kept by `frontier_app.ingest`
    in the transaction that adds samples, so that ten thousand evaluations sort by them without touching `Rollup`.

    Every problem weighs the same whatever its n, as in `compute.stats.bootstrap`; rates are null while no sample
    counts. `n` leaves infrastructure trouble out. It holds no interval: that needs the problems.
    """

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="rates")
    difficulty = models.CharField(max_length=16)
    problems = models.PositiveIntegerField(help_text="with at least one sample that counts")
    n = models.PositiveIntegerField()
    infrastructure = models.PositiveIntegerField()
    solve_rate = models.FloatField(null=True)
    optimisation_failure_rate = models.FloatField(null=True)
    correctness_failure_rate = models.FloatField(null=True)
    no_answer_rate = models.FloatField(null=True)
    mean_tokens = models.FloatField(null=True)
    mean_cpu_seconds = models.FloatField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=("evaluation", "difficulty"), name="one_rate_a_difficulty")]

    def __str__(self) -> str:
        return f"{self.evaluation_id} on {self.difficulty}: {self.solve_rate} of {self.n}"
