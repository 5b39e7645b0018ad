"""Two evaluations side by side: rates with paired differences, exact tests, each problem, the programs of one.

The two are of one problem set, and only problems that both have judged are compared. Counts come from `Rollup`, two
queries at any size; the programs of one problem come from samples. Callers hand in evaluations of a study that the
viewer may read. It draws nothing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple

import numpy as np
from django.db.models import Count
from numpy.typing import NDArray

from compute.stats.bootstrap import Intervals, cluster_bootstrap, differences
from compute.stats.flips import FALSE_DISCOVERY_RATE, Flips, flips
from compute.stats.rates import CLASSES
from frontier_app.figures.frontier import Difference, Reading
from frontier_app.models import Evaluation, Problem, Program, Sample, Study
from frontier_app.numbers.placement import Cells, Placed, Selection, read_cells

CLASS_WORDS = {
    "solved": "solved",
    "optimisation": "too slow or too large",
    "correctness": "wrong or crashed",
    "no_answer": "no program",
}
SORTS = ("change", "gained", "lost", "name", "significance")
MOST_DIFF_LINES = 2_000


@dataclass(frozen=True)
class RateRow:
    """One class: its rate at a and at b, and b minus a, paired over the problems that both have judged."""

    words: str
    a: Reading
    b: Reading
    change: Difference


class Counts(NamedTuple):
    """Of one evaluation on one problem; names as `templatetags.frontier.mix` reads them."""

    n: int
    solved: int
    optimisation: int
    correctness: int
    no_answer: int

    @property
    def rate(self) -> float | None:
        return self.solved / self.n if self.n else None


@dataclass(frozen=True)
class ProblemRow:
    """`q` is the p-value of Fisher's exact test after Benjamini and Hochberg; None where either is not judged."""

    slug: str
    title: str
    difficulty: str
    a: Counts
    b: Counts
    change: float | None
    p: float | None
    q: float | None
    moved: str  # "gained", "lost" or ""

    @property
    def pair(self) -> tuple[Counts, Counts]:
        return self.a, self.b


@dataclass(frozen=True)
class Compared:
    """What the page shows. `problems` are in the order asked for; `both` counts those that both have judged."""

    rates: list[RateRow]
    problems: list[ProblemRow]
    both: int
    n: tuple[int, int]
    gained: int
    lost: int
    won: int
    dropped: int
    mcnemar_p: float
    false_discovery_rate: float = FALSE_DISCOVERY_RATE


def compare(study: Study, a: Evaluation, b: Evaluation, selection: Selection, difficulty: str, sort: str) -> Compared:
    """b against a, judged at the selection's level and by its rule, on one difficulty or ("") on all."""
    placed = [Placed(one, one.alpha, "mid", None) for one in (a, b)]
    cells = read_cells(study, placed, selection.level, selection.rule, difficulty or None)
    n = cells.counts.n * (cells.counts.n > 0).all(axis=0)  # what one alone has judged says nothing of a difference
    classes = np.where(n[..., None] > 0, cells.classes, 0)
    solved = np.where(n > 0, cells.counts.solved, 0)
    found = flips(solved[0], n[0], solved[1], n[1]) if n.shape[1] else None
    rows = [] if found is None else _problem_rows(cells, found)
    return Compared(
        rates=_rate_rows(classes, n),
        problems=sorted_rows(rows, sort),
        both=int((n[0] > 0).sum()),
        n=(int(n[0].sum()), int(n[1].sum())),
        gained=sum(row.moved == "gained" for row in rows),
        lost=sum(row.moved == "lost" for row in rows),
        won=int(found.won) if found else 0,
        dropped=int(found.dropped) if found else 0,
        mcnemar_p=float(found.mcnemar_p) if found else 1.0,
    )


def _rate_rows(classes: NDArray[np.int64], n: NDArray[np.int64]) -> list[RateRow]:
    intervals = cluster_bootstrap(classes, n)
    deltas = differences(intervals, 0)

    def reading(found: Intervals, row: int, place: int) -> tuple[float, float]:
        return float(found.mean[row, place]), float(found.half_width[row, place])

    return [
        RateRow(
            CLASS_WORDS[name],
            Reading(*reading(intervals, 0, place)),
            Reading(*reading(intervals, 1, place)),
            Difference(*reading(deltas, 1, place), float(deltas.low[1, place]), float(deltas.high[1, place])),
        )
        for place, name in enumerate(CLASSES)
    ]


