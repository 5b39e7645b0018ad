"""The last value of each training metric of the runs on a page.

A run can have millions of points. The index on (run, name, step) leads from name to name, so a page costs one probe a
run and name. What ten thousand runs are sorted and filtered by is `frontier_app.filters.fields.last_metric`.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection

LAST_OF_EACH_NAME = """
SELECT run.id, walk.name, walk.step, walk.value FROM unnest(%s::bigint[]) AS run (id) CROSS JOIN LATERAL (
    WITH RECURSIVE walk AS (
        (SELECT name, step, value FROM frontier_app_metricpoint WHERE run_id = run.id
         ORDER BY name DESC, step DESC LIMIT 1)
        UNION ALL
        SELECT later.name, later.step, later.value FROM walk CROSS JOIN LATERAL (
            SELECT name, step, value FROM frontier_app_metricpoint WHERE run_id = run.id AND name < walk.name
            ORDER BY name DESC, step DESC LIMIT 1
        ) AS later
    )
    SELECT * FROM walk
) AS walk
"""


class Last(NamedTuple):
    step: int
    value: float | None


def last_metrics(runs: Sequence[int]) -> dict[int, dict[str, Last]]:
    """Run -> metric -> its last point. One query."""
    found: dict[int, dict[str, Last]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(LAST_OF_EACH_NAME, [list(runs)])
        for run, name, step, value in cursor.fetchall():
            found[run][name] = Last(step, value)
    return found
