"""Training curves."""

from django.db import models


class MetricPoint(models.Model):
    run = models.ForeignKey("Run", on_delete=models.CASCADE, related_name="metrics")
    step = models.PositiveIntegerField()
    name = models.CharField(max_length=64)
    value = models.FloatField(null=True, help_text="null where the figure is undefined at this step")

    class Meta:
        ordering = ("run", "name", "step")
        constraints = [models.UniqueConstraint(fields=("run", "name", "step"), name="one_value_a_step")]

    def __str__(self) -> str:
        return f"{self.name}[{self.step}] = {self.value}"
