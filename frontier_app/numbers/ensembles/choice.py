"""What an address asks of the ensembles page, and which checkpoints of a study it can be asked of.

Without members in the address, a greedy search chooses them on one half of the problems. A filter narrows the
checkpoints that are offered, and with them those that a search and the baselines choose from; members stay whatever it
says. Of very many only some are offered: the members themselves, the points of the path, trained ones, then the rest by
how much is measured. No statistics and no rights here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from django.db.models import Case, IntegerField, Q, Value, When

from compute.stats.ensembles import Match
from frontier_app.filters import EVALUATION_FIELDS, compile_filter, patience
from frontier_app.models import Checkpoint, Evaluation, Path, Study
from frontier_app.numbers.placement import (
    Placed,
    Selection,
    SelectionError,
    evaluations_on,
    one_of,
    place,
    select,
    whole,
)

Allocation = Literal["even", "optimised"]
Sets = Literal["budget", "majority"]
MATCHES: tuple[Match, ...] = get_args(Match)
ALLOCATIONS: tuple[Allocation, ...] = get_args(Allocation)
SETS: tuple[Sets, ...] = get_args(Sets)
USUAL_SIZE, MOST_MEMBERS = 3, 8
# A row of baselines over more checkpoints than this would be neither readable nor quick.
MOST_CANDIDATES = 48
# Beyond this no budget and no seed is meant seriously.
LARGEST_BUDGET, LARGEST_SEED = 1_000_000, 2**31 - 1


@dataclass(frozen=True)
class Choice:
    """One state of the page. `members` are references of checkpoints, empty where a search for `size` members at `at`
    samples chooses them; `at` and `k` are None where the data decide."""

    selection: Selection
    filter: str
    match: Match
    members: tuple[str, ...]
    size: int
    at: int | None
    k: int | None
    split: int
    allocation: Allocation
    sets: Sets

    @property
    def searched(self) -> bool:
        return not self.members

    @property
    def halved(self) -> bool:
        """Whether something of the ensemble itself is chosen by its results, so that only the other half may report."""
        return self.searched or self.allocation == "optimised"


class Candidates(NamedTuple):
    """The checkpoints that are offered, with a label each; how many the filter leaves and how many are evaluated."""

    placed: list[Placed]
    labels: list[str]
    matching: int
    evaluated: int


def choose(study: Study, query: Mapping[str, str]) -> Choice:
    """Raises SelectionError, whose message is one sentence."""
    selection = select(study, query)
    members = tuple(dict.fromkeys(name for name in (query.get("members") or "").split(",") if name))
    if len(members) > MOST_MEMBERS:
        raise SelectionError(f"An ensemble has at most {MOST_MEMBERS} members, not {len(members)}.")
    return Choice(
        selection=selection,
        filter=(query.get("q") or "").strip(),
        match=one_of(query, "match", "match", MATCHES) or MATCHES[0],
        members=members,
        size=whole(query, "search", "size of the search", 2, MOST_MEMBERS) or USUAL_SIZE,
        at=whole(query, "at", "budget of the search", 1, LARGEST_BUDGET),
        k=whole(query, "k", "k", 1, LARGEST_BUDGET),
        split=whole(query, "split", "split", 0, LARGEST_SEED) or 0,
        allocation=one_of(query, "allocation", "allocation", ALLOCATIONS) or ALLOCATIONS[0],
        sets=one_of(query, "sets", "sets", SETS) or SETS[0],
    )


def candidates(study: Study, choice: Choice) -> Candidates:
    """The measured checkpoints of a setting, one evaluation each: those on the path in order of alpha, then the others.

    Raises SelectionError where a member names none of them, FilterError for a filter that means nothing. As many
    queries at any size.
    """
    path, wanted = choice.selection.path, choice.members
    measured = study.evaluations.filter(
        problem_set=study.held_out_set_id, setting=choice.selection.setting, samples_done__gt=0
    ).order_by()
    matching = compile_filter(choice.filter, EVALUATION_FIELDS) if choice.filter else Q()
    ranked = measured.filter(matching | Q(checkpoint__reference__in=wanted) if choice.filter else Q()).annotate(
        rank=_rank(path, wanted), apart=_apart(matching)
    )
    order = ("rank", "apart", "-samples_done", "pk")
    best = ranked.order_by("checkpoint_id", *order).distinct("checkpoint_id").values("pk")
    shown = ranked.filter(pk__in=best).order_by(*order)[:MOST_CANDIDATES]
    with patience():
        evaluated = measured.values("checkpoint").distinct().count()
        left = measured.filter(matching).values("checkpoint").distinct().count() if choice.filter else evaluated
        found = [
            _placed(study, evaluation, path)
            for evaluation in shown.select_related("checkpoint__run").prefetch_related("checkpoint__recipe")
        ]
    unknown = set(wanted) - {one.checkpoint.reference for one in found}
    if unknown:
        name = min(unknown)
        raise SelectionError(f"No checkpoint {name!r} is evaluated on the held-out problems in this setting.")
    placed = sorted(found, key=lambda one: (one.alpha is None, one.alpha or 0.0, one.evaluation.pk))
    return Candidates(placed, labels(placed), left, evaluated)


def _apart(matching: Q) -> Case | Value:
    """Of a member's evaluations the one that the filter leaves stands for it, where there is one."""
    if not matching:
        return Value(0)
    return Case(When(matching, then=Value(0)), default=Value(1), output_field=IntegerField())


def _rank(path: Path | None, wanted: Sequence[str]) -> Case:
    """Who is offered first where not all can be."""
    order = [
        Q(checkpoint__reference__in=wanted),
        evaluations_on(path) if path else Q(pk__in=()),
        Q(checkpoint__origin=Checkpoint.TRAINED),
        Q(checkpoint__origin=Checkpoint.BASE),
    ]
    cases = [When(which, then=Value(rank)) for rank, which in enumerate(order)]
    return Case(*cases, default=Value(len(order)), output_field=IntegerField())


def _placed(study: Study, evaluation: Evaluation, path: Path | None) -> Placed:
    """As on the frontier; a merge on another path stands apart from this one."""
    found = place(study, evaluation, path)
    if found is not None:
        return found
    shade = 0.5 if evaluation.alpha is None else evaluation.alpha
    return Placed(evaluation, None, "merged", shade, evaluation.checkpoint.name)


def labels(placed: Sequence[Placed]) -> list[str]:
    """As on the frontier, and by name where several would read the same."""
    often = Counter(one.label for one in placed)
    return [one.checkpoint.name if one.alpha is None and often[one.label] > 1 else one.label for one in placed]
