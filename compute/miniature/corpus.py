"""The supervised corpus: statements with slow and fast programs, some with slips.

The mixture is a decision about the study and is meant to be read as one. The base must *mix strategies* (else there is
nothing for coverage to select), prefer the simple program a little on hard problems, as language models do, and be
wrong more often in the longer one. How nearly equal the solve rates of the trained policies turn out rests on these
numbers; the direction between them does not.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from compute.miniature.composition import Composition, Task, draw_task, split
from compute.miniature.kinds import Kind
from compute.miniature.rendering import fast_program, slow_program, statement
from compute.miniature.slips import with_slips


@dataclass(frozen=True)
class Mixture:
    """`fast_share`: how often a kind with two programs is answered by the fast one, by difficulty. Slip rates count
    for each possible slip; a `tricky` kind's fast program has a rate of its own."""

    fast_share: dict[str, float] = field(default_factory=lambda: {"medium": 0.5, "hard": 0.45})
    fast_slip_rate: dict[str, float] = field(default_factory=lambda: {"medium": 0.08, "hard": 0.20})
    tricky_slip_rate: float = 0.28
    slow_slip_rate: float = 0.03

    def slip_rate(self, kind: Kind) -> float:
        return self.tricky_slip_rate if kind.tricky else self.fast_slip_rate[kind.difficulty]


class Corpus:
    """An endless stream of (statement, program), balanced over kinds, of the compositions seen in training."""

    def __init__(self, mixture: Mixture | None = None, compositions: Sequence[Composition] | None = None) -> None:
        self.mixture = mixture or Mixture()
        self._by_kind: dict[str, list[Composition]] = {}
        for one in split()[0] if compositions is None else compositions:
            self._by_kind.setdefault(one.kind, []).append(one)
        self._kinds = sorted(self._by_kind)

    def draw(self, rng: random.Random) -> tuple[str, str]:
        draft = self.draft(rng)
        return statement(draft.task), draft.text

    def draft(self, rng: random.Random) -> "Draft":
        task = draw_task(rng.choice(self._by_kind[rng.choice(self._kinds)]), rng)
        kind = task.kind
        if kind.fast and rng.random() < self.mixture.fast_share[kind.difficulty]:
            draft = Draft(task, fast_program(task), self.mixture.slip_rate(kind))
        else:
            draft = Draft(task, slow_program(task), self.mixture.slow_slip_rate)
        return draft._replace(text=self.slipped(draft, rng))

    def slipped(self, draft: "Draft", rng: random.Random) -> str:
        """The right program, with such slips as happen this time."""
        return with_slips(draft.right, draft.slip_rate, rng)


class Draft(NamedTuple):
    """A program for a task as somebody wrote it down. `right`: the same without its slips."""

    task: Task
    right: str
    slip_rate: float
    text: str = ""
