"""The graphics cards of this machine and the workers that take jobs on them, found without loading anything that talks
to a card."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SLOTS_WITHOUT_A_DEVICE = 2
QUEUE = re.compile(r"[a-z0-9][a-z0-9-]{0,15}")
KEPT_QUEUES = ("cpu", "tend")  # those that have workers of their own


class Slot(NamedTuple):
    """One worker: its queue, and the devices its jobs may see; none named means whatever there is."""

    queue: str
    devices: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """Devices are counted as the driver counts them, not with the fastest first."""
        chosen = {"CUDA_VISIBLE_DEVICES": ",".join(self.devices), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
        return chosen if self.devices else {}


def gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES lists, else the indices of the NVIDIA devices that the driver knows."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    return [str(index) for index, _ in enumerate(sorted(Path("/proc/driver/nvidia/gpus").glob("*")))]


def default_slots() -> int:
    """One slot a device; on a machine without one, two small jobs side by side."""
    return len(gpus()) or SLOTS_WITHOUT_A_DEVICE


def gpu_slots(number: int) -> list[Slot]:
    """The `gpu` queue's workers, each with a device of its own as long as there are some."""
    found = gpus()
    return [Slot("gpu", tuple(found[place : place + 1])) for place in range(number)]


def named_slots(text: str) -> list[Slot]:
    """ "h100=0,1 h100=2,3 l4": a worker each, with the devices that its jobs see. Raises ValueError with a sentence."""
    slots = []
    for word in text.split():
        queue, _, devices = word.partition("=")
        if not QUEUE.fullmatch(queue) or queue in KEPT_QUEUES:
            raise ValueError(
                f"{queue!r} cannot name a queue: write up to 16 small letters, digits and hyphens, such as h100, and"
                f" neither {' nor '.join(KEPT_QUEUES)}."
            )
        slots.append(Slot(queue, tuple(device for device in devices.split(",") if device)))
    return slots


def names_of(slots: Sequence[Slot]) -> list[str]:
    return list(dict.fromkeys(slot.queue for slot in slots))
