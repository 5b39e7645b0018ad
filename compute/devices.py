"""The devices that a process sees: what they are called, how much memory they have, how busy they are.

NVIDIA devices are asked through their driver (NVML), within CUDA_VISIBLE_DEVICES and without starting CUDA; a machine
without one counts as one device, its processor with the memory that this process may have. FRONTIER_DEVICES describes
them where no driver tells: "NVIDIA H100=80, NVIDIA H100=80", the memory in GB. Nothing here imports torch.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pynvml

from compute.errors import ConfigError

DESCRIBED = "FRONTIER_DEVICES"
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
CPU = "CPU"
LONGEST_NAME = 80
LEAST_SECONDS = 0.25


class Device(NamedTuple):
    """`accelerator` is False for the processor of the machine, whose memory everything on it shares."""

    name: str
    memory_bytes: int
    accelerator: bool = True


class Reading(NamedTuple):
    """A device at one moment. `utilisation` in [0, 1]; None where the driver does not say."""

    device: Device
    used_bytes: int
    utilisation: float | None


def seen() -> list[Device]:
    """What this process may use: accelerators, else the processor. Raises ConfigError for a wrong FRONTIER_DEVICES."""
    if given := os.environ.get(DESCRIBED, "").strip():
        return described(given)
    return [reading.device for reading in accelerators()] or [processor()]


def described(text: str) -> list[Device]:
    """ "NVIDIA H100=80, CPU=24": names and GB. A device called CPU is the processor."""
    found = []
    for part in text.split(","):
        name, _, size = part.rpartition("=")
        try:
            gigabytes = float(size)
        except ValueError:
            gigabytes = 0.0
        if not name.strip() or not 0 < gigabytes < 1e6:
            raise ConfigError(f"{DESCRIBED}: {part.strip()!r} is no device: write name=GB, for example NVIDIA H100=80.")
        found.append(Device(name.strip()[:LONGEST_NAME], int(gigabytes * 1e9), name.strip() != CPU))
    return found


def processor() -> Device:
    """The machine's processor with its memory, or what a control group leaves this process of it."""
    limits = [psutil.virtual_memory().total]
    for path in CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # "max" is no number
            limits.append(int(path.read_text()))
    return Device(CPU, min(limits), accelerator=False)


def accelerators(nvml: Any = pynvml) -> list[Reading]:
    """Each NVIDIA device that this process may use, as it is now; none where there is no driver."""
    with driver(nvml) as there:
        return [reading for handle in (visible(nvml) if there else ()) if (reading := _reading(nvml, handle))]


@contextmanager
def driver(nvml: Any) -> Iterator[bool]:
    """The driver's library for the length of the block; False where it cannot be loaded."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        yield False
        return
    try:
        yield True
    finally:
        with suppress(nvml.NVMLError):
            nvml.nvmlShutdown()


def visible(nvml: Any) -> Iterator[Any]:
    """Handles of the devices that CUDA_VISIBLE_DEVICES names, by index or UUID, or of all. As CUDA does, it stops at
    the first name that means nothing."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names: Sequence[str | int] = [name.strip() for name in given.split(",")] if given is not None else ()
    if given is None:
        with suppress(nvml.NVMLError):
            names = range(nvml.nvmlDeviceGetCount())
    for name in names:
        try:
            by_index = isinstance(name, int) or name.isdecimal()
            find: Callable[[Any], Any] = nvml.nvmlDeviceGetHandleByIndex if by_index else nvml.nvmlDeviceGetHandleByUUID
            yield find(int(name) if by_index else name)
        except nvml.NVMLError:
            return


def _reading(nvml: Any, handle: Any) -> Reading | None:
    try:
        name = nvml.nvmlDeviceGetName(handle)
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    except nvml.NVMLError:  # it fell off the bus, or is a kind that does not tell
        return None
    utilisation = None
    with suppress(nvml.NVMLError):
        utilisation = nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
    name = name.decode() if isinstance(name, bytes) else str(name)
    return Reading(Device(name[:LONGEST_NAME], int(memory.total)), int(memory.used), utilisation)


class Processes:
    """The processor's share and memory that a process and all it started take: the reading where no accelerator is.

    The share is of all cores, and of the time since the reading before; None where that is too short to tell, or
    where a child has ended that nobody waited for.
    """

    def __init__(self, pid: int, cores: int, clock: Callable[[], float]) -> None:
        self._root, self._cores, self._clock = psutil.Process(pid), cores, clock
        self._before = (clock(), self._measure()[0])
        self._device = processor()

    def read(self) -> Reading:
        (before, spent), now = self._before, self._clock()
        seconds, resident = self._measure()
        self._before = (now, seconds)
        passed = (now - before) * self._cores
        known = passed >= LEAST_SECONDS * self._cores and seconds >= spent  # less: a child took its count along
        share = min((seconds - spent) / passed, 1.0) if known else None
        return Reading(self._device, resident, share)

    def _measure(self) -> tuple[float, int]:
        """CPU seconds, of ended children too, and resident bytes; pages that processes share are counted in each."""
        seconds, resident = 0.0, 0
        for one in (self._root, *self._root.children(recursive=True)):
            with suppress(psutil.Error):
                seconds += sum(one.cpu_times()[:4])
                resident += one.memory_info().rss
        return seconds, resident
