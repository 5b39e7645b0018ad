"""Waiting out an outage of the database, as when it is restarted in the middle of a job."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

PATIENCE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 5.0
T = TypeVar("T")
logger = logging.getLogger(__name__)


def patiently(action: Callable[[], T]) -> T:
    """Repeat `action` while the database is away, for a minute, and then let its error through.

    An outage may hide that the last try was committed, so `action` must be harmless when it is repeated.
    """
    gives_up = time.monotonic() + PATIENCE_SECONDS
    pause = 0.1
    while True:
        try:
            return action()
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() > gives_up:
                raise
            logger.warning("The database does not answer (%s); trying again.", first_line(error))
            connection.close()
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