def _problem_rows(cells: Cells, found: Flips) -> list[ProblemRow]:
    counts = np.concatenate([cells.counts.n[..., None], cells.classes], axis=-1).tolist()
    return [
        ProblemRow(
            slug=problem.slug,
            title=problem.title,
            difficulty=problem.difficulty,
            a=Counts(*counts[0][place]),
            b=Counts(*counts[1][place]),
            change=_finite(found.change[place]),
            p=_finite(found.p_values[place]),
            q=_finite(found.q_values[place]),
            moved="gained" if found.gained[place] else "lost" if found.lost[place] else "",
        )
        for place, problem in enumerate(cells.problems)
    ]


def sorted_rows(rows: Sequence[ProblemRow], sort: str) -> list[ProblemRow]:
    """By the size of the change, by gain, by loss, by name or by q; what is not judged stands last."""
    keys = {
        "change": lambda row: -abs(row.change),
        "gained": lambda row: -row.change,
        "lost": lambda row: row.change,
        "significance": lambda row: (row.q, -abs(row.change)),
    }
    if sort == "name":
        return sorted(rows, key=lambda row: row.slug)
    judged = [row for row in rows if row.change is not None]
    return sorted(judged, key=keys[sort]) + [row for row in rows if row.change is None]


# The programs of one problem ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """The program that an evaluation writes most often for a problem; `text` is "" where answers hold none."""

    evaluation: Evaluation
    program: str | None
    count: int
    n: int
    distinct: int
    letters: str
    text: str


class DiffLine(NamedTuple):
    """A line of both programs side by side; None where one has no line there."""

    left: str | None
    right: str | None
    same: bool


def sides(problem: Problem, evaluations: Sequence[Evaluation]) -> list[Side | None]:
    """None for an evaluation without samples of the problem. Two queries."""
    written: dict[int, list[tuple[str | None, str, int]]] = {one.pk: [] for one in evaluations}
    groups = Sample.objects.filter(problem=problem, evaluation__in=written).values_list(
        "evaluation_id", "program_id", "letters"
    )
    for evaluation, program, letters, count in groups.annotate(count=Count("pk")).order_by():
        written[evaluation].append((program, letters, count))
    chosen = {pk: _most_frequent(rows) for pk, rows in written.items() if rows}
    texts = Program.objects.in_bulk([program for program, _, _ in chosen.values() if program])
    found: list[Side | None] = []
    for one in evaluations:
        if one.pk not in chosen:
            found.append(None)
            continue
        program, count, letters = chosen[one.pk]
        rows = written[one.pk]
        found.append(
            Side(
                evaluation=one,
                program=program,
                count=count,
                n=sum(count for _, _, count in rows),
                distinct=len({name for name, _, _ in rows} - {None}),
                letters=letters,
                text=texts[program].text if program in texts else "",
            )
        )
    return found


def _most_frequent(rows: Sequence[tuple[str | None, str, int]]) -> tuple[str | None, int, str]:
    """Of (program, letters, count): the commonest program, how often, and its commonest letters. A program goes before
    none, and ties go to the one that comes first by content hash."""
    counts: Counter[str | None] = Counter()
    for program, _, count in rows:
        counts[program] += count
    chosen = min(counts, key=lambda program: (-counts[program], program is None, program or ""))
    letters = min((-count, letters) for program, letters, count in rows if program == chosen)[1]
    return chosen, counts[chosen], letters


def side_by_side(left: str, right: str) -> list[DiffLine]:
    """The lines of two programs, equal ones beside each other."""
    before, after = left.splitlines()[:MOST_DIFF_LINES], right.splitlines()[:MOST_DIFF_LINES]
    lines: list[DiffLine] = []
    for kind, i, i_end, j, j_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        for place in range(max(i_end - i, j_end - j)):
            one = before[i + place] if i + place < i_end else None
            other = after[j + place] if j + place < j_end else None
            lines.append(DiffLine(one, other, kind == "equal"))
    return lines


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
