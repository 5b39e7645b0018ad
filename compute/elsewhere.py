"""How a job is run on another machine: the command, and the Slurm script that submitit writes around it.

The command claims the job, runs it as a worker would and posts its events; the token it needs is read from a file, and
stands in no text made here. Submission itself is submitit's, on the cluster's login node.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

TOKEN_FILE = "~/.frontier-token"
LAUNCHER = "accelerate launch --num_processes {devices}"
SHARED_KINDS = ("train",)  # those that spread over several devices by a launcher
LOGS = "frontier-slurm"
# Slurm's warning before the end: the signal that a job takes for a cancel.
BEFORE_THE_END = "TERM@120"


class Resources(NamedTuple):
    """What to ask Slurm for, on one node. Empty means the cluster's default."""

    devices: int = 1
    hours: float = 24.0
    cpus: int = 0
    memory_gb: int = 0
    partition: str = ""
    account: str = ""


def remote_command(
    reference: str, server: str, launcher: str = "", token_file: str = TOKEN_FILE, maps: Sequence[str] = ()
) -> list[str]:
    """Words after the interpreter's name."""
    words = ["-m", "compute", "remote", reference, "--server", server, "--token-file", token_file]
    words += ["--launcher", launcher] if launcher else []
    return words + [f"--map={pair}" for pair in maps]


def in_words(command: Sequence[str], python: str = "python") -> str:
    """As one types it. The home folder's sign is left to the shell."""
    return " ".join(word if word.startswith("~/") else shlex.quote(word) for word in [python, *command])


def launcher_for(kind: str, devices: int) -> str:
    return LAUNCHER.format(devices=devices) if kind in SHARED_KINDS and devices > 1 else ""


def slurm_script(name: str, command: Sequence[str], resources: Resources) -> str:
    """An sbatch script that runs the command, written by submitit without a cluster. Its output goes to the folder that
    it is submitted from."""
    from submitit.slurm.slurm import _make_sbatch_string

    return _make_sbatch_string(
        # submitit's own srun would write to absolute paths of this machine; a step there must be, for Slurm warns
        # steps alone.
        command=f"srun --unbuffered {in_words(command)}",
        use_srun=False,
        stderr_to_stdout=True,
        folder=".",
        job_name=name,
        partition=resources.partition or None,
        account=resources.account or None,
        time=minutes(resources),
        nodes=1,
        ntasks_per_node=1,
        gpus_per_node=resources.devices or None,
        cpus_per_task=resources.cpus or None,
        mem=f"{resources.memory_gb}GB" if resources.memory_gb else None,
        additional_parameters={"signal": BEFORE_THE_END, "output": "%j.out"},
    )


def submit(name: str, command: Sequence[str], resources: Resources, folder: Path, cluster: str | None = None) -> str:
    """Hand the command to Slurm and return the number it gives; `cluster` "local" runs it here instead. Raises
    RuntimeError where there is no Slurm."""
    import submitit

    executor = submitit.AutoExecutor(folder=folder, cluster=cluster or "slurm")
    executor.update_parameters(
        name=name,
        timeout_min=minutes(resources),
        nodes=1,
        tasks_per_node=1,
        **({"gpus_per_node": resources.devices} if resources.devices else {}),
        **({"cpus_per_task": resources.cpus} if resources.cpus else {}),
        **({"mem_gb": resources.memory_gb} if resources.memory_gb else {}),
        **({"slurm_partition": resources.partition} if resources.partition else {}),
        **({"slurm_account": resources.account} if resources.account else {}),
        slurm_additional_parameters={"signal": BEFORE_THE_END},
    )
    words = [sys.executable, *(str(Path(word).expanduser()) if word.startswith("~/") else word for word in command)]
    job = executor.submit(submitit.helpers.CommandFunction(words, cwd=Path.cwd()))
    if cluster is not None:
        job.result()
    return str(job.job_id)


def minutes(resources: Resources) -> int:
    return max(1, round(60 * resources.hours))
