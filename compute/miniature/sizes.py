"""How large each test is, so that no verdict hangs on the load of the machine.

A slow program takes about step_ns x steps, and steps grow with the square of the size. A level *binds* when the slow
program needs several times the limit there, and is *free* when it needs a fraction. Between the two lies nothing: the
sizes jump. `measure_step_ns` is how the numbers in `compute.miniature.kinds` were found.
"""

import math
import random
from typing import Literal

from compute.miniature.composition import Composition, draw_task
from compute.miniature.execution import run_program
from compute.miniature.inputs import Shape, draw_input
from compute.miniature.kinds import Kind
from compute.miniature.parts import FILTERS, PLAIN, TRANSFORMS
from compute.miniature.rendering import slow_program

LIMIT_SECONDS = 0.05
LEVELS = 5
BindsAt = Literal[3, 4, 5] | None
BINDING_LEVELS: tuple[Literal[3, 4, 5], ...] = (3, 4, 5)

# Aims in units of the limit. At least 5 and at most 1/5 must hold; the rest is room for other machines.
BINDING_FACTOR = 12.0
FREE_FACTOR = 0.1
BINDING_GROWTH = (1.0, 1.15, 1.3)
FREE_SHARE = {3: 0.5, 4: 0.75, 5: 1.0}

SMALL_SIZES = ((4, 7, 10), (30,))
EASY_SIZES = (*SMALL_SIZES, (200,), (800,), (2000,))


def sizes(kind: Kind, binds_at: BindsAt) -> tuple[tuple[int, ...], ...]:
    """For each level the sizes of its tests: the number of values that pass the filter (or of all values and of
    queries, for a kind whose filter leaves the array)."""
    if not kind.fast:
        return EASY_SIZES
    levels = list(SMALL_SIZES)
    for level in range(len(levels) + 1, LEVELS + 1):
        if binds_at is not None and level >= binds_at:
            size = size_at(kind, BINDING_FACTOR) * BINDING_GROWTH[level - binds_at]
        else:
            size = size_at(kind, FREE_FACTOR) * FREE_SHARE[level]
        levels.append((int(size),))
    return tuple(levels)


def size_at(kind: Kind, factor: float) -> float:
    """The size at which the slow program needs `factor` times the limit."""
    return math.sqrt(factor * LIMIT_SECONDS * 1e9 / (kind.step_ns * steps_per_square(kind)))


def steps_per_square(kind: Kind) -> float:
    """Inner steps of the slow program over the square of the size: all pairs, or ranges of 3/4 of the array."""
    return 0.75 if kind.reads == "n q" else 0.5


def measure_step_ns(kind: Kind, size: int = 700, repeats: int = 3) -> list[float]:
    """CPU time of an inner step for several transforms and filters, each the least of `repeats`."""
    rng = random.Random(0)
    measured = []
    for transform in TRANSFORMS:
        for chosen in (PLAIN, "even", "above") if kind.filter_mode != "none" else (PLAIN,):
            assert chosen in FILTERS
            task = draw_task(Composition(kind.name, transform, chosen, PLAIN), rng)
            text = draw_input(task, Shape(size, long_ranges=True), rng)
            seconds = min(run_program(slow_program(task), text).cpu_seconds for _ in range(repeats))
            measured.append(seconds * 1e9 / (steps_per_square(kind) * size**2))
    return measured
