"""Configurations as flat keys: what two runs differ in, and which keys a study's runs have.

Names and folders differ between any two runs and configure nothing, so they are left out.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

NAMES = ("reference", "folder", "judge_cache", "script")


class Difference(NamedTuple):
    """A key and its value in each configuration, written as JSON; None where a configuration has no such key."""

    key: str
    values: list[str | None]


def flatten(config: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested keys joined by dots; lists stay whole."""
    flat: dict[str, object] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        elif not (prefix == "" and key in NAMES):
            flat[f"{prefix}{key}"] = value
    return flat


def differences(configs: Sequence[Mapping[str, object]]) -> list[Difference]:
    """The keys in which not all of `configs` agree, in the order in which the first one that has them names them."""
    flat = [flatten(config) for config in configs]
    keys = list(dict.fromkeys(key for one in flat for key in one))
    rows = [Difference(key, [written(one[key]) if key in one else None for one in flat]) for key in keys]
    return [row for row in rows if len(set(row.values)) > 1]


def agreeing(configs: Sequence[Mapping[str, object]]) -> int:
    """How many keys all of `configs` have with the same value."""
    flat = [flatten(config) for config in configs]
    return sum(
        all(key in one and one[key] == value for one in flat) for key, value in (flat[0] if flat else {}).items()
    )


def written(value: object) -> str:
    """A value as one reads it: text without quotes, numbers short, anything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:g}"
    return json.dumps(value)


def configured_keys(configs: Iterable[Mapping[str, object]]) -> list[str]:
    """The keys that have one plain value, those that vary first."""
    seen: dict[str, set[str]] = {}
    for config in configs:
        for key, value in flatten(config).items():
            if value is None or isinstance(value, str | int | float):
                seen.setdefault(key, set()).add(written(value))
    return sorted(seen, key=lambda key: (len(seen[key]) < 2, key))
