"""Which evaluations a view of a study shows, where they stand on its path, and their counts as arrays.

Counts come from `Rollup` alone, judged at one coverage level. No statistics and no rights here: callers hand in a study
that the viewer may read.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
import psycopg
from django.core.exceptions import EmptyResultSet, FieldDoesNotExist
from django.db import connection
from django.db.backends.postgresql.psycopg_any import mogrify
from django.db.backends.utils import CursorWrapper
from django.db.models import Case, Count, Max, Q, QuerySet, Sum, Value, When
from numpy.typing import NDArray

from compute.configs import SETTINGS
from compute.stats.rates import FailureCounts, Rule
from frontier_app.figures.frontier import Mark
from frontier_app.models import Checkpoint, Evaluation, Job, MergeIngredient, Path, Problem, Rollup, Study

DIFFICULTIES = ("easy", "medium", "hard")
ALL_DIFFICULTIES = "all"
RULES: tuple[Rule, ...] = ("every_test", "first_failure")
COLUMNS = (
    "n",
    "solved",
    "optimisation",
    "correctness",
    "no_answer",
    "first_optimisation",
    "first_correctness",
    "infrastructure",
)


Word = TypeVar("Word", bound=str)

# More paths than this are chosen by a filter, not from a list.
MOST_PATHS = 100
# How many checkpoints that stand elsewhere are offered as a baseline, and how many stand apart from the path.
ELSEWHERE = 200
APART = 40


class SelectionError(ValueError):
    """An address asks for a view that does not exist; the message is one sentence."""


@dataclass(frozen=True)
class Selection:
    """What one view of a study shows. `level` is the number of test groups judged; `baseline` is what deltas refer to:
    an alpha, a mark (`initialisation`) or the reference of a checkpoint."""

    path: Path | None
    difficulty: str
    setting: str
    level: int
    rule: Rule
    baseline: str = "0"


@dataclass(frozen=True)
class Placed:
    """An evaluation and its place: on the path (`alpha`) or apart from it (None).

    `shade` is the place on the scale from low to high coverage; None for the initialisation. `name` tells a checkpoint
    apart from others of its coverage; "" where the coverage alone does.
    """

    evaluation: Evaluation
    alpha: float | None
    mark: Mark
    shade: float | None
    name: str = ""

    @property
    def checkpoint(self) -> Checkpoint:
        return self.evaluation.checkpoint

    @property
    def label(self) -> str:
        """As written beside its mark: 0.75, 1 · full coverage, coverage 0.6, low, step 5, initialisation."""
        if self.mark == "initialisation":
            return "initialisation"
        coverage = coverage_words(self.checkpoint.coverage) or self.checkpoint.name
        if self.alpha is None:
            return self.name or coverage
        alpha = f"{self.alpha:g}".replace("-", "−")
        return f"{alpha} · {coverage}" if self.mark == "trained" else alpha


def coverage_words(coverage: float | None) -> str:
    return "" if coverage is None else "full coverage" if coverage == 1 else f"coverage {coverage:g}"


class ProblemColumn(NamedTuple):
    pk: int
    slug: str
    title: str
    difficulty: str


@dataclass(frozen=True)
class Cells:
    """Counts of evaluations on problems, judged at one level; every array of `counts` is (evaluations, problems)."""

    problems: list[ProblemColumn]
    counts: FailureCounts
    rule: Rule

    @cached_property
    def classes(self) -> NDArray[np.int64]:
        """(evaluations, problems, 4) in the order of `compute.stats.rates.CLASSES`."""
        return self.counts.by(self.rule)

    def of(self, difficulty: str) -> NDArray[np.int64]:
        """The indices of a difficulty's problems."""
        return np.flatnonzero(np.array([problem.difficulty == difficulty for problem in self.problems], dtype=bool))


def difficulties_of(study: Study) -> list[str]:
    """Those that the held-out problems have."""
    return difficulties_in(study.held_out_set_id)


def difficulties_in(problem_set: int | None) -> list[str]:
    """Those that a set's problems have, the known ones in their order and others after them by name."""
    problems = Problem.objects.filter(problem_set=problem_set).order_by()
    present = set(problems.values_list("difficulty", flat=True).distinct())
    return [name for name in DIFFICULTIES if name in present] + sorted(present - set(DIFFICULTIES))


def settings_of(study: Study) -> list[str]:
    """Those in which something of the study is evaluated, and the usual one."""
    return settings_in_order({*study.evaluations.order_by().values_list("setting", flat=True).distinct(), SETTINGS[0]})


