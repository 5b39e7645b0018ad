"""Draws an input for a task. The number of values that pass the filter is exact, because the cost depends on it."""

import random
from dataclasses import dataclass
from itertools import compress

from compute.miniature.composition import VALUES, Task

SMALL = 100  # from this size on a falling tail is made
SMALL_RANGES, LARGE_RANGES = (12, 30, 60), (60, 200)  # small tests have many ties and matches
KEPT_SHARE = 0.6
FALLING_SHARE = 0.9


@dataclass(frozen=True)
class Shape:
    """`size`: values that pass the filter; for a kind with queries all values, and the number of queries.

    Values lie between 0 and `largest`, unless the filter would drop all of them. `long_ranges`: queries reach from the
    first quarter to the last."""

    size: int
    largest: int = LARGE_RANGES[0]
    long_ranges: bool = False


def draw_input(task: Task, shape: Shape, rng: random.Random) -> str:
    """The text of standard input, lines ended."""
    values = draw_values(task, shape, rng)
    lines = [" ".join(map(str, values))]
    if task.kind.reads == "n":
        head = str(len(values))
    elif task.kind.reads == "n k":
        head = f"{len(values)} {draw_k(task, values, rng)}"
    else:
        head = f"{len(values)} {shape.size}"
        lines += draw_queries(len(values), shape, rng)
    return "\n".join([head, *lines]) + "\n"


def draw_values(task: Task, shape: Shape, rng: random.Random) -> list[int]:
    """Values before transform and filter. Those that the filter drops are put between the others."""
    keep, drop = candidates(task, shape.largest)
    if not keep:  # a small range may leave nothing; VALUES never does
        keep, drop = candidates(task, VALUES[-1])
    total = round(shape.size / KEPT_SHARE) if drop and task.kind.filter_mode == "drop" else shape.size
    kept = shape.size if not drop or task.kind.filter_mode == "drop" else round(shape.size * KEPT_SHARE)
    values = rng.choices(keep, k=total)
    for place in rng.sample(range(total), total - kept):
        values[place] = rng.choice(drop)
    if task.kind.falling and shape.size >= SMALL:
        head = round(len(values) * (1 - FALLING_SHARE))
        tail = values[head:]
        by_transformed = sorted(zip(task.transformed(tail), tail, strict=True), reverse=True)
        values[head:] = [value for _, value in by_transformed]
    return values


def candidates(task: Task, largest: int) -> tuple[list[int], list[int]]:
    """The values from 0 to `largest` that pass the filter, and those that do not."""
    values = range(largest + 1)
    passes = task.passes(task.transformed(values))
    return list(compress(values, passes)), [value for value, kept in zip(values, passes, strict=True) if not kept]


def draw_k(task: Task, values: list[int], rng: random.Random) -> int:
    """A k that matters: taken from what the values make possible."""
    transformed = task.transformed(values)
    kept = list(compress(transformed, task.passes(transformed)))
    one, other = rng.choice(kept), rng.choice(kept)
    match task.kind.k_rule:
        case "count":
            return rng.randint(1, len(kept))
        case "value":
            return one
        case "pair sum":
            return one + other
        case "pair difference":
            return 0 if rng.random() < 0.15 else abs(one - other)
        case "window sum":
            return window_sum(kept, min(8, len(kept)), rng)
        case "long window sum":
            return window_sum(kept, max(1, len(kept) // 3), rng)
        case rule:
            raise ValueError(f"no rule for k: {rule!r}")


def window_sum(values: list[int], longest: int, rng: random.Random) -> int:
    length = rng.randint(1, longest)
    start = rng.randint(0, len(values) - length)
    return sum(values[start : start + length])


def draw_queries(count: int, shape: Shape, rng: random.Random) -> list[str]:
    quarter = count // 4 if shape.long_ranges else count
    lefts = rng.choices(range(1, quarter + 1), k=shape.size)
    rights = rng.choices(range(count - quarter + 1, count + 1), k=shape.size)
    return [f"{min(pair)} {max(pair)}" for pair in zip(lefts, rights, strict=True)]
