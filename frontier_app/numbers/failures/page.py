"""From rows to the numbers of the failures page: problem by checkpoint, by test level, by tag and difficulty.

Everything is counted from `Rollup`, two or three queries however many samples there are. It draws nothing and decides
no rights: callers hand in a study that the viewer may read. What single programs did is told by `samples`.
"""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from numpy.typing import NDArray

from compute.stats.bootstrap import bootstrap_means, cluster_bootstrap
from compute.stats.rates import FailureCounts
from frontier_app.figures.failures import LevelLine, levels_figure
from frontier_app.figures.frontier import Reading
from frontier_app.models import Problem, Rollup, Study
from frontier_app.numbers.json_numbers import pair_of
from frontier_app.numbers.placement import (
    DIFFICULTIES,
    Placed,
    Selection,
    SelectionError,
    changes_of,
    difficulties_of,
    integer_columns,
    placed_evaluations,
    places_among,
    read_cells,
    select,
)

# Raised whenever the shape of the data changes, so that no browser keeps the old one.
FORMAT = 1
# A figure of lines and a table of columns stay readable with so many checkpoints.
MOST_LINES = 12
MOST_COLUMNS = 7
MOST_TAGS = 40
GRID_COLUMNS = {
    "every_test": ("solved", "optimisation", "correctness", "no_answer", "infrastructure"),
    "first_failure": ("solved", "first_optimisation", "first_correctness", "no_answer", "infrastructure"),
}
FIRST_COLUMNS = ("n", "first_optimisation", "first_correctness", "no_answer")


@dataclass(frozen=True)
class Shown:
    """What the page shows: a selection in which `difficulty` "" stands for all and `tag` "" for none in particular."""

    selection: Selection
    difficulty: str
    tag: str


def shown_by(study: Study, query: Mapping[str, str]) -> Shown:
    """What an address asks for. Raises SelectionError."""
    difficulty = query.get("difficulty", "")
    known = difficulties_of(study) or list(DIFFICULTIES)
    if difficulty and difficulty not in known:
        raise SelectionError(f"The difficulty must be one of {', '.join(known)}, not {difficulty!r}.")
    rest = {name: value for name, value in query.items() if name != "difficulty"}
    return Shown(select(study, rest), difficulty, query.get("tag", ""))


def version_of(study: Study, shown: Shown) -> str:
    """Changes whenever the data of the page would: with every ingested batch, state and new evaluation, and when the
    problems change. Two queries."""
    problems = Problem.objects.filter(problem_set=study.held_out_set_id).count()
    written = study.held_out_set.sha256 if study.held_out_set else ""
    path = shown.selection.path.pk if shown.selection.path else None
    view = (shown.selection.setting, shown.selection.level, shown.selection.rule, shown.difficulty, shown.tag)
    return sha256(repr((FORMAT, changes_of(study), problems, written, path, view)).encode()).hexdigest()[:32]


# Problem by checkpoint ------------------------------------------------------------------------------------------------


def grid_data(study: Study, selection: Selection) -> dict[str, object]:
    """Every cell of the heat grid at once, of all difficulties.

    `cells` is base64 of little-endian unsigned integers of `bytes` bytes: column after column, in it problem after
    problem, the counts of solved, optimisation, correctness, no answer and infrastructure.
    """
    placed = placed_evaluations(study, selection.path, selection.setting)
    problems = list(
        Problem.objects.filter(problem_set=study.held_out_set_id)
        .order_by("position")
        .values_list("pk", "slug", "title", "difficulty", "tags")
    )
    rollups = Rollup.objects.filter(level=selection.level)
    counts = counts_of(rollups, GRID_COLUMNS[selection.rule], placed, [problem[0] for problem in problems])
    width, packed = packed_counts(np.moveaxis(counts, 0, -1))
    return {
        "format": FORMAT,
        "level": selection.level,
        "rule": selection.rule,
        "problems": {
            "slug": [slug for _, slug, *_ in problems],
            "title": ["" if title == slug else title for _, slug, title, *_ in problems],
            "difficulty": [difficulty for *_, difficulty, _ in problems],
            "tags": [[str(tag) for tag in tags] for *_, tags in problems],
        },
        "columns": [
            {
                "reference": one.evaluation.reference,
                "label": one.label,
                "name": one.checkpoint.name,
                "alpha": one.alpha,
                "mark": one.mark,
                "state": one.evaluation.state,
            }
            for one in placed
        ],
        "bytes": width,
        "cells": packed,
    }


def counts_of(
    rollups: "QuerySet[Rollup]", names: Sequence[str], placed: Sequence[Placed], problems: Sequence[int]
) -> NDArray[np.int64]:
    """Columns of rollups of one level as (columns, evaluations, problems). One query."""
    table = np.zeros((len(names), len(placed), len(problems)), dtype=np.int64)
    wanted = rollups.filter(evaluation__in=[one.evaluation.pk for one in placed])
    rows = integer_columns(wanted, ("evaluation_id", "problem_id", *names))
    if rows.size and problems:
        evaluation = places_among(rows[:, 0], [one.evaluation.pk for one in placed])
        table[:, evaluation, places_among(rows[:, 1], problems)] = rows[:, 2:].T
    return table


