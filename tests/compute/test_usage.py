"""Which devices a job sees and what it says of them."""

import os
import threading
import time
from types import SimpleNamespace

import pytest

from compute import devices
from compute.devices import CPU, Device, Processes, accelerators, described, seen
from compute.errors import ConfigError
from compute.events import Usage
from compute.usage import watched

GB = 10**9


class NVMLError(Exception):
    pass


class TwoCards:
    """The part of NVML's interface that is used, over two cards that are there."""

    NVMLError = NVMLError
    CARDS = {"GPU-aaaa": ("NVIDIA A", 40, 10, 25), "GPU-bbbb": ("NVIDIA B", 80, 60, 100)}

    def nvmlInit(self):  # noqa: N802
        pass

    nvmlShutdown = nvmlInit  # noqa: N815

    def nvmlDeviceGetCount(self):  # noqa: N802
        return len(self.CARDS)

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802
        if index >= len(self.CARDS):
            raise NVMLError
        return list(self.CARDS.values())[index]

    def nvmlDeviceGetHandleByUUID(self, name):  # noqa: N802
        if name not in self.CARDS:
            raise NVMLError
        return self.CARDS[name]

    def nvmlDeviceGetName(self, handle):  # noqa: N802
        return handle[0]

    def nvmlDeviceGetMemoryInfo(self, handle):  # noqa: N802
        return SimpleNamespace(total=handle[1] * GB, used=handle[2] * GB)

    def nvmlDeviceGetUtilizationRates(self, handle):  # noqa: N802
        return SimpleNamespace(gpu=handle[3])


class NoCount(TwoCards):
    def nvmlDeviceGetCount(self):  # noqa: N802
        raise NVMLError


class NoDriver(TwoCards):
    def nvmlInit(self):  # noqa: N802
        raise NVMLError


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (None, ["NVIDIA A", "NVIDIA B"]),
        ("1,0", ["NVIDIA B", "NVIDIA A"]),
        ("GPU-bbbb", ["NVIDIA B"]),
        ("0,7,1", ["NVIDIA A"]),
        ("", []),
    ],
)
def test_a_job_sees_the_cards_that_it_was_given(monkeypatch, chosen, names):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert [reading.device.name for reading in accelerators(TwoCards())] == names


def test_a_card_says_its_memory_and_how_busy_it_is(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    (reading,) = accelerators(TwoCards())
    assert reading == (Device("NVIDIA B", 80 * GB), 60 * GB, 1.0)
    assert accelerators(NoDriver()) == []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert accelerators(NoCount()) == []


def test_devices_can_be_described_where_no_driver_tells(monkeypatch):
    monkeypatch.setenv("FRONTIER_DEVICES", "NVIDIA H100=80, CPU=24")
    assert seen() == [Device("NVIDIA H100", 80 * GB), Device(CPU, 24 * GB, accelerator=False)]
    with pytest.raises(ConfigError, match="'H100' is no device: write name=GB"):
        described("H100")


def test_a_control_group_bounds_the_memory_of_the_processor(monkeypatch, tmp_path):
    limit, none = tmp_path / "memory.max", tmp_path / "other"
    limit.write_text("1000000\n")
    none.write_text("max\n")
    monkeypatch.setattr(devices, "CGROUP_LIMITS", (limit, none, tmp_path / "absent"))
    assert devices.processor() == Device(CPU, 1_000_000, accelerator=False)


def test_a_busy_process_is_seen_at_work():
    now = [0.0]
    processes = Processes(os.getpid(), cores=1, clock=lambda: now[0])
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    now[0] = 0.4
    reading = processes.read()
    assert 0.4 < reading.utilisation <= 1
    assert reading.used_bytes > 10 << 20
    now[0] = 1000.0
    assert processes.read().utilisation < 0.01


def test_a_watched_job_is_reported_while_it_runs_and_once_more_when_it_is_done():
    said: list[Usage] = []
    second = threading.Event()

    def hear(event):
        said.append(event)
        if len(said) == 2:
            second.set()

    with watched(hear, "train", every_seconds=0.01):
        assert second.wait(30)
        while_running = len(said)
    assert len(said) > while_running
    assert all(event.devices for event in said)
    assert sorted(event.seconds for event in said) == [event.seconds for event in said]


def test_a_job_that_fails_and_a_second_process_and_a_light_kind_say_nothing(monkeypatch):
    said: list[Usage] = []
    with pytest.raises(ValueError, match="no"), watched(said.append, "train"):
        raise ValueError("no")
    with watched(said.append, "audit"):
        pass
    monkeypatch.setenv("RANK", "1")
    with watched(said.append, "train", every_seconds=0.001):
        pass
    assert said == []
