"""What the command palette finds by name: studies, and within a study its runs, checkpoints, problems, reports.

Every search is bounded: a few rows of each kind, those whose name begins with the words before those that hold them.
It finds nothing that the person could not open.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.urls import reverse

from frontier_app.models import Checkpoint, Evaluation, Problem, Report, Run, Study
from frontier_app.viewer import Viewer

EACH_AT_MOST = 6
WORDS_AT_MOST = 80


class Item(NamedTuple):
    """One line of the palette: what kind of thing it is, its name, what tells it from others, and where it is."""

    kind: str
    name: str
    detail: str
    address: str


def studies(user: User, words: str) -> list[Item]:
    """The person's studies."""
    rows = _named(Study.objects.visible_to(Viewer(user=user)), words, "title", "slug")
    return [Item("study", one.title, one.slug, one.get_absolute_url()) for one in rows]


def within(study: Study, words: str) -> list[Item]:
    """What a study has under that name. Nothing without words."""
    if not words:
        return []
    return [item for find in KINDS for item in find(study, words)]


def _named(rows: "QuerySet[Any]", words: str, *fields: str) -> "QuerySet[Any]":
    words = words[:WORDS_AT_MOST]
    holds, begins = Q(), Q()
    for field in fields:
        holds |= Q(**{f"{field}__icontains": words})
        begins |= Q(**{f"{field}__istartswith": words})
    first = Case(When(begins, then=Value(0)), default=Value(1), output_field=IntegerField())
    return rows.filter(holds).annotate(first=first).order_by("first", fields[0], "pk")[:EACH_AT_MOST]


def _checkpoints(study: Study, words: str) -> Iterator[Item]:
    """A checkpoint's newest evaluation, or its line in the list."""
    rows = list(_named(Checkpoint.objects.filter(study=study), words, "name", "reference"))
    measured = dict(
        Evaluation.objects.filter(study=study, checkpoint__in=rows)
        .order_by("pk")
        .values_list("checkpoint", "reference")
    )
    for one in rows:
        address = f"{reverse('checkpoints', args=[study.slug])}?q=reference%20%3D%20%22{one.reference}%22"
        if one.pk in measured:
            address = reverse("evaluation", args=[study.slug, measured[one.pk]])
        yield Item("checkpoint", one.name, one.origin, address)


def _problems(study: Study, words: str) -> Iterator[Item]:
    sets = [one for one in (study.held_out_set_id, study.train_set_id) if one]
    for one in _named(Problem.objects.filter(problem_set__in=sets), words, "slug", "title"):
        name = "held out" if one.problem_set_id == study.held_out_set_id else "training"
        detail = " · ".join(part for part in (one.title, one.difficulty, name) if part and part != one.slug)
        yield Item("problem", one.slug, detail, reverse("problem", args=[study.slug, one.slug]))


def _runs(study: Study, words: str) -> Iterator[Item]:
    rows = _named(Run.objects.filter(study=study).select_related("job"), words, "name", "reference")
    for one in rows:
        address = one.job.get_absolute_url() if one.job else reverse("runs", args=[study.slug])
        yield Item("run", one.name, f"coverage {one.coverage:g}, seed {one.seed}", address)


def _reports(study: Study, words: str) -> Iterator[Item]:
    for one in _named(Report.objects.filter(study=study), words, "title"):
        yield Item("report", one.title, "", reverse("report", args=[study.slug, one.slug]))


KINDS: tuple[Callable[[Study, str], Iterator[Item]], ...] = (_checkpoints, _problems, _runs, _reports)