def settings_in_order(names: Set[str]) -> list[str]:
    """From one turn to many; others after them by name."""
    return [name for name in SETTINGS if name in names] + sorted(names - set(SETTINGS))


def path_named(study: Study, wanted: str) -> Path | None:
    """The path that an address names; None where it names none. Raises SelectionError."""
    if not wanted:
        return None
    path = study.paths.select_related("low", "high").filter(pk=wanted).first() if is_number(wanted) else None
    if path is None:
        raise SelectionError(f"This study has no path {wanted!r}.")
    return path


def offered_paths(study: Study, *wanted: str) -> list[Path]:
    """What a list of paths offers, in their order: the first, the `MOST_PATHS` newest and those that an address names.
    One query."""
    first, newest = study.paths.order_by("pk").values("pk")[:1], study.paths.order_by("-pk").values("pk")[:MOST_PATHS]
    named = [one for one in wanted if is_number(one)]
    return list(study.paths.filter(Q(pk__in=first) | Q(pk__in=newest) | Q(pk__in=named)))


def is_number(text: str) -> bool:
    """A whole number that the database can compare with."""
    return text.isascii() and text.isdecimal() and len(text) < 11


def changes_of(study: Study) -> tuple[object, ...]:
    """Changes with every ingested batch, every state of an evaluation or its job, and every evaluation that comes or
    goes. One query that gives one row at any size.

    Versions and samples only grow, states only go on, and a job tried again is a newer one: no two changes cancel out.
    """
    evaluations = {f"evaluations_{one}": Count("pk", filter=Q(state=one)) for one in Evaluation.STATES}
    jobs = {f"jobs_{one}": Count("pk", filter=Q(job__state=one)) for one in Job.STATES}
    sums = {"versions": Sum("version"), "samples": Sum("samples_done"), "last": Max("pk"), "tried": Sum("job_id")}
    return tuple(study.evaluations.aggregate(**sums, **evaluations, **jobs).values())


def select(study: Study, query: Mapping[str, str]) -> Selection:
    """The view that an address asks for. What it leaves open takes the study's first path, the hardest problems, whole
    suites and all tests. Raises SelectionError."""
    path = path_named(study, query.get("path") or "")
    difficulties = difficulties_of(study) or list(DIFFICULTIES)
    difficulty = query.get("difficulty") or difficulties[-1]
    if difficulty not in (*difficulties, ALL_DIFFICULTIES):
        offered = ", ".join(difficulties)
        raise SelectionError(f"The difficulty must be one of {offered} or {ALL_DIFFICULTIES}, not {difficulty!r}.")
    levels = study.held_out_set.levels if study.held_out_set else 1
    return Selection(
        path=path or study.paths.select_related("low", "high").first(),
        difficulty=difficulty,
        setting=query.get("setting") or "reasoning",
        level=whole(query, "level", "coverage level", 1, levels) or levels,
        rule=one_of(query, "rule", "rule", RULES) or RULES[0],
        baseline=query.get("baseline") or "0",
    )


def one_of(query: Mapping[str, str], key: str, words: str, offered: Sequence[Word]) -> Word | None:
    """What an address asks for under a key; None where it leaves that open. Raises SelectionError."""
    value = query.get(key) or ""
    found = next((one for one in offered if one == value), None)
    if value and found is None:
        raise SelectionError(f"The {words} must be one of {', '.join(filter(None, offered))}, not {value!r}.")
    return found or None


def whole(query: Mapping[str, str], key: str, words: str, least: int, most: int) -> int | None:
    """Likewise a whole number."""
    text = query.get(key) or ""
    if not text:
        return None
    if not (is_number(text) and least <= int(text) <= most):
        raise SelectionError(f"The {words} must be a whole number from {least} to {most}, not {text!r}.")
    return int(text)


