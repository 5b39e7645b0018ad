"""From samples to how their programs grow: is a policy changing its strategy (how programs grow) or its competence (how
often they are right)?

Counted on demand and bounded: some problems, some checkpoints, the first samples of each; what is left out is said.
Programs whose growth the tests do not decide are a group of their own. The fit is `compute.stats.growth`'s.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from numpy.typing import NDArray

from compute.stats.bootstrap import Intervals, bootstrap_means
from compute.stats.growth import KINDS, THRESHOLD, fit_growth
from compute.stats.rates import ratio
from frontier_app.figures.failures import (
    GROUPS,
    ProgramGrowth,
    StrategyPoint,
    programs_figure,
    strategy_figure,
)
from frontier_app.figures.frontier import Reading
from frontier_app.models import Problem, Sample, Study
from frontier_app.numbers.failures.page import Shown, problems_of, spread
from frontier_app.numbers.json_numbers import pair_of
from frontier_app.numbers.placement import Placed, SelectionError, placed_evaluations

MOST_PROBLEMS = 24
MOST_CHECKPOINTS = 9
FIRST_SAMPLES = 32
MOST_DRAWN = 10
# A fit costs time for every test, and two hundred say little more of three parameters than these.
MOST_TESTS = 40
THRESHOLDS = (1.0, 1.25, THRESHOLD, 2.0)
GROUP_NAMES = tuple(name for name, _, _ in GROUPS)
# A flat program grows slowly as far as these tests reach.
GROUP_OF_KIND = {"flat": "slow_growing", "slow_growing": "slow_growing", "fast_growing": "fast_growing",
                 "undecided": "undecided"}  # fmt: skip
TIMED, LIMITED = "AWTMO", "TMO"


@dataclass
class Written:
    """One program of one problem: its times a test, and for each evaluation how its samples fared by class."""

    times: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    killed: set[int] = field(default_factory=set)
    letters: Counter[str] = field(default_factory=Counter)
    fared: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    kind: str = "undecided"

    @property
    def samples(self) -> int:
        return self.letters.total()

    def take(self, evaluation: int, letters: str, failure_class: str, milliseconds: Sequence[float]) -> None:
        self.letters[letters] += 1
        self.fared[evaluation][failure_class] += 1
        for place, (letter, time) in enumerate(zip(letters, milliseconds, strict=False)):
            if letter in TIMED:
                self.times[place].append(time)
                if letter in LIMITED:
                    self.killed.add(place)


Programs = dict[str, Written]


def growth_data(study: Study, shown: Shown, query: Mapping[str, str]) -> dict[str, object]:
    """Shares and solve rates of slow-growing and fast-growing programs along alpha, and the growth of the distinct
    programs of one problem (`of` in the query, else one that has both kinds). Raises SelectionError."""
    threshold = threshold_of(query.get("growth", ""))
    placed = placed_evaluations(study, shown.selection.path, shown.selection.setting)
    measured = [one for one in placed if one.evaluation.samples_done and one.alpha is not None]
    chosen = spread(measured, MOST_CHECKPOINTS)
    keys = problems_of(study, shown)
    wanted = Problem.objects.filter(problem_set=study.held_out_set_id, slug=query.get("of", "")).first()
    problems = problems_for(keys, wanted.pk if wanted else None)
    programs, nothing = written(chosen, problems)
    sizes = fit(problems, programs, threshold)
    points = strategy_points(chosen, problems, programs, nothing)
    told = wanted or next((one for one in problems if _has_both(programs[one.pk])), problems[0] if problems else None)
    return {
        "figure": strategy_figure(points, threshold),
        "programs": _programs_of(told, programs.get(told.pk, {}), sizes.get(told.pk, [])) if told else None,
        "table": strategy_table(points),
        "threshold": threshold,
        "note": _note(len(problems), len(keys), len(chosen), len(measured)),
    }


def threshold_of(text: str) -> float:
    """Raises SelectionError."""
    known = {f"{one:g}": one for one in THRESHOLDS}
    if text and text not in known:
        raise SelectionError(f"The growth must be one of {', '.join(known)}, not {text!r}.")
    return known[text] if text else THRESHOLD


def problems_for(keys: Sequence[int], wanted: int | None) -> list[Problem]:
    """Up to `MOST_PROBLEMS` of them, evenly spread, the wanted one among them. One query."""
    places = np.linspace(0, len(keys) - 1, min(MOST_PROBLEMS, len(keys))).round().astype(int).tolist() if keys else []
    chosen = {keys[place] for place in places} | ({wanted} if wanted is not None else set())
    rows = Problem.objects.filter(pk__in=chosen).order_by("position")
    return list(rows.only("slug", "title", "tests", "cpu_seconds", "position"))


def written(placed: Sequence[Placed], problems: Sequence[Problem]) -> tuple[dict[int, Programs], dict[int, Counter]]:
    """The distinct programs of each problem, and for each the answers without a program by evaluation. One query."""
    programs: dict[int, Programs] = {one.pk: {} for one in problems}
    nothing: dict[int, Counter] = {one.pk: Counter() for one in problems}
    rows = Sample.objects.filter(
        evaluation__in=[one.evaluation.pk for one in placed], problem__in=programs, index__lt=FIRST_SAMPLES
    ).exclude(failure_class="I")
    columns = ("evaluation_id", "problem_id", "program_id", "letters", "failure_class", "test_milliseconds")
    for evaluation, problem, program, letters, failure_class, milliseconds in rows.values_list(*columns):
        if program is None:
            nothing[problem][evaluation] += 1
        else:
            programs[problem].setdefault(program, Written()).take(evaluation, letters, failure_class, milliseconds)
    return programs, nothing


def fit(problems: Sequence[Problem], programs: dict[int, Programs], threshold: float) -> dict[int, list[ProgramGrowth]]:
    """Give each program its kind; returns what is drawn of each problem, most frequent programs first.

    Fitted are at most `MOST_TESTS` tests of a problem, evenly spread over their sizes; drawn are all.
    """
    found: dict[int, list[ProgramGrowth]] = {}
    for problem in problems:
        own = sorted(programs[problem.pk].items(), key=lambda one: (-one[1].samples, one[0]))
        sizes = [test["size_bytes"] for test in problem.tests]
        if not own or not sizes:
            continue
        times = np.full((len(own), len(sizes)), np.nan)
        killed = np.zeros(times.shape, dtype=bool)
        for row, (_, one) in enumerate(own):
            for place, seen in one.times.items():
                if place < len(sizes):
                    times[row, place] = median(seen)
                    killed[row, place] = place in one.killed
        fitted = fitted_tests(len(sizes))
        growths = fit_growth(np.array(sizes)[fitted], times[:, fitted], killed[:, fitted], threshold=threshold)
        for row, (_, one) in enumerate(own):
            one.kind = KINDS[int(growths.kind[row])]
        found[problem.pk] = [
            ProgramGrowth(
                name=name[:8],
                samples=one.samples,
                letters=one.letters.most_common(1)[0][0],
                kind=one.kind,
                sizes=sizes,
                milliseconds=times[row].tolist(),
                exponent=float(growths.exponent[row]),
                low=float(growths.low[row]),
                high=float(growths.high[row]),
                start_milliseconds=float(growths.start_milliseconds[row]),
                factor=float(growths.factor[row]),
            )
            for row, (name, one) in enumerate(own[:MOST_DRAWN])
        ]
    return found


def fitted_tests(tests: int) -> NDArray[np.int64]:
    """The places of those that are fitted, of so many in size order: the first, the last and even steps between."""
    return np.linspace(0, tests - 1, min(MOST_TESTS, tests)).round().astype(np.int64)


def strategy_points(
    placed: Sequence[Placed],
    problems: Sequence[Problem],
    programs: Mapping[int, Programs],
    nothing: Mapping[int, Counter],
) -> list[StrategyPoint]:
    """Means over problems with 95 % intervals; a group's rates are over the problems in which it occurs."""
    counts = np.zeros((3, len(placed), len(GROUP_NAMES), len(problems)))  # answers, solved, right
    place_of = {one.evaluation.pk: place for place, one in enumerate(placed)}
    for column, problem in enumerate(problems):
        for evaluation, number in nothing[problem.pk].items():
            counts[0, place_of[evaluation], GROUP_NAMES.index("nothing"), column] += number
        for one in programs[problem.pk].values():
            group = GROUP_NAMES.index(GROUP_OF_KIND[one.kind])
            for evaluation, fared in one.fared.items():
                not_wrong = fared.total() - fared["C"]
                counts[:, place_of[evaluation], group, column] += (fared.total(), fared["S"], not_wrong)
    answers, solved, right = counts
    share = bootstrap_means(ratio(answers, answers.sum(axis=1, keepdims=True)))
    solve, correct = bootstrap_means(ratio(solved, answers)), bootstrap_means(ratio(right, answers))

    def readings(found: Intervals, index: int) -> dict[str, Reading]:
        means, halves = found.mean[index], found.half_width[index]
        return {name: Reading(float(means[at]), float(halves[at])) for at, name in enumerate(GROUP_NAMES)}

    return [
        StrategyPoint(
            label=one.label,
            alpha=one.alpha,
            share=readings(share, index),
            solved=readings(solve, index),
            right=readings(correct, index),
            counts={name: int(answers[index, at].sum()) for at, name in enumerate(GROUP_NAMES)},
            n=int(answers[index].sum()),
        )
        for index, one in enumerate(placed)
        if answers[index].any()
    ]


