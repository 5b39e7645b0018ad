"""What the evaluations of a view wrote for one problem: identical programs counted together, with their verdicts.

The only numbers of the study page that are read from samples, of one problem at a time. Callers decide who may read
programs. Tests are given by level, size and verdict alone: what is in a hidden test never leaves the server.
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from django.db.models import Count

from frontier_app.models import Evaluation, Problem, Program, Sample, Study
from frontier_app.numbers.placement import Selection, with_baseline

# A program is named by this many digits of its content hash.
NAME_DIGITS = 16
NO_PROGRAM = "none"


class NotWritten(LookupError):
    """The evaluation has no such program for the problem; the message is one sentence."""


def problem_programs(study: Study, problem: Problem, selection: Selection) -> dict[str, object]:
    """For each evaluation of a view, every program it wrote for `problem`: the most frequent one first.

    Texts are those of the most frequent programs; `one_program` gives any other. As many queries at any size.
    """
    placed, _ = with_baseline(study, selection)
    references = {one.evaluation.pk: one.evaluation.reference for one in placed}
    rows = (
        Sample.objects.filter(evaluation__in=list(references), problem=problem)
        .values_list("evaluation_id", "program_id", "letters")
        .annotate(count=Count("pk"))
        .order_by()
    )
    written: dict[int, list[tuple[str | None, str, int]]] = {}
    for evaluation, program, letters, count in rows:
        written.setdefault(evaluation, []).append((program, letters, count))
    groups = {references[evaluation]: grouped(found) for evaluation, found in written.items()}
    shown = {one[0]["program"] for one in groups.values() if one[0]["program"]}
    return {
        "problem": {
            "slug": problem.slug,
            "title": problem.title,
            "statement": problem.statement,
            "tests": [{"group": test["group"], "size_bytes": test["size_bytes"]} for test in problem.tests],
        },
        "evaluations": {
            reference: {
                "n": sum(int(str(one["count"])) for one in found),
                "distinct": sum(one["program"] is not None for one in found),
                "written": [one | {"program": name_of(one["program"])} for one in found],
            }
            for reference, found in groups.items()
        },
        "programs": {
            name_of(sha256): text for sha256, text in Program.objects.filter(pk__in=shown).values_list("pk", "text")
        },
    }


def name_of(sha256: str | None) -> str | None:
    return sha256 and sha256[:NAME_DIGITS]


def grouped(rows: Sequence[tuple[str | None, str, int]]) -> list[dict]:
    """(program, letters, count) by program, the most frequent first; ties go by content hash, no program comes last.

    `letters` are those that the program got most often and `verdicts` how many different ones it got.
    """
    letters: dict[str | None, Counter[str]] = {}
    for program, got, count in rows:
        letters.setdefault(program, Counter())[got] += count
    found = [
        {
            "program": program,
            "count": counts.total(),
            "letters": min((-count, got) for got, count in counts.items())[1],
            "verdicts": len(counts),
        }
        for program, counts in letters.items()
    ]
    return sorted(found, key=lambda one: (-one["count"], one["program"] is None, one["program"] or ""))


def evaluation_of(study: Study, selection: Selection, reference: str) -> Evaluation:
    """The evaluation of that reference, if it is one of a view. Raises NotWritten."""
    placed, _ = with_baseline(study, selection)
    for one in placed:
        if one.evaluation.reference == reference:
            return one.evaluation
    raise NotWritten(f"This view has no evaluation {reference!r}.")


def one_program(evaluation: Evaluation, problem: Problem, name: str) -> dict[str, object]:
    """The text of a program that an evaluation wrote for `problem`, and how each test went over all its samples.

    `name` is that of `problem_programs`, or `NO_PROGRAM`. A test has the letter it got most often, how many of its
    samples passed, and the median and largest CPU milliseconds (None where they were not kept). Raises NotWritten.
    """
    samples = Sample.objects.filter(evaluation=evaluation, problem=problem)
    if name == NO_PROGRAM:
        samples = samples.filter(program=None)
    elif re.fullmatch(rf"[0-9a-f]{{{NAME_DIGITS}}}", name):
        samples = samples.filter(program__sha256__startswith=name)
    else:
        raise NotWritten(f"A program is named by {NAME_DIGITS} hexadecimal digits or {NO_PROGRAM!r}, not {name!r}.")
    rows = list(samples.order_by("index").values_list("letters", "test_milliseconds", "program_id"))
    if not rows:
        raise NotWritten("The evaluation has no such program for this problem.")
    return {
        "program": None if name == NO_PROGRAM else name,
        "text": Program.objects.filter(pk=rows[0][2]).values_list("text", flat=True).first(),
        "samples": len(rows),
        "cpu_seconds": problem.cpu_seconds,
        "tests": [
            {"group": test["group"], "size_bytes": test["size_bytes"], **_went(place, [row[:2] for row in rows])}
            for place, test in enumerate(problem.tests)
        ],
    }


def _went(place: int, rows: Sequence[tuple[str, list[int]]]) -> dict[str, object]:
    """How the test at `place` went, over samples of (letters, milliseconds)."""
    letters = Counter(got[place] for got, _ in rows if place < len(got))
    run = [times[place] for got, times in rows if place < min(len(got), len(times)) and got[place] not in "-CNI"]
    return {
        "letter": min((-count, letter) for letter, count in letters.items())[1] if letters else "-",
        "passed": letters["A"],
        "milliseconds": float(np.median(run)) if run else None,
        "most_milliseconds": max(run, default=None),
    }
