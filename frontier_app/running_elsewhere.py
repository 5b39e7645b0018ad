"""What a person copies to run a job on another machine: for its page and the API alike. No secret stands in it."""

from typing import NamedTuple

from django.http import HttpRequest

from compute.elsewhere import TOKEN_FILE, Resources, in_words, launcher_for, remote_command, slurm_script
from frontier_app.models import Job

SEVERAL = 8  # devices of the example for a job that can spread over them


class Elsewhere(NamedTuple):
    """`command` for one device; `several` for more, empty where the job cannot use them; `slurm` for Slurm, which
    `submit` hands over."""

    command: str
    several: str
    slurm: str
    submit: str
    token_file: str


def commands_elsewhere(job: Job, server: str, devices: int = 0) -> Elsewhere:
    """`devices` 0 shows an example."""
    launcher = launcher_for(job.kind, devices or SEVERAL)
    used = devices or (SEVERAL if launcher else 1)
    spread = remote_command(job.reference, server, launcher_for(job.kind, used))
    submit = ["-m", "compute", "slurm", job.reference, "--server", server, "--devices", str(used)]
    return Elsewhere(
        command=in_words(remote_command(job.reference, server)),
        several=in_words(spread) if launcher else "",
        slurm=slurm_script(job.reference, spread, Resources(devices=used)),
        submit=in_words(submit),
        token_file=TOKEN_FILE,
    )


def server_address(request: HttpRequest) -> str:
    return request.build_absolute_uri("/").rstrip("/")