def placed_evaluations(study: Study, path: Path | None, setting: str) -> list[Placed]:
    """The evaluations of a view: those on its path in order of alpha, then the ones apart. One a place.

    Apart stand the initialisation and, of the trained checkpoints that are no end of the path and the merges on no path
    at all, the `APART` with the newest evaluations. Where a place was evaluated more than once, the evaluation with the
    most samples stands for it.
    """
    rows = (
        study.evaluations.filter(problem_set=study.held_out_set_id, setting=setting)
        .select_related("checkpoint", "job")
        .prefetch_related("checkpoint__recipe")
    )
    on_path = Q(pk__in=[]) if path is None else evaluations_on(path)
    merge = Q(checkpoint__origin=Checkpoint.MERGED)
    first = Case(When(checkpoint__origin=Checkpoint.BASE, then=Value(0)), default=Value(1))
    apart = rows.exclude(on_path).exclude(merge & Q(path__isnull=False)).order_by(first, "-pk")[: APART + 1]
    ends = {frozenset(pair) for pair in study.paths.values_list("low", "high")}
    best: dict[tuple[str, float], Placed] = {}
    for evaluation in sorted([*rows.filter(on_path), *apart], key=lambda one: (one.samples_done, one.pk)):
        placed = place(study, evaluation, path, ends)
        if placed is not None:
            key = ("apart", evaluation.checkpoint_id) if placed.alpha is None else ("path", placed.alpha)
            best[key] = placed
    found = _told_apart(list(best.values()), path)
    return sorted(found, key=lambda one: (one.alpha is None, one.alpha or 0.0, one.evaluation.pk))


def evaluations_on(path: Path) -> Q:
    """The evaluations on a path: its ends, what was measured for it, and merges of its two ends elsewhere."""
    low, high = (MergeIngredient.objects.filter(checkpoint=end).values("merge") for end in (path.low_id, path.high_id))
    merges = Q(checkpoint__in=low) & Q(checkpoint__in=high) & Q(path__isnull=True)
    return Q(path=path) | Q(checkpoint__in=(path.low_id, path.high_id)) | merges


def place(
    study: Study, evaluation: Evaluation, path: Path | None, ends: Set[frozenset[int]] = frozenset()
) -> Placed | None:
    """Where an evaluation stands in a view of `path`; None for a merge on another path. `ends` has those of all."""
    checkpoint = evaluation.checkpoint
    alpha = _alpha(evaluation, path)
    if alpha is not None:
        mark: Mark = "trained" if alpha in (0.0, 1.0) else "merged" if 0 < alpha < 1 else "extrapolated"
        return Placed(evaluation, alpha, mark, alpha)
    if checkpoint.pk == study.base_id or checkpoint.origin == Checkpoint.BASE:
        return Placed(evaluation, None, "initialisation", None)
    on_another = (
        evaluation.path_id is not None or frozenset(part.checkpoint_id for part in checkpoint.recipe.all()) in ends
    )
    if checkpoint.origin == Checkpoint.MERGED and on_another:
        return None
    return Placed(evaluation, None, "mid", _shade_of_coverage(checkpoint, path))


def with_baseline(study: Study, selection: Selection) -> tuple[list[Placed], list[list[str]]]:
    """The evaluations of a view, and [reference, name] of the other evaluated checkpoints that may be its baseline.

    A baseline of these is placed apart, behind all others.
    """
    placed = placed_evaluations(study, selection.path, selection.setting)
    shown = {one.checkpoint.pk for one in placed}
    others = (
        study.evaluations.filter(problem_set=study.held_out_set_id, setting=selection.setting, samples_done__gt=0)
        .exclude(checkpoint__in=shown)
        .select_related("checkpoint", "job")
    )
    names = others.order_by("-checkpoint_id").values_list("checkpoint__reference", "checkpoint__name").distinct()
    if find_baseline(placed, selection.baseline) is None:
        chosen = others.filter(checkpoint__reference=selection.baseline).order_by("-samples_done", "-pk").first()
        if chosen is not None:
            placed.append(Placed(chosen, None, "mid", 0.5, chosen.checkpoint.name))
    return placed, [list(pair) for pair in names[:ELSEWHERE]]


def find_baseline(placed: Sequence[Placed], wanted: str) -> int | None:
    """The evaluation that deltas refer to: by alpha, by mark or by checkpoint; None when there is none such yet."""
    for index, one in enumerate(placed):
        if wanted in (one.checkpoint.reference, one.mark if one.alpha is None else f"{one.alpha:g}"):
            return index
    return None


def _told_apart(placed: Sequence[Placed], path: Path | None) -> list[Placed]:
    """Names for the checkpoints apart that share their coverage with another, or have steps of their own."""
    coverages = Counter(one.checkpoint.coverage for one in placed if one.checkpoint.origin == Checkpoint.TRAINED)
    found = []
    for one in placed:
        checkpoint = one.checkpoint
        same_steps = path is None or checkpoint.step == path.low.step
        if one.mark == "mid" and not (same_steps and coverages[checkpoint.coverage] == 1):
            steps = "" if same_steps or "step" in checkpoint.name else f", step {checkpoint.step}"
            one = replace(one, name=checkpoint.name + (steps if checkpoint.step is not None else ""))
        found.append(one)
    return found


