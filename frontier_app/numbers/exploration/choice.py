"""What an address of the Frontiers page asks for, which evaluations that picks out, and on which paths they stand.

Any set of a study's evaluations on one problem set: by path, origin and filter. A checkpoint that was evaluated more
than once in a setting has one point, its evaluation with the most samples. No statistics and no rights here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Q, QuerySet

from compute.stats.rates import Rule
from frontier_app.filters import EVALUATION_FIELDS, compile_filter, patience
from frontier_app.models import Checkpoint, Evaluation, Path, ProblemSet, Run, Study
from frontier_app.numbers.placement import (
    ALL_DIFFICULTIES,
    DIFFICULTIES,
    RULES,
    Placed,
    SelectionError,
    difficulties_in,
    evaluations_on,
    one_of,
    path_named,
    place,
    whole,
)

# A plot of more points than this says nothing, and a browser takes seconds to draw it.
MOST_POINTS = 300
# More samples a problem than any evaluation has.
LARGEST_K = 100_000
MEASURES = {
    "optimisation": "optimisation failures",
    "correctness": "correctness failures",
    "solved": "solve rate",
    "no_answer": "no answer",
    "pass_at_k": "pass@k",
    "cpu_seconds": "CPU seconds",
    "tokens": "tokens",
    "memory": "memory",
}
FACETS = {"": "one panel", "difficulty": "difficulty", "setting": "setting", "scale": "scale", "path": "path"}
FORMS = {"": "axes", "ternary": "triangle"}
ORIGINS = tuple(name for name, _ in Checkpoint.ORIGINS)


@dataclass(frozen=True)
class Asked:
    """One state of the page. `difficulty` may be all of them; `baseline` is the reference of a checkpoint or ""."""

    problem_set: ProblemSet | None
    path: Path | None
    origin: str
    filter: str
    x: str
    y: str
    k: int
    log_x: bool
    log_y: bool
    form: str
    facet: str
    difficulty: str
    setting: str
    level: int
    rule: Rule
    baseline: str

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures beside the shares of the four classes that this state needs."""
        if self.form == "ternary":
            return ()
        classes = ("solved", "optimisation", "correctness", "no_answer")
        return tuple(dict.fromkeys(name for name in (self.x, self.y) if name not in classes))


class Chosen(NamedTuple):
    """The evaluations to draw, newest first, and how many there are in all."""

    evaluations: list[Evaluation]
    total: int


class Stations(NamedTuple):
    """A path and the places of its evaluations among those chosen, in order of alpha."""

    path: Path
    alphas: list[float]
    places: list[int]


def problem_sets_of(study: Study) -> list[ProblemSet]:
    """Those that evaluations of the study were made on, the held-out one first."""
    used = study.evaluations.order_by().values("problem_set").distinct()
    found = list(ProblemSet.objects.filter(Q(pk__in=used) | Q(pk=study.held_out_set_id)))
    return sorted(found, key=lambda one: (one.pk != study.held_out_set_id, one.title, one.pk))


def offered_difficulties(problem_set: ProblemSet | None) -> list[str]:
    """Those of the set's problems; the known ones while it has none."""
    return difficulties_in(problem_set.pk if problem_set else None) or list(DIFFICULTIES)


def read_address(study: Study, query: Mapping[str, str]) -> Asked:
    """What an address asks for. Raises SelectionError, whose message is one sentence."""
    problem_set = _problem_set(study, query.get("set", ""))
    difficulties = offered_difficulties(problem_set)
    levels = problem_set.levels if problem_set else 1
    return Asked(
        problem_set=problem_set,
        path=path_named(study, query.get("path", "")),
        origin=one_of(query, "origin", "origin", ORIGINS) or "",
        filter=query.get("q", "").strip(),
        x=one_of(query, "x", "x axis", tuple(MEASURES)) or "optimisation",
        y=one_of(query, "y", "y axis", tuple(MEASURES)) or "correctness",
        k=whole(query, "k", "k", 1, LARGEST_K) or 1,
        log_x=bool(query.get("logx")),
        log_y=bool(query.get("logy")),
        form=one_of(query, "form", "form", tuple(FORMS)) or "",
        facet=one_of(query, "by", "panels", tuple(FACETS)) or "",
        difficulty=one_of(query, "difficulty", "difficulty", (*difficulties, ALL_DIFFICULTIES)) or difficulties[-1],
        setting=query.get("setting", "") or "reasoning",
        level=whole(query, "level", "coverage level", 1, levels) or levels,
        rule=one_of(query, "rule", "rule", RULES) or RULES[0],
        baseline=query.get("baseline", ""),
    )


def _problem_set(study: Study, reference: str) -> ProblemSet | None:
    if not reference:
        return study.held_out_set
    found = next((one for one in problem_sets_of(study) if one.reference == reference), None)
    if found is None:
        raise SelectionError(f"No evaluation of this study is on a problem set {reference!r}.")
    return found