def packed_counts(counts: NDArray[np.int64]) -> tuple[int, str]:
    """The fewest bytes a count that hold all counts, and the counts as base64."""
    largest = int(counts.max(initial=0))
    width = next(width for width in (1, 2, 4) if largest < 256**width)
    return width, base64.b64encode(counts.astype(f"<u{width}").tobytes()).decode()


def tags_of(study: Study) -> dict[int, list[str]]:
    """The tags of each held-out problem that has any."""
    rows = Problem.objects.filter(problem_set=study.held_out_set_id).order_by()
    return {pk: [str(tag) for tag in tags] for pk, tags in rows.values_list("pk", "tags") if tags}


# By test level --------------------------------------------------------------------------------------------------------


def levels_data(study: Study, shown: Shown) -> dict[str, object]:
    """At which level answers begin to fail, by what, for up to `MOST_LINES` checkpoints spread over the path.

    An answer begins to fail where its first failing test in size order is; what failed there is its verdict. Of n it
    counts the answers that infrastructure left alone. Means over problems with 95 % intervals.
    """
    placed = placed_evaluations(study, shown.selection.path, shown.selection.setting)
    measured = [one for one in placed if one.evaluation.samples_done]
    chosen = spread(measured, MOST_LINES)
    sizes = level_sizes(study)
    levels = study.held_out_set.levels if study.held_out_set else 1
    first = first_failures(study, chosen, levels, shown)
    lines = level_lines(chosen, first)
    return {
        "figure": levels_figure(lines, sizes),
        "table": levels_table(lines, levels),
        "note": _left_out(len(chosen), len(measured)),
        "problems": int(first.n.shape[-1]),
    }


class FirstFailures(NamedTuple):
    """Shares of answers, nan where nothing is judged, and their number.

    `begins` (evaluations, levels, 3 causes, problems) begin to fail at a level; causes are optimisation, correctness,
    no answer. `solved` and `n` (evaluations, problems) are those of the whole suite.
    """

    begins: NDArray[np.float64]
    solved: NDArray[np.float64]
    n: NDArray[np.int64]


def first_failures(study: Study, placed: Sequence[Placed], levels: int, shown: Shown) -> FirstFailures:
    """On every problem shown. One query beside that of the problems."""
    problems = problems_of(study, shown)
    rollups = Rollup.objects.filter(evaluation__in=[one.evaluation.pk for one in placed], problem__in=problems)
    rows = integer_columns(rollups, ("evaluation_id", "problem_id", "level", *FIRST_COLUMNS))
    table = np.zeros((len(FIRST_COLUMNS), len(placed), levels, len(problems)), dtype=np.int64)
    if rows.size:
        evaluation = places_among(rows[:, 0], [one.evaluation.pk for one in placed])
        problem = places_among(rows[:, 1], problems)
        table[:, evaluation, np.minimum(rows[:, 2], levels) - 1, problem] = rows[:, 3:].T
    n, slow, wrong, nothing = table
    counts = np.stack([slow, wrong, nothing], axis=2).astype(np.float64)
    failed = np.divide(counts, n[:, :, None], out=np.full(counts.shape, np.nan), where=n[:, :, None] > 0)
    begins = np.diff(failed, axis=1, prepend=0.0)
    # Infrastructure trouble on a larger test takes an answer out of n there, so that a share can fall; what is solved
    # is therefore not 1 less the sum of them.
    return FirstFailures(np.maximum(begins, 0.0), 1.0 - failed[:, -1].sum(axis=1), n[:, -1])


def level_lines(placed: Sequence[Placed], first: FirstFailures) -> list[LevelLine]:
    """A line for each checkpoint with something judged."""
    intervals = bootstrap_means(first.begins)
    passes = bootstrap_means(first.solved)
    return [
        LevelLine(
            label=one.label,
            alpha=one.alpha,
            slow=_readings(intervals.mean[index, :, 0], intervals.half_width[index, :, 0]),
            wrong=_readings(intervals.mean[index, :, 1], intervals.half_width[index, :, 1]),
            no_answer=Reading(float(intervals.mean[index, 0, 2]), float(intervals.half_width[index, 0, 2])),
            solved=Reading(float(passes.mean[index]), float(passes.half_width[index])),
            n=int(first.n[index].sum()),
        )
        for index, one in enumerate(placed)
        if first.n[index].any()
    ]


