"""The queues that exist, who serves them, and whether a job fits the devices behind one.

A queue exists when it is configured (FRONTIER_QUEUES) or a living worker serves it. Devices are those that living
workers report; where none does, a job is not refused here but by its child, before it loads anything.
"""

from collections import Counter

from django.conf import settings

from compute.configs import JobConfig
from compute.devices import Device
from compute.fitting import misfit
from frontier_app.models import Worker
from frontier_app.planning.refusal import LaunchError

LIGHT = "cpu"


def default_queue() -> str:
    """Where trainings and evaluations go."""
    return str(settings.FRONTIER_QUEUES[0])


def queues() -> list[str]:
    """All that exist, the one for trainings and evaluations first, the one for light jobs last of the configured."""
    reported = sorted({queue for worker in Worker.objects.alive() for queue in worker.queues})
    return list(dict.fromkeys([*settings.FRONTIER_QUEUES, LIGHT, *reported]))


def chosen_queue(named: str, otherwise: str = "") -> str:
    """The queue that was named, else `otherwise`, else the default one. Raises LaunchError for one that is unknown."""
    if named and named not in (known := queues()):
        raise LaunchError("queue", f"There is no queue {named!r}: choose {', '.join(known)}.")
    return named or otherwise or default_queue()


def queue_choices(light: bool = False) -> list[tuple[str, str]]:
    """What a form offers: the usual queue first, and beside each name the devices of those who serve it."""
    served: dict[str, list[str]] = {}
    for worker in Worker.objects.alive():
        for queue in worker.queues:
            served.setdefault(queue, []).append(worker.devices_in_words())
    names = queues()
    if light:
        names = [LIGHT, *(name for name in names if name != LIGHT)]
    return [
        (name, f"{name}: {_several(served[name])}" if name in served else f"{name}: no worker now") for name in names
    ]


def _several(words: list[str]) -> str:
    alike = sorted(Counter(words).items())
    return ", ".join(f"{number} × {word}" if number > 1 else word for word, number in alike)


def workers(queue: str = "") -> int:
    """Into how many jobs a sweep is dealt: one a worker of its queue, as configured, else as alive."""
    wanted = queue or default_queue()
    configured = sum(slot.queue == wanted for slot in settings.FRONTIER_SLOTS)
    return configured or max(1, Worker.objects.serving(wanted).count())


def devices_behind(queue: str) -> list[list[Device]]:
    """Of each living worker of a queue, the devices that its jobs see."""
    return [worker.sees() for worker in Worker.objects.serving(queue) if worker.devices]


def refuse_misfit(config: JobConfig, queue: str) -> None:
    """Raises LaunchError where no living worker of the queue has a device that the job fits, with the arithmetic."""
    behind = devices_behind(queue)
    sentences = [misfit(config, devices) for devices in behind]
    if sentences and all(sentences):
        raise LaunchError("queue", f"{sentences[0]} No worker of the queue {queue} has more.")
