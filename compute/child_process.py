"""What every child that computes does first: die with its parent, and keep standard output for its messages.

Standard library only, for vLLM's interpreter imports it too, which has none of the project's packages.
"""

import ctypes
import os
import signal
import sys
from typing import TextIO

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the worker that started it dies, so that no orphan keeps computing.

    Linux means the thread that started it: a worker must start jobs from a thread that outlives them.
    """
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the request reached the kernel
        os.kill(os.getpid(), signal.SIGKILL)


def reserve_stdout() -> TextIO:
    """Keep the real standard output for events and send every other writer, C libraries included, to standard error.

    Of several processes under a distributed launcher only the first speaks.
    """
    sys.stdout.flush()
    first = os.environ.get("RANK", "0") == "0"
    events = os.fdopen(os.dup(1) if first else os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return events
