"""A table grouped by one key: means over seeds with their intervals.

The seed is the unit: what shares a group and a seed is averaged first, so that ten evaluations of one training count
once. Intervals are Student's t over the seeds (`compute.stats.seeds`).
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import Avg, Count, QuerySet
from django.db.models.expressions import Combinable

from compute.stats.seeds import SeedMean, mean_over_seeds
from frontier_app.tables.configurations import written


class Group(NamedTuple):
    """`readings` has one entry a measure, in the order in which they were asked for."""

    value: Any
    words: str
    rows: int
    seeds: int
    readings: list[SeedMean]


def grouped(
    rows: "QuerySet[Any, Any]", by: Combinable, unit: Combinable, measures: Mapping[str, Combinable]
) -> list[Group]:
    """One query, however many rows and groups. `unit` tells seeds apart, `measures` are numbers of a row."""
    averages = {f"measure_{place}": Avg(expression) for place, expression in enumerate(measures.values())}
    found = (
        rows.order_by().annotate(group_value=by, group_unit=unit).values("group_value", "group_unit")
        .annotate(group_rows=Count("pk"), **averages)
    )  # fmt: skip
    gathered: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in found:
        gathered[json.dumps(one["group_value"], default=str)].append(one)
    groups = [
        Group(
            value=units[0]["group_value"],
            words="—" if units[0]["group_value"] is None else written(units[0]["group_value"]),
            rows=sum(one["group_rows"] for one in units),
            seeds=len(units),
            readings=[mean_over_seeds([_number(one[name]) for one in units]) for name in averages],
        )
        for units in gathered.values()
    ]
    return sorted(groups, key=lambda group: _place(group.value))


def by_reading(groups: Sequence[Group], place: int, descending: bool) -> list[Group]:
    """In order of one reading; groups without it come last."""
    known = [group for group in groups if group.readings[place].seeds]
    unknown = [group for group in groups if not group.readings[place].seeds]
    return sorted(known, key=lambda group: group.readings[place].mean, reverse=descending) + unknown


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _place(value: object) -> tuple[int, float, str]:
    """Numbers by size, then texts, then what has none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return (2 if value is None else 1, 0.0, written(value))
    return (0, float(value), "")
