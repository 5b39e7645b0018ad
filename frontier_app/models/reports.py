"""Reports: Markdown with figures, live or frozen."""

from django.conf import settings
from django.db import models


class Report(models.Model):
    """`text` is Markdown in which a fenced block `frontier` names a figure by the address of its view; `frozen` maps
    such an address to the sha256 of the snapshot that is drawn instead of live data."""

    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="reports")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    slug = models.SlugField(max_length=64)
    title = models.CharField(max_length=120)
    text = models.TextField(blank=True, default="")
    frozen = models.JSONField(default=dict, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-updated",)
        constraints = [models.UniqueConstraint(fields=("study", "slug"), name="one_slug_a_report")]

    def __str__(self) -> str:
        return self.title
