"""How long the database may work for one filter: a statement that takes longer is ended and becomes a FilterError.

A filter is somebody's text: within all other bounds it can still ask for more than a page can wait for.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from frontier_app.filters.language import FilterError

PAGE_SECONDS = 5.0


class TookTooLong(FilterError):
    """The database was stopped."""


@contextmanager
def patience(seconds: float = PAGE_SECONDS) -> Iterator[None]:
    """Inside, no statement runs longer than `seconds`. Raises TookTooLong; the transaction outside goes on."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            (before,) = cursor.fetchone()
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(seconds * 1000))])
            yield
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TookTooLong(
                "This filter takes the database too long; narrow it down or simplify its patterns."
            ) from None
        raise
