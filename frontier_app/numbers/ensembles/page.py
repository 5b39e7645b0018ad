"""From rows to the numbers of the ensembles page: members, curves of every baseline, what each member adds, and which
problems members solve together, as JSON. Counts come from `Rollup` alone; every statistic is one of `compute.stats`.

It decides no rights: callers hand in a study that the viewer may read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

import numpy as np
from django.db.models import Count, Q, Sum
from numpy.typing import NDArray

from compute.stats.complementarity import Intersection, intersections, likely_solved, mostly_solved, pairs
from compute.stats.ensemble_curves import ALONE, Curves, Line, curves
from compute.stats.ensembles import CHOSEN, ENSEMBLE, MEAN, ORACLE, SEEDS, TRAINED
from compute.stats.rates import CLASSES, rates
from frontier_app.figures.complementarity import Overlap, SolvedSet, overlap_figure, upset_figure
from frontier_app.figures.ensembles import PassCurve, curves_figure
from frontier_app.models import Problem, Rollup, Study
from frontier_app.numbers.conditions import conditions
from frontier_app.numbers.ensembles.choice import Candidates, Choice
from frontier_app.numbers.ensembles.parts import contributions, texts_of_pairs
from frontier_app.numbers.ensembles.pool import (
    Ensemble,
    Pool,
    baselines,
    is_complete,
    make_ensemble,
    make_pool,
    search_budget,
)
from frontier_app.numbers.json_numbers import rounded
from frontier_app.numbers.placement import ALL_DIFFICULTIES, Cells, read_cells

# Raised whenever the shape of `ensembles_data` changes, so that no browser keeps the old one.
FORMAT = 1
# How the page knows the rows of `compute.stats.ensembles`.
KEYS = {
    ENSEMBLE: "ensemble",
    ALONE: "alone",
    CHOSEN: "chosen",
    ORACLE: "oracle",
    MEAN: "mean",
    TRAINED: "trained",
    SEEDS: "seeds",
}


def data_version(study: Study, choice: Choice, offered: Candidates) -> str:
    """Changes whenever `ensembles_data` would: with every ingested batch and state of what is offered, every new
    evaluation and every audited problem."""
    rows = [
        (one.evaluation.pk, one.evaluation.version, one.evaluation.state, one.evaluation.samples_done, label)
        for one, label in zip(offered.placed, offered.labels, strict=True)
    ]
    problems = Problem.objects.filter(problem_set=study.held_out_set_id)
    audited = problems.aggregate(problems=Count("pk"), audited=Count("pk", filter=~Q(audit={})))
    audit = study.held_out_set.audit if study.held_out_set else None
    path = choice.selection.path
    view = (replace(choice, selection=replace(choice.selection, path=None)), path.pk if path else None)
    told = (FORMAT, rows, offered.matching, offered.evaluated, audited, audit, view)
    return sha256(repr(told).encode()).hexdigest()[:32]


def ensembles_data(study: Study, choice: Choice, offered: Candidates) -> dict[str, object]:
    """Everything the page draws. `lines` hold curves over `ks`, null where undefined, and why; what depends on the one
    budget `k` is in `contributions`, `pairs` and `sets`. Raises SelectionError."""
    selection = choice.selection
    cells = read_cells(study, offered.placed, selection.level, selection.rule, selection.difficulty)
    shown = _described(study, choice, offered, cells)
    lacking = _lacking(choice, offered, cells)
    if lacking:
        return shown | {"lacking": lacking}
    pool = make_pool(choice, offered, cells, _mean_tokens(choice, offered))
    ensemble = make_ensemble(pool)
    trained, seeds, absent = baselines(pool, len(ensemble.members))
    found = curves(
        pool.policies,
        ensemble.ks,
        ensemble.members,
        ensemble.budgets,
        pool.folds,
        match=choice.match,
        trained=trained,
        seeds=seeds,
    )
    return shown | _answer(pool, ensemble, found, absent)


def _described(study: Study, choice: Choice, offered: Candidates, cells: Cells) -> dict[str, object]:
    """What the page tells of any choice, also of one that nothing can be computed for."""
    selection = choice.selection
    judged, spoiled = int(cells.counts.n.sum()), int(cells.counts.infrastructure.sum())
    solved = _solve_rates(cells)
    return {
        "difficulty": selection.difficulty,
        "setting": selection.setting,
        "level": selection.level,
        "rule": selection.rule,
        "match": choice.match,
        "allocation": choice.allocation,
        "sets_by": choice.sets,
        "matching": offered.matching,
        "evaluated": offered.evaluated,
        "conditions": conditions(
            study, [one.evaluation for one in offered.placed], selection.difficulty, judged, spoiled
        ),
        "candidates": [
            {
                "checkpoint": one.checkpoint.reference,
                "evaluation": one.evaluation.reference,
                "label": label,
                "mark": one.mark,
                "alpha": one.alpha,
                "shade": one.shade,
                "n": int(cells.counts.n[index].max(initial=0)),
                "complete": is_complete(one.evaluation),
                "solved_rate": rounded(solved[index]),
            }
            for index, (one, label) in enumerate(zip(offered.placed, offered.labels, strict=True))
        ],
        "lacking": None,
    }


def _solve_rates(cells: Cells) -> NDArray[np.float64]:
    """(candidates,): the mean over problems, nan where nothing is judged."""
    each = rates(cells.classes[..., :1], cells.counts.n)[..., 0]
    measured = ~np.isnan(each)
    sums, totals = np.where(measured, each, 0.0).sum(axis=1), measured.sum(axis=1).astype(np.float64)
    return np.divide(sums, totals, out=np.full(len(sums), np.nan), where=totals > 0)


def _lacking(choice: Choice, offered: Candidates, cells: Cells) -> str | None:
    """Why no ensemble can be formed, in one sentence."""
    if len(cells.problems) < 2:
        return "An ensemble needs at least two problems of this difficulty: choices are made on one half of them."
    judged = int((cells.counts.n.max(axis=1, initial=0) > 0).sum())
    if judged < 2:
        where = "that the filter leaves" if choice.filter else "in this setting"
        return f"An ensemble needs at least two evaluated checkpoints {where}; there {_is_or_are(judged)}."
    return None


def _is_or_are(number: int) -> str:
    return "is one" if number == 1 else "are none"


def _mean_tokens(choice: Choice, offered: Candidates) -> NDArray[np.float64]:
    """(candidates,): the mean length of an answer on the problems of the view."""
    keys = [one.evaluation.pk for one in offered.placed]
    rows = Rollup.objects.filter(evaluation__in=keys, level=choice.selection.level)
    if choice.selection.difficulty != ALL_DIFFICULTIES:
        rows = rows.filter(problem__difficulty=choice.selection.difficulty)
    sums = rows.order_by().values_list("evaluation").annotate(tokens=Sum("tokens_sum"), samples=Sum("n"))
    found = {key: tokens / samples if samples else 0.0 for key, tokens, samples in sums}
    return np.array([float(found.get(key, 0.0)) for key in keys])


def _answer(pool: Pool, ensemble: Ensemble, found: Curves, absent: Mapping[str, str]) -> dict[str, object]:
    choice = pool.choice
    members = list(ensemble.members)
    counted = pool.policies.of(members).on(pool.scored)
    sets, defined = (
        likely_solved(counted.n, counted.solved, ensemble.k)
        if choice.sets == "budget"
        else mostly_solved(counted.n, counted.solved)
    )
    parted = intersections(sets, defined)
    coupled = pairs(counted.n, counted.solved, ensemble.k)
    lines = [_line(pool, ensemble, line) for line in found.lines]
    names = [pool.label(index) for index in members]
    problems = [pool.cells.problems[index] for index in pool.scored]
    return {
        "k": ensemble.k,
        "usual": ensemble.usual,
        "ks": list(ensemble.ks),
        "most": ensemble.most,
        "tokens": [rounded(value, 1) for value in found.tokens],
        "compared": found.problems.tolist(),
        "members": [pool.shown[index] for index in members],
        "budgets": ensemble.budgets.tolist(),
        "split": {
            "seed": choice.split,
            "chosen_on": int(pool.selecting.sum()),
            "reported_on": len(pool.scored),
            "halved": choice.halved,
            "searched": choice.searched,
            "size": len(members) if choice.searched else None,
            "at": search_budget(pool),
        },
        "lines": [*lines, *_absent_lines(absent, len(ensemble.ks))],
        "contributions": contributions(
            counted,
            ensemble.budgets[ensemble.place],
            ensemble.k,
            choice.allocation,
            pool.policies.of(members).on(pool.selecting),
        ),
        "mixes": _mixes(pool, members),
        "pairs": texts_of_pairs(coupled, ensemble.k),
        "sets": [{"members": list(one.members), "problems": list(one.problems)} for one in parted],
        "problems": {"slug": [one.slug for one in problems], "title": [one.title for one in problems]},
        "figures": {
            "curves": curves_figure(
                _pass_curves(pool, found), ensemble.ks, found.tokens if choice.match == "tokens" else None
            ),
            "overlap": overlap_figure([Overlap(one.first, one.second, one.jaccard) for one in coupled], names),
            "upset": _upset(pool, names, sets, defined, parted),
        },
    }


def _upset(
    pool: Pool,
    names: Sequence[str],
    sets: NDArray[np.bool_],
    defined: NDArray[np.bool_],
    parted: Sequence[Intersection],
) -> dict[str, object]:
    known = defined.all(axis=0)
    sizes = (sets & known).sum(axis=1)
    rows = [SolvedSet(name, int(size) if known.any() else None) for name, size in zip(names, sizes, strict=True)]
    return upset_figure(rows, [(one.members, len(one.problems)) for one in parted])


def _mixes(pool: Pool, members: Sequence[int]) -> list[dict[str, float | None]]:
    """The shares of each member's samples by class under the rule, as means over the reported problems."""
    rows = [pool.shown[index] for index in members]
    each = rates(pool.cells.classes[rows][:, pool.scored], pool.cells.counts.n[rows][:, pool.scored])
    return [
        {name: rounded(_mean(each[place, :, column])) for column, name in enumerate(CLASSES)}
        for place in range(len(rows))
    ]


