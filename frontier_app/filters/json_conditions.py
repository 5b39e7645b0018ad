"""Conditions on what stands inside of a JSON column, which never fail whatever stands there.

PostgreSQL's SQL/JSON paths compare numbers with numbers and text with text, exactly, and anything else is no match. A
list is as good as each of its elements.
"""

import json
from collections.abc import Sequence
from typing import Any

from django.db.models import BooleanField, F, Func, Value


def path_to(keys: Sequence[str], test: str = "") -> Func:
    """The SQL/JSON path of what stands under the keys, one after the other, and passes the test."""
    steps = "".join(f".{json.dumps(key)}" for key in keys)
    return Func(Value(f"${steps}[*]{test}"), template="(%(expressions)s)::jsonpath")


class JsonHasValue(Func):
    """Whether what stands under the keys is == (or < <= > >=) one of the values, which are given as JSON."""

    template = "jsonb_path_exists(%(expressions)s, true)"
    output_field = BooleanField()

    def __init__(self, column: F, keys: Sequence[str], operator: str, values: Sequence[str], **extra: Any) -> None:
        names = [f"v{number}" for number in range(len(values))]
        tests = " || ".join(f"@ {operator} ${name}" for name in names)
        variables = ", ".join(f'"{name}": {value}' for name, value in zip(names, values, strict=True))
        variables_as_json = Func(Value(f"{{{variables}}}"), template="(%(expressions)s)::jsonb")
        super().__init__(column, path_to(keys, f" ? ({tests})"), variables_as_json, **extra)


class JsonHasContent(Func):
    """Whether anything but null, an empty text and an empty list stands under the keys."""

    template = "jsonb_path_exists(%(expressions)s, '{}', true)"
    output_field = BooleanField()

    def __init__(self, column: F, keys: Sequence[str], **extra: Any) -> None:
        super().__init__(column, path_to(keys, ' ? (@ != null && (@.type() != "string" || @ != ""))'), **extra)


class JsonHasMatch(Func):
    """Whether the text of what stands under the keys matches the pattern."""

    template = "EXISTS (SELECT 1 FROM %(expressions)s)"
    arg_joiner = " AS found(value) WHERE found.value #>> '{}' ~ "
    output_field = BooleanField()

    def __init__(self, column: F, keys: Sequence[str], pattern: str, **extra: Any) -> None:
        super().__init__(Func(column, path_to(keys), function="jsonb_path_query"), Value(pattern), **extra)