def _alpha(evaluation: Evaluation, path: Path | None) -> float | None:
    if path is None:
        return None
    if evaluation.checkpoint_id in (path.low_id, path.high_id):
        return float(evaluation.checkpoint_id == path.high_id)
    if evaluation.path_id == path.pk:
        return evaluation.alpha
    weights = {part.checkpoint_id: part.weight for part in evaluation.checkpoint.recipe.all()}
    on_path = set(weights) == {path.low_id, path.high_id} and abs(sum(weights.values()) - 1) < 1e-9
    return weights[path.high_id] if on_path else None


def _shade_of_coverage(checkpoint: Checkpoint, path: Path | None) -> float:
    """Where a checkpoint's coverage lies between those of the path's ends."""
    low, high = (path.low.coverage, path.high.coverage) if path else (None, None)
    if checkpoint.coverage is None or low is None or high is None or low == high:
        return 0.5
    return (checkpoint.coverage - low) / (high - low)


def read_cells(study: Study, placed: Sequence[Placed], level: int, rule: Rule, difficulty: str | None = None) -> Cells:
    """The counts of the placed evaluations on every held-out problem (of one difficulty, unless it is
    `ALL_DIFFICULTIES`). Two queries at any size."""
    columns = Problem.objects.filter(problem_set=study.held_out_set_id).order_by("position")
    rollups = Rollup.objects.filter(evaluation__in=[one.evaluation.pk for one in placed], level=level)
    if difficulty not in (None, ALL_DIFFICULTIES):
        columns = columns.filter(difficulty=difficulty)
        rollups = rollups.filter(problem__difficulty=difficulty)
    problems = [ProblemColumn(*row) for row in columns.values_list("pk", "slug", "title", "difficulty")]
    rows = integer_columns(rollups, ("evaluation_id", "problem_id", *COLUMNS))
    table = np.zeros((len(COLUMNS), len(placed), len(problems)), dtype=np.int64)
    if rows.size:
        evaluation = places_among(rows[:, 0], [one.evaluation.pk for one in placed])
        problem = places_among(rows[:, 1], [one.pk for one in problems])
        table[:, evaluation, problem] = rows[:, 2:].T
    return Cells(problems, FailureCounts(**dict(zip(COLUMNS, table, strict=True))), rule)


def integer_columns(rows: QuerySet, names: Sequence[str]) -> NDArray[np.int64]:
    """Integer columns of a queryset as an array (rows, columns), with no Python object a value.

    PostgreSQL packs all rows into one string of big-endian integers, each as wide as its column. 200 000 rows of seven
    columns cost this process a twentieth of what `values_list` does, and the database half.
    """
    try:
        sql, parameters = rows.order_by().values_list(*names).query.sql_with_params()
    except EmptyResultSet:
        return np.empty((0, len(names)), dtype=np.int64)
    columns = [f"c{index}" for index in range(len(names))]
    widths = [_bytes_of(rows, name) for name in names]
    packed = " || ".join(f"int{width}send({column}::int{width})" for column, width in zip(columns, widths, strict=True))
    query = f"SELECT string_agg({packed}, ''::bytea) FROM ({sql}) AS rows ({', '.join(columns)})"
    with _binary_cursor() as cursor:
        cursor.execute(mogrify(query, parameters, connection))
        data = cursor.fetchone()[0]
    table = np.frombuffer(
        data or b"", dtype=[(column, f">i{width}") for column, width in zip(columns, widths, strict=True)]
    )
    found = np.empty((len(names), len(table)), dtype=np.int64)
    for index, column in enumerate(columns):
        found[index] = table[column]
    return found.T


def _binary_cursor() -> CursorWrapper:
    """A cursor that gets bytes as they are. Django's own bind in the client, and get them as text twice as long."""
    connection.ensure_connection()
    plain: Any = psycopg.Cursor(connection.connection)
    plain.format = psycopg.pq.Format.BINARY
    return connection.make_debug_cursor(plain) if connection.queries_logged else connection.make_cursor(plain)


def _bytes_of(rows: QuerySet, name: str) -> int:
    """How wide an integer column is; an annotation may be as wide as any."""
    try:
        kind = rows.model._meta.get_field(name).db_type(connection)
    except FieldDoesNotExist:
        kind = None
    return 4 if kind in ("integer", "smallint") else 8


def places_among(values: NDArray[np.int64], keys: Sequence[int]) -> NDArray[np.int64]:
    """The place of each value among `keys`, every one of which occurs there."""
    order = np.argsort(keys)
    return order[np.searchsorted(np.asarray(keys), values, sorter=order)]