def strategy_table(points: Sequence[StrategyPoint]) -> list[list[object]]:
    """What stands beside the figure; cells are [rate, half-width]."""
    head = ["checkpoint", "slow-growing", "its solve rate", "its answers without a wrong result", "fast-growing",
            "its solve rate", "its answers without a wrong result", "undecided", "no program", "n"]  # fmt: skip
    rows: list[list[object]] = [list(head)]
    for point in points:
        row: list[object] = [point.label]
        for name in ("slow_growing", "fast_growing"):
            row += [pair_of(point.share[name]), pair_of(point.solved[name]), pair_of(point.right[name])]
        rows.append([*row, pair_of(point.share["undecided"]), pair_of(point.share["nothing"]), point.n])
    return rows


def _programs_of(problem: Problem, programs: Programs, drawn: list[ProgramGrowth]) -> dict[str, object]:
    return {
        "problem": problem.slug,
        "title": problem.title,
        "distinct": len(programs),
        "drawn": len(drawn),
        "figure": programs_figure(drawn, problem.cpu_seconds),
    }


def _has_both(programs: Programs) -> bool:
    kinds = {GROUP_OF_KIND[one.kind] for one in programs.values()}
    return {"slow_growing", "fast_growing"} <= kinds


def _note(problems: int, of: int, checkpoints: int, measured: int) -> str:
    said = [f"{problems} of {of} problems, evenly spread" if problems < of else f"all {of} problems"]
    said.append(f"{checkpoints} of {measured} checkpoints" if checkpoints < measured else f"{measured} checkpoints")
    return f"{', '.join(said)}, the first {FIRST_SAMPLES} samples of each."
