"""Checkpoints: a folder of weights, or a recipe for one."""

from collections.abc import Mapping

from django.db import models

MAIN = "on the study's held-out problems, the one with the most samples; kept by ingest"


class Checkpoint(models.Model):
    """Base, trained or merged weights.

    A trained checkpoint is planned (`folder` empty) until its run has written it. A merge may stay *virtual*: its
    ingredients are rows, and evaluation sets the weights in place.
    """

    BASE, TRAINED, MERGED = "base", "trained", "merged"
    ORIGINS = [(BASE, "base"), (TRAINED, "trained"), (MERGED, "merged")]

    reference = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="checkpoints")
    origin = models.CharField(max_length=8, choices=ORIGINS)
    folder = models.TextField(blank=True, default="")
    sha256 = models.CharField(max_length=64, blank=True, default="")
    size_bytes = models.BigIntegerField(default=0)
    made_by = models.ForeignKey("Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="checkpoints")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children")
    run = models.ForeignKey("Run", null=True, blank=True, on_delete=models.SET_NULL, related_name="checkpoints")
    step = models.PositiveIntegerField(null=True, blank=True)
    coverage = models.FloatField(null=True, blank=True)
    main_evaluation = models.ForeignKey(
        "Evaluation", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text=MAIN
    )
    ingredients = models.ManyToManyField("self", through="MergeIngredient", symmetrical=False, related_name="merges")
    grown_from = models.ManyToManyField(
        "self", symmetrical=False, related_name="grew_into", blank=True, help_text="of a merge that is no weighted sum"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.name

    @property
    def materialised(self) -> bool:
        return bool(self.folder)


class MergeIngredient(models.Model):
    merge = models.ForeignKey(Checkpoint, on_delete=models.CASCADE, related_name="recipe")
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.RESTRICT, related_name="used_in")
    weight = models.FloatField()

    class Meta:
        ordering = ("pk",)
        constraints = [models.UniqueConstraint(fields=("merge", "checkpoint"), name="one_weight_an_ingredient")]

    def __str__(self) -> str:
        return f"{self.weight:g} x {self.checkpoint}"


class PathQuerySet(models.QuerySet["Path"]):
    def newest(self) -> "Path | None":
        """The one that was made last between trained ends that grew from the study's base; another only where there is
        none such."""
        paths = self.select_related("low", "high").order_by("-pk")
        usual = paths.filter(low__run__initialisation=models.F("study__base"))
        return usual.first() or paths.exclude(low__origin=Checkpoint.BASE).first() or paths.first()


class Path(models.Model):
    """A line through weight space between two checkpoints, as a rule trained ones: theta(a) = (1-a) low + a high."""

    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="paths")
    name = models.CharField(max_length=120)
    low = models.ForeignKey(Checkpoint, on_delete=models.CASCADE, related_name="+")
    high = models.ForeignKey(Checkpoint, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    objects = PathQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = [models.UniqueConstraint(fields=("low", "high"), name="one_path_a_pair")]

    def __str__(self) -> str:
        return self.name


class PairGeometry(models.Model):
    """How two checkpoints moved away from a third, as a `geometry` job measured it."""

    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="geometries")
    low = models.ForeignKey(Checkpoint, on_delete=models.CASCADE, related_name="+")
    high = models.ForeignKey(Checkpoint, on_delete=models.CASCADE, related_name="+")
    base = models.ForeignKey(Checkpoint, on_delete=models.CASCADE, related_name="+")
    job = models.ForeignKey("Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="geometries")
    layers = models.JSONField(default=list, help_text="sums by layer, as in the event")
    measured = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("pk",)
        constraints = [models.UniqueConstraint(fields=("low", "high", "base"), name="one_geometry_a_pair_and_base")]

    def __str__(self) -> str:
        return f"{self.low} and {self.high} from {self.base}"


class Run(models.Model):
    """One RL training: from an initialisation, at one coverage, with one seed."""

    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="runs")
    reference = models.CharField(max_length=64, unique=True, help_text="the reference of its final checkpoint")
    name = models.CharField(max_length=120)
    coverage = models.FloatField()
    seed = models.PositiveIntegerField(default=0)
    steps = models.PositiveIntegerField()
    initialisation = models.ForeignKey(Checkpoint, on_delete=models.RESTRICT, related_name="trained_runs")
    job = models.ForeignKey("Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="runs")
    config = models.JSONField(default=dict)
    last_metrics = models.JSONField(
        default=dict, blank=True, help_text="metric -> [step, value] of its last point; kept by ingest"
    )
    main_evaluation = models.ForeignKey(
        "Evaluation", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text=MAIN
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.name

    @property
    def is_nested(self) -> bool:
        """Whether its coverage, seed and steps are all that tell it from the trainings beside it: it requires the first
        tests in size order and repairs nothing."""
        return self.config.get("tests", "first") == "first" and not self.config.get("repairs_per_step")

    def note_metrics(self, step: int, values: Mapping[str, float | None]) -> None:
        """Take `values` at `step` into `last_metrics`, those of them that no later step has reported."""
        for name, value in values.items():
            if name not in self.last_metrics or self.last_metrics[name][0] <= step:
                self.last_metrics[name] = [step, value]
