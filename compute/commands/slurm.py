"""`python -m compute slurm JOB --server ADDRESS`: submit a run elsewhere to Slurm, on the cluster's login node."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from compute.commands.line import Arguments, count, say, status_of
from compute.commands.remote import add_place, moved, refuse_open_address, token
from compute.elsewhere import LOGS, TOKEN_FILE, Resources, launcher_for, remote_command, slurm_script, submit
from compute.errors import EngineError

HELP = """\
The Slurm job runs `python -m compute remote JOB`, with this interpreter and from this folder; the job stays queued on
the server until Slurm starts it. --print writes the script instead of submitting it. The token stands in no file of
Slurm's: it is read from --token-file when the job starts.

Exit status: 0; 2 the request is wrong; 3 the token is missing; 6 there is no Slurm here.
"""


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    return status_of(lambda: _run(_parser().parse_args(arguments)))


def _parser() -> Arguments:
    parser = Arguments("slurm", "Submit a job of a Frontier server to Slurm.", HELP)
    add_place(parser)
    parser.set_defaults(token_file=TOKEN_FILE)
    add = parser.add_argument
    add("--devices", type=count, default=1, metavar="N", help="GPUs of one node (1); a training starts N processes")
    add("--hours", type=float, default=24.0, metavar="HOURS", help="time limit (24)")
    add("--cpus", type=count, default=0, metavar="N", help="cores")
    add("--memory-gb", type=count, default=0, metavar="GB", help="memory of the node")
    add("--partition", default="", metavar="NAME", help="where to queue")
    add("--account", default="", metavar="NAME", help="whom to charge")
    add("--print", action="store_true", dest="only_print", help="write the sbatch script and submit nothing")
    add("--cluster", choices=("slurm", "local"), default="slurm", help="local runs it here at once, to try it")
    return parser


def _run(options: argparse.Namespace) -> int:
    refuse_open_address(options.server)
    moved(options.map)
    kind = options.job.partition("-")[0]
    launcher = options.launcher or launcher_for(kind, options.devices)
    command = remote_command(options.job, options.server, launcher, options.token_file, options.map)
    resources = Resources(
        0 if options.cluster == "local" else options.devices,
        options.hours, options.cpus, options.memory_gb, options.partition, options.account,
    )  # fmt: skip
    if options.only_print:
        sys.stdout.write(slurm_script(options.job, command, resources))
        return 0
    token(options.token_file)  # a missing one is better known now than when Slurm starts the job
    try:
        number = submit(options.job, command, resources, Path(LOGS), "local" if options.cluster == "local" else None)
    except RuntimeError as error:
        raise EngineError(f"Nothing was submitted: {str(error).splitlines()[0]}") from None
    say(f"Submitted {options.job} as {number}; its logs are in {LOGS}.")
    return 0