def _mean(values: NDArray[np.float64]) -> float:
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")


def _line(pool: Pool, ensemble: Ensemble, line: Line) -> dict[str, object]:
    numbers = ("rate", "low", "high", "gain", "gain_low", "gain_high")
    return {
        "key": KEYS[line.name],
        "name": pool.label(line.members[0]) if line.name == ALONE else line.name,
        "members": [pool.shown[one] for one in line.members],
        "members_at": _members_at(pool, line),
        "samples": [rounded(value, 1) for value in line.samples],
        **{name: [rounded(value) for value in getattr(line, name)] for name in numbers},
        "why": [
            None if np.isfinite(rate) else _why(pool, ensemble, line.name, line.members, k, share)
            for rate, k, share in zip(line.rate, ensemble.ks, ensemble.budgets, strict=True)
        ],
    }


def _members_at(pool: Pool, line: Line) -> list[list[int]] | None:
    """For each budget the members then, where they differ."""
    if len(set(line.members_at)) < 2:
        return None
    return [[pool.shown[one] for one in members] for members in line.members_at]


def _absent_lines(absent: Mapping[str, str], budgets: int) -> list[dict[str, object]]:
    """Baselines that the study has too few checkpoints for: a row of dashes that says so."""
    nothing: list[None] = [None] * budgets
    names = ("samples", "rate", "low", "high", "gain", "gain_low", "gain_high")
    return [
        {
            "key": KEYS[name],
            "name": name,
            "members": [],
            "members_at": None,
            **dict.fromkeys(names, nothing),
            "why": [reason] * budgets,
        }
        for name, reason in absent.items()
    ]


