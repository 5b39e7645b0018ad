"""A problem of the family before it has tests: kind x transform x filter x last step, and its parameters.

Compositions are split once and for all, 70 to 30: the base checkpoint has seen programs of the first part only, and no
seed changes that. Drawing parameters is all that is random here.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from compute.miniature.kinds import HELD_OUT_KINDS, KINDS, Kind
from compute.miniature.parts import FILTERS, PLAIN, POSTS, TRANSFORMS
from compute.problems.problem import Difficulty

TRAIN_SHARE = 0.7
SPLIT_SEED = 0
VALUES = range(61)  # over which a filter must keep at least two different values, lest the problem be empty


class Composition(NamedTuple):
    kind: str
    transform: str
    filter: str
    post: str


class Parameters(NamedTuple):
    """t: of the transform; f: of the filter; m: divisor of the kind."""

    t: int
    f: int
    m: int


@dataclass(frozen=True)
class Task:
    """A composition with its parameters: enough for the statement and the programs."""

    composition: Composition
    parameters: Parameters

    @property
    def kind(self) -> Kind:
        return KINDS[self.composition.kind]

    def fill(self, text: str) -> str:
        """Replace the braces of `text` by the parameters."""
        for name, value in self.parameters._asdict().items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def transformed(self, values: Iterable[int]) -> list[int]:
        expression = self.fill(TRANSFORMS[self.composition.transform].expression)
        return _mapping(expression)(values) if expression else list(values)

    def passes(self, values: Iterable[int]) -> list[bool]:
        """Which of `values`, already transformed, the filter lets through."""
        expression = self.fill(FILTERS[self.composition.filter].expression)
        return [bool(one) for one in _mapping(expression)(values)] if expression else [True for _ in values]


@cache
def _mapping(expression: str) -> Callable[[Iterable[int]], list[int]]:
    """The family's own expression over x as a function of a list; `expression` is never a model's text."""
    mapping: Callable[[Iterable[int]], list[int]] = eval(f"lambda values: [{expression} for x in values]")
    return mapping


def compositions() -> list[Composition]:
    return [
        Composition(kind.name, transform, chosen, post)
        for kind in KINDS.values()
        for transform in TRANSFORMS
        for chosen in (FILTERS if kind.filter_mode != "none" else (PLAIN,))
        for post in POSTS
    ]


def split() -> tuple[list[Composition], list[Composition]]:
    """(seen in training, held out), the same on every machine."""
    shuffled = compositions()
    random.Random(SPLIT_SEED).shuffle(shuffled)
    border = int(len(shuffled) * TRAIN_SHARE)
    return shuffled[:border], shuffled[border:]


def reinforcement_compositions() -> list[Composition]:
    """What reinforcement learning may ask."""
    return [one for one in split()[0] if one.kind not in HELD_OUT_KINDS]


def evaluation_compositions() -> list[Composition]:
    """What the held-out set asks: compositions never seen, of kinds never rewarded (or easy)."""
    return [one for one in split()[1] if one.kind in HELD_OUT_KINDS or KINDS[one.kind].difficulty == "easy"]


def draw_task(composition: Composition, rng: random.Random) -> Task:
    """Draw parameters until the filter keeps at least two different values."""
    factors = (3, 4, 5) if composition.filter in ("multiple", "indivisible") else (2, 3, 5)
    while True:
        parameters = Parameters(t=rng.choice((3, 5, 7, 9)), f=rng.choice(factors), m=rng.choice((4, 6, 8)))
        task = Task(composition, parameters)
        values = task.transformed(VALUES)
        if len({value for value, kept in zip(values, task.passes(values), strict=True) if kept}) >= 2:
            return task


def draw_balanced(pool: Sequence[Composition], counts: Mapping[Difficulty, int], rng: random.Random) -> list[Task]:
    """`counts[difficulty]` tasks, spread evenly over the kinds of `pool`; a composition returns only when its kind's
    compositions are used up, with new parameters."""
    tasks = []
    for difficulty, count in counts.items():
        kinds = sorted({one.kind for one in pool if KINDS[one.kind].difficulty == difficulty})
        rng.shuffle(kinds)
        if not kinds and count:
            raise ValueError(f"the pool holds no {difficulty} composition")
        left: dict[str, list[Composition]] = {kind: [] for kind in kinds}
        for number in range(count):
            kind = kinds[number % len(kinds)]
            if not left[kind]:
                left[kind] = [one for one in pool if one.kind == kind]
                rng.shuffle(left[kind])
            tasks.append(draw_task(left[kind].pop(), rng))
    return tasks
