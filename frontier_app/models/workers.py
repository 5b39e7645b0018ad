"""The workers that are there to run jobs, as they report themselves."""

from collections import Counter
from datetime import timedelta

from django.db import models
from django.db.models.functions import Now

from compute.devices import Device

ALIVE = timedelta(seconds=45)


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> "WorkerQuerySet":
        """Those heard of lately. The database's clock decides."""
        return self.filter(seen__gt=Now() - ALIVE)

    def serving(self, queue: str) -> "WorkerQuerySet":
        return self.alive().filter(queues__contains=[queue])


class Worker(models.Model):
    """A Celery worker that takes jobs, as it reports itself: its queues and the devices that its jobs see."""

    name = models.CharField(max_length=200, unique=True)
    queues = models.JSONField(default=list)
    devices = models.JSONField(default=list, help_text="name, memory_bytes and accelerator of each device")
    seen = models.DateTimeField(db_index=True)

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def sees(self) -> list[Device]:
        return [Device(**device) for device in self.devices]

    def devices_in_words(self) -> str:
        """ "2 × NVIDIA H100 80 GB", "CPU 25 GB"."""
        alike = Counter(f"{one.name} {one.memory_bytes / 1e9:.0f} GB" for one in self.sees())
        return ", ".join(f"{number} × {words}" if number > 1 else words for words, number in alike.items())
