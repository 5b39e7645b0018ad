"""The graphics cards of this machine, found without loading anything that talks to them."""

import os
from pathlib import Path

SLOTS_WITHOUT_A_DEVICE = 2


def gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES lists, else the indices of the NVIDIA devices that the driver knows."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    return [str(index) for index, _ in enumerate(sorted(Path("/proc/driver/nvidia/gpus").glob("*")))]


def default_slots() -> int:
    """One slot a device; on a machine without one, two small jobs side by side."""
    return len(gpus()) or SLOTS_WITHOUT_A_DEVICE