def _why(pool: Pool, ensemble: Ensemble, name: str, members: Sequence[int], k: int, share: NDArray[np.int64]) -> str:
    """Why a row is undefined at a budget, in a few words."""
    size = len(ensemble.members)
    if name == ENSEMBLE:
        if k < size and not share.any():
            return f"{size} members need {size} samples"
        return "more samples than its members have"
    if pool.choice.match == "tokens" and not share.any():
        return "no ensemble to match the tokens of"
    if name in (TRAINED, SEEDS):
        return f"{size} members need {size} samples" if k < size else "more samples than its members have"
    least = min(members, key=lambda index: int(pool.most[index]))
    words = f"n = {int(pool.most[least])}"
    return (
        f"{words} is fewer than it needs" if name == ALONE else f"{words} of {pool.label(least)} is fewer than it needs"
    )


def _pass_curves(pool: Pool, found: Curves) -> list[PassCurve]:
    drawn = []
    for line in found.lines:
        one = pool.offered.placed[pool.shown[line.members[0]]]
        alone = line.name == ALONE
        drawn.append(
            PassCurve(
                key=KEYS[line.name],
                name=pool.label(line.members[0]) if alone else line.name,
                shade=one.shade if alone else None,
                rate=line.rate,
                low=line.low,
                high=line.high,
                samples=line.samples,
            )
        )
    return drawn
