"""A table grouped by one key: means over seeds with their intervals, and their differences from a pinned group.

The seed is the unit: what shares a group and a seed is averaged first, so that ten evaluations of one training count
once. Intervals are Student's t over the seeds, of differences those that `compute.stats.seeds` chooses.
"""

import json
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import Avg, Count, QuerySet
from django.db.models.expressions import Combinable

from compute.stats.seeds import SeedDifference, SeedMean, difference_over_seeds, mean_over_seeds
from frontier_app.filters import Fields
from frontier_app.tables.columns import json_key
from frontier_app.tables.configurations import written


class Grouping(NamedTuple):
    """What rows can be grouped by. `field` is its name in a filter, by which every group leads to its rows."""

    key: str
    label: str
    field: str
    expression: Combinable


class Group(NamedTuple):
    """`key` is the value as an address writes it. Each entry of `values` is a measure: seed -> mean, nan for none."""

    key: str
    value: Any
    words: str
    rows: int
    seeds: int
    values: Sequence[Mapping[Hashable, float]]

    @property
    def readings(self) -> list[SeedMean]:
        return [mean_over_seeds(list(measure.values())) for measure in self.values]

    def differences(self, other: "Group") -> list[SeedDifference]:
        """Of each measure, this group's mean minus the other's."""
        return [difference_over_seeds(*pair) for pair in zip(self.values, other.values, strict=True)]


def by_field(fields: Fields, key: str, label: str, field: str = "") -> Grouping:
    """A grouping by what a filter calls `field`, which is `key` where it has no other name."""
    found = fields.find(field or key)
    assert found is not None
    return Grouping(key, label, found.name, found.expression)


def by_json(key: str, column: str) -> Grouping | None:
    """A grouping by a key inside of a JSON column, such as config.learning_rate; None for any other key."""
    path = key.partition(".")[2]
    return Grouping(key, path, key, json_key(column, path)) if all(path.split(".")) else None


def grouped(
    rows: "QuerySet[Any, Any]", by: Combinable, unit: Combinable, measures: Sequence[Combinable]
) -> list[Group]:
    """One query, however many rows and groups. `unit` tells seeds apart, `measures` are numbers of a row."""
    names = [f"measure_{place}" for place in range(len(measures))]
    found = (
        rows.order_by().annotate(group_value=by, group_unit=unit).values("group_value", "group_unit")
        .annotate(group_rows=Count("pk"), **dict(zip(names, map(Avg, measures), strict=True)))
    )  # fmt: skip
    gathered: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in found:
        gathered[_key(one["group_value"])].append(one)
    groups = [
        Group(
            key=key,
            value=units[0]["group_value"],
            words=_words(units[0]["group_value"]),
            rows=sum(one["group_rows"] for one in units),
            seeds=len(units),
            values=[{one["group_unit"]: _number(one[name]) for one in units} for name in names],
        )
        for key, units in gathered.items()
    ]
    return sorted(groups, key=lambda group: _place(group.value))


def by_reading(groups: Sequence[Group], place: int, descending: bool) -> list[Group]:
    """In order of one reading; groups without it come last."""
    readings = [(group, mean_over_seeds(list(group.values[place].values()))) for group in groups]
    known = sorted((one for one in readings if one[1].seeds), key=lambda one: one[1].mean, reverse=descending)
    return [group for group, _ in known] + [group for group, reading in readings if not reading.seeds]


def _key(value: object) -> str:
    """The same text for what the database takes for the same value, 1 and 1.0 for one."""
    whole = isinstance(value, float) and value.is_integer()
    return json.dumps(int(value) if whole else value, default=str, sort_keys=True)  # type: ignore[call-overload]


def _words(value: object) -> str:
    """The value as a reader sees it."""
    if value is None:
        return "—"
    return written(value).replace("-", "−") if isinstance(value, int | float) else written(value)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _place(value: object) -> tuple[int, float, str]:
    """Numbers by size, then texts, then what has none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return (2 if value is None else 1, 0.0, written(value))
    return (0, float(value), "")