def levels_table(lines: Sequence[LevelLine], levels: int) -> list[list[object]]:
    """What stands beside the figure; cells are [share, half-width]."""
    heads = [f"{words} at level {level}" for level in range(1, levels + 1) for words in ("too slow", "wrong")]
    rows: list[list[object]] = [["checkpoint", "no program", *heads, "solved", "n"]]
    for line in lines:
        pairs = [one for pair in zip(line.slow, line.wrong, strict=True) for one in pair]
        rows.append([line.label, pair_of(line.no_answer), *map(pair_of, pairs), pair_of(line.solved), line.n])
    return rows


def level_sizes(study: Study) -> list[int]:
    """The median input size in bytes of each level's own tests, over all held-out problems. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (test->>'group')::int AS level,"
            " percentile_disc(0.5) WITHIN GROUP (ORDER BY (test->>'size_bytes')::bigint)"
            f" FROM {Problem._meta.db_table}, jsonb_array_elements(tests) AS test"
            " WHERE problem_set_id = %s GROUP BY level ORDER BY level",
            [study.held_out_set_id],
        )
        return [int(size) for _, size in cursor.fetchall()]


# By tag and difficulty ------------------------------------------------------------------------------------------------


def groups_data(study: Study, shown: Shown) -> dict[str, object]:
    """Solve rate and mix of failures by difficulty and by tag, for up to `MOST_COLUMNS` checkpoints."""
    placed = placed_evaluations(study, shown.selection.path, shown.selection.setting)
    measured = [one for one in placed if one.evaluation.samples_done]
    chosen = spread(measured, MOST_COLUMNS)
    cells = read_cells(study, chosen, shown.selection.level, shown.selection.rule)
    tags = tags_of(study)
    wanted = np.array([_in_shown(one.difficulty, tags.get(one.pk, []), shown) for one in cells.problems], dtype=bool)
    groups = [("difficulty", name, cells.of(name)) for name in difficulties_of(study)]
    counted = Counter(tag for one in cells.problems for tag in set(tags.get(one.pk, [])))
    for tag, _ in sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:MOST_TAGS]:
        places = [place for place, one in enumerate(cells.problems) if tag in tags.get(one.pk, [])]
        groups.append(("tag", tag, np.array(places, dtype=np.int64)))
    rows = [
        {"kind": kind, "name": name, **_group(cells.counts, cells.classes, places[wanted[places]])}
        for kind, name, places in groups
    ]
    return {
        "columns": [{"reference": one.evaluation.reference, "label": one.label, "alpha": one.alpha} for one in chosen],
        "groups": [row for row in rows if row["problems"]],
        "note": " ".join(filter(None, [_left_out(len(chosen), len(measured)), _tags_left_out(len(counted))])),
    }


def _group(counts: FailureCounts, classes: NDArray[np.int64], places: NDArray[np.int64]) -> dict[str, object]:
    """One row: of each checkpoint the solve rate with its half-width, the counts by class, and n."""
    found = cluster_bootstrap(classes[:, places], counts.n[:, places])
    sums = classes[:, places].sum(axis=1)
    return {
        "problems": len(places),
        "cells": [
            {
                "solved": pair_of(Reading(float(found.mean[index, 0]), float(found.half_width[index, 0]))),
                "counts": [int(count) for count in sums[index]],
                "n": int(counts.n[index, places].sum()),
            }
            for index in range(len(classes))
        ],
    }


# What several of them need --------------------------------------------------------------------------------------------


def problems_of(study: Study, shown: Shown) -> list[int]:
    """The held-out problems of the shown difficulty and tag, in their order."""
    rows = Problem.objects.filter(problem_set=study.held_out_set_id).order_by("position")
    if shown.difficulty:
        rows = rows.filter(difficulty=shown.difficulty)
    if shown.tag:
        rows = rows.filter(tags__contains=[shown.tag])
    return list(rows.values_list("pk", flat=True))


def spread(placed: Sequence[Placed], most: int) -> list[Placed]:
    """At most `most` of them, evenly spread over their order, the ends and the trained ones of the path first."""
    if len(placed) <= most:
        return list(placed)
    ends = [place for place, one in enumerate(placed) if one.mark == "trained"][: most // 2]
    even = np.linspace(0, len(placed) - 1, most).round().astype(int).tolist()
    kept = list(dict.fromkeys([*ends, 0, len(placed) - 1, *even]))[:most]
    return [placed[place] for place in sorted(kept)]


def _in_shown(difficulty: str, tags: Iterable[str], shown: Shown) -> bool:
    return shown.difficulty in ("", difficulty) and (not shown.tag or shown.tag in tags)


def _left_out(shown: int, total: int) -> str:
    return f"{shown} of {total} checkpoints, spread along a." if shown < total else ""


def _tags_left_out(total: int) -> str:
    return f"The {MOST_TAGS} commonest of {total} tags." if total > MOST_TAGS else ""


def _readings(means: NDArray[np.float64], halves: NDArray[np.float64]) -> list[Reading]:
    return [Reading(float(mean), float(half)) for mean, half in zip(means, halves, strict=True)]
