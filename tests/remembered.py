"""A study that tests ask for again and again is made once by each process and copied from then on.

`remembered` is for a factory whose rows follow from its arguments alone. Its first call on a database that holds
nothing but people is the factory's, and what it wrote is kept; later calls with equal arguments write the same rows
again, under the keys that they had, which no sequence gives out twice. What belongs to a person then belongs to who has
that name now. On a database that holds more, a call of which nothing is kept yet is the factory's as ever, and
`__wrapped__` always is.
"""

import copy
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection, models, transaction

from frontier_app.models import Checkpoint

P = ParamSpec("P")
T = TypeVar("T")


class Table(NamedTuple):
    """Of a model that points at people, the column that does is the first."""

    columns: str
    model: type[models.Model]
    of_a_person: bool


class Kept(NamedTuple):
    """What a factory returned, and what it wrote: people, rows as PostgreSQL copies them, folders of checkpoints."""

    returned: Any
    people: list[tuple[int, str, str]]
    rows: list[tuple[Table, bytes]]
    folders: list[Path]


def remembered(make: Callable[P, T]) -> Callable[P, T]:
    known: dict[str, Kept] = {}

    @functools.wraps(make)
    def made_or_copied(*arguments: P.args, **keywords: P.kwargs) -> T:
        asked = repr((arguments, sorted(keywords.items())))
        if asked in known:
            return _written_again(known[asked])
        first = not any(table.model.objects.exists() for table in _tables())
        made = make(*arguments, **keywords)
        if first:
            known[asked] = _kept(made)
        return made

    return made_or_copied


def _tables() -> Iterator[Table]:
    for model in apps.get_app_config("frontier_app").get_models(include_auto_created=True):
        fields = model._meta.concrete_fields
        people = [field.column for field in fields if field.related_model is User]
        assert len(people) <= 1, f"{model} points at people twice"
        others = [field.column for field in fields if field.column not in people]
        yield Table(", ".join(f'"{column}"' for column in people + others), model, bool(people))


def _kept(made: object) -> Kept:
    rows = []
    with connection.cursor() as cursor:
        for table in _tables():
            with cursor.copy(f"COPY {table.model._meta.db_table} ({table.columns}) TO STDOUT") as lines:
                rows.append((table, b"".join(lines)))
    people = User.objects.values_list("pk", "username", "email")
    folders = Checkpoint.objects.exclude(folder="").values_list("folder", flat=True)
    return Kept(copy.deepcopy(made), list(people), [one for one in rows if one[1]], list(map(Path, folders)))


def _written_again(kept: Kept) -> Any:
    for folder in kept.folders:
        folder.mkdir(parents=True, exist_ok=True)
    now = dict(User.objects.values_list("username", "pk"))
    for _, name, email in kept.people:
        if name not in now:
            now[name] = User.objects.create(username=name, email=email).pk
    keys = {b"%d" % then: b"%d" % now[name] for then, name, _ in kept.people}
    with transaction.atomic(), connection.cursor() as cursor:
        for table, lines in kept.rows:
            with cursor.copy(f"COPY {table.model._meta.db_table} ({table.columns}) FROM STDIN") as sink:
                sink.write(_of_people(lines, keys) if table.of_a_person else lines)
    return copy.deepcopy(kept.returned)


def _of_people(lines: bytes, keys: dict[bytes, bytes]) -> bytes:
    """The lines with the person that each begins with, if any, as `keys` says."""
    split = (line.partition(b"\t") for line in lines.splitlines(keepends=True))
    return b"".join(keys.get(person, person) + tab + rest for person, tab, rest in split)
