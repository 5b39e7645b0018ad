"""What this machine offers a judge: layers of isolation, languages, cores.

Each layer is tried for real, with the self-test that the judge itself would run. Judges no program.
"""

import os
from dataclasses import asdict, dataclass

from compute.configs import Toolchain
from compute.errors import ComputeError, SandboxError
from compute.judge import zygote
from compute.judge.cgroup import find_parent
from compute.judge.landlock import version as landlock_version
from compute.judge.languages import LANGUAGES
from compute.judge.sandbox import open_sandbox


@dataclass(frozen=True)
class Layer:
    """`isolation`: what holds programs back in it, strongest first; None where it cannot be had for `reason`."""

    name: str
    isolation: str | None
    reason: str = ""


@dataclass(frozen=True)
class Compiler:
    """Who runs programs of a language; `version` is None where nobody does, and `reason` says why."""

    language: str
    version: str | None
    reason: str = ""


@dataclass(frozen=True)
class Probe:
    """`layers` are in the order in which the judge tries them; `used` is the isolation that it takes, None for none.

    `landlock_abi`: version of the kernel's Landlock, 0 without. `seccomp`: some layer filters system calls.
    `cgroup`: the folder where memory can be capped by control groups, None where it cannot for `cgroup_reason`.
    `load`: the average number of waiting and running processes over the last minute.
    """

    layers: tuple[Layer, ...]
    used: str | None
    landlock_abi: int
    seccomp: bool
    cgroup: str | None
    cgroup_reason: str
    languages: tuple[Compiler, ...]
    cores: int
    load: float

    def as_dict(self) -> dict[str, object]:
        """Fit for JSON."""
        return asdict(self)


def probe(toolchain: Toolchain | None = None) -> Probe:
    """Try everything once; takes about a second. Raises nothing for what is missing."""
    layers = tuple(_layer(name) for name in zygote.LAYERS[:-1])
    parent = find_parent()
    found = [layer.isolation for layer in layers if layer.isolation]
    return Probe(
        layers=layers,
        used=found[0] if found else None,
        landlock_abi=landlock_version(),
        seccomp=any("seccomp" in isolation.split("+") for isolation in found),
        cgroup=str(parent.folder) if parent.folder else None,
        cgroup_reason=parent.reason,
        languages=tuple(_compiler(name, toolchain or Toolchain()) for name in LANGUAGES),
        cores=len(os.sched_getaffinity(0)),
        load=round(os.getloadavg()[0], 2),
    )


def _layer(name: str) -> Layer:
    try:
        sandbox = open_sandbox(layers=[name])
    except SandboxError as error:
        reason = str(error).partition(f"No sandbox ({name}): ")[2] or str(error)
        return Layer(name, None, reason.removeprefix(f"{name}: "))
    sandbox.close()
    return Layer(name, sandbox.isolation)


def _compiler(language: str, toolchain: Toolchain) -> Compiler:
    try:
        return Compiler(language, LANGUAGES[language].version(toolchain))
    except ComputeError as error:
        return Compiler(language, None, str(error))