def choose(study: Study, asked: Asked) -> Chosen:
    """The newest evaluations of what is asked for, at most `MOST_POINTS`. Raises FilterError."""
    if asked.problem_set is None:
        return Chosen([], 0)
    rows = study.evaluations.filter(problem_set=asked.problem_set)
    if asked.facet != "setting":
        rows = rows.filter(setting=asked.setting)
    if asked.path is not None:
        rows = rows.filter(evaluations_on(asked.path) | Q(checkpoint=study.base_id))
    if asked.origin:
        rows = rows.filter(checkpoint__origin=asked.origin)
    if asked.filter:
        rows = rows.filter(compile_filter(asked.filter, EVALUATION_FIELDS))
    order = ("checkpoint_id", "setting", "-samples_done", "-pk")
    best = rows.order_by(*order).distinct("checkpoint_id", "setting").values("pk")
    shown = (
        Evaluation.objects.filter(pk__in=best)
        .select_related("checkpoint", "job")
        .defer("job__config", "job__log_tail", "job__summary")
        .prefetch_related("checkpoint__recipe")
        .order_by("-pk")
    )
    with patience():
        found = list(shown[:MOST_POINTS])
        return Chosen(found, len(found) if len(found) < MOST_POINTS else best.count())


def paths_among(study: Study, asked: Asked, evaluations: Sequence[Evaluation]) -> list[Path]:
    """The paths on which at least one of these evaluations is a merge, or both of whose ends are among them."""
    if asked.path is not None:
        return [asked.path]
    checkpoints = {one.checkpoint_id for one in evaluations}
    ingredients = {part.checkpoint_id for one in evaluations for part in one.checkpoint.recipe.all()}
    measured = {one.path_id for one in evaluations if one.path_id is not None}
    paths: QuerySet[Path] = study.paths.select_related("low", "high").filter(
        Q(pk__in=measured) | Q(low__in=checkpoints, high__in=checkpoints) | Q(low__in=ingredients, high__in=ingredients)
    )
    return list(paths)


def placed_on(
    study: Study, evaluations: Sequence[Evaluation], paths: Sequence[Path]
) -> tuple[list[Placed], list[Stations]]:
    """Each evaluation at its place on the first path that it is on, or apart; and every path with its evaluations.

    Of two evaluations at one alpha of a path and in one setting, the one with more samples is on the path.
    """
    candidates = _Candidates(paths)
    placed: list[Placed] = []
    on: dict[int, dict[tuple[str, float], int]] = {}
    frame = paths[0] if paths else None
    for index, evaluation in enumerate(evaluations):
        found = [(path, one) for path in candidates.of(evaluation) if (one := place(study, evaluation, path))]
        on_path = [(path, one) for path, one in found if one.alpha is not None]
        for path, one in on_path:
            here = on.setdefault(path.pk, {})
            key = (evaluation.setting, one.alpha or 0.0)
            if key not in here or evaluations[here[key]].samples_done < evaluation.samples_done:
                here[key] = index
        placed.append(on_path[0][1] if on_path else _apart(study, evaluation, frame))
    members = []
    for path in paths:
        stations = sorted((alpha, index) for (_, alpha), index in on.get(path.pk, {}).items())
        members.append(Stations(path, [alpha for alpha, _ in stations], [index for _, index in stations]))
    return placed, members


class _Candidates:
    """Finds the paths that an evaluation may be on, without asking each of them."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.by_key = {path.pk: path for path in paths}
        self.by_end: dict[int, list[Path]] = {}
        self.by_ends: dict[frozenset[int], list[Path]] = {}
        for path in paths:
            self.by_ends.setdefault(frozenset((path.low_id, path.high_id)), []).append(path)
            for end in (path.low_id, path.high_id):
                self.by_end.setdefault(end, []).append(path)

    def of(self, evaluation: Evaluation) -> list[Path]:
        own = [self.by_key[evaluation.path_id]] if evaluation.path_id in self.by_key else []
        recipe = frozenset(part.checkpoint_id for part in evaluation.checkpoint.recipe.all())
        others = [*self.by_end.get(evaluation.checkpoint_id, ()), *self.by_ends.get(recipe, ())]
        return list({path.pk: path for path in [*own, *others]}.values())


def _apart(study: Study, evaluation: Evaluation, frame: Path | None) -> Placed:
    """On no path; `frame` gives the scale of coverages."""
    checkpoint = evaluation.checkpoint
    found = place(study, evaluation, frame)
    if found is None or found.alpha is not None:
        found = Placed(evaluation, None, "mid", 0.5)
    return found if found.mark == "initialisation" else Placed(evaluation, None, "mid", found.shade, checkpoint.name)


def scales_of(study: Study, evaluations: Sequence[Evaluation]) -> list[str]:
    """The name of the base that each evaluation's checkpoint grew from; "" where that is not known. Two queries."""
    rows = study.checkpoints.exclude(origin=Checkpoint.MERGED).values_list("pk", "name", "parent", "run")
    starts = dict(Run.objects.filter(study=study).values_list("pk", "initialisation"))
    names, parents = {}, {}
    for pk, name, parent, run in rows:
        names[pk], parents[pk] = name, parent if parent is not None else starts.get(run)
    return [names.get(_root(one.checkpoint, parents), "") for one in evaluations]


def _root(checkpoint: Checkpoint, parents: Mapping[int, int | None]) -> int:
    """Upwards from a checkpoint, or from the first ingredient of a merge, to the one that grew from none."""
    recipe = list(checkpoint.recipe.all())
    at, seen = recipe[0].checkpoint_id if recipe else checkpoint.pk, set()
    while at not in seen:
        seen.add(at)
        above = parents.get(at)
        if above is None:
            break
        at = above
    return at
