"""Filters against rows: every answer equals that of a second evaluation of the same tree in plain Python."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontier_app.filters import (
    CHECKPOINT_FIELDS,
    EVALUATION_FIELDS,
    FIELDS,
    PROBLEM_FIELDS,
    RUN_FIELDS,
    SAMPLE_FIELDS,
    Fields,
    FilterError,
    compile_filter,
    patience,
)
from frontier_app.filters.language import (
    And,
    Comparison,
    Expression,
    Membership,
    Name,
    Not,
    Or,
    Search,
    Word,
    all_of,
    any_of,
)
from frontier_app.filters.patience import TookTooLong
from frontier_app.models import Checkpoint, Evaluation, Problem, Run, Sample, Study
from tests import factories
from tests.filter_text import written

pytestmark = pytest.mark.django_db

CONFIGS: tuple[dict[str, Any], ...] = (
    {"rate": 0.1, "trainer": "trl", "scale": True, "saved": [1, 5], "limits": {"cpu": 2}},
    {"rate": 10**40, "trainer": "compact", "scale": False, "saved": [], "limits": {"cpu": None}},
    {"rate": "0.1", "trainer": 'a "b"', "scale": None, "saved": [5, "x"], "limits": {}},
    {"rate": -3, "trainer": "", "limits": {"cpu": "2"}},
    {"rate": 0, "trainer": ["trl", 0.1], "scale": "true", "limits": 7},
)


@pytest.fixture
def study() -> Study:
    made = factories.empty_study()
    for number, config in enumerate(CONFIGS):
        run = Run.objects.create(
            study=made,
            reference=f"r{number}",
            name=("low", "High", "low 2", "mid", "")[number],
            coverage=(0.4, 1.0, 0.4, 0.7, 0.5)[number],
            seed=number % 2,
            steps=100 * number,
            initialisation=made.base,
            config=config,
        )
        factories.checkpoint(made, f"c{number}", run=run, step=number or None, coverage=run.coverage, parent=made.base)
    factories.checkpoint(made, "merge", origin=Checkpoint.MERGED)
    return made


# The oracle: what one row says to one tree. A row is a mapping of names; what it lacks is None.


def holds(tree: Expression, row: Callable[[str], Any], searched: tuple[str, ...]) -> bool:
    if isinstance(tree, Not):
        return not holds(tree.operand, row, searched)
    if isinstance(tree, And):
        return all(holds(one, row, searched) for one in tree.operands)
    if isinstance(tree, Or):
        return any(holds(one, row, searched) for one in tree.operands)
    if isinstance(tree, Search):
        return any(tree.word.text.lower() in (row(name) or "").lower() for name in searched)
    stored = row(tree.name.text)
    if isinstance(tree, Membership):
        return tree.negated != any(equal(stored, word) for word in tree.values)
    if tree.operator in ("=", "!="):
        return equal(stored, tree.value) == (tree.operator == "=")
    if tree.operator in ("~", "!~"):
        texts = [as_text(one) for one in elements(stored)]
        found = any(re.search(tree.value.text, one) for one in texts if one is not None)
        return found == (tree.operator == "~")
    value = literal(tree.value)
    return any(ordered(one, tree.operator, value) for one in elements(stored))


def elements(stored: Any) -> list[Any]:
    return stored if isinstance(stored, list) else [stored]


def literal(word: Word) -> Any:
    if word.quoted:
        return word.text
    if word.text in ("true", "false"):
        return word.text == "true"
    try:
        return float(word.text)
    except ValueError:
        return word.text


def equal(stored: Any, word: Word) -> bool:
    if word.text == "none" and not word.quoted:
        return all(one is None or one == "" for one in elements(stored))
    value = literal(word)
    return any(alike(one, value) and as_float(one) == value for one in elements(stored))


def ordered(one: Any, operator: str, value: Any) -> bool:
    if not alike(one, value):
        return False
    one = as_float(one)
    return {"<": one < value, "<=": one <= value, ">": one > value, ">=": one >= value}[operator]


def as_float(one: Any) -> Any:
    """Whole numbers as literals are: 10**40 is 1e40, though Python tells the two apart."""
    return float(one) if isinstance(one, int) and not isinstance(one, bool) else one


def alike(one: Any, value: Any) -> bool:
    """Numbers are compared with numbers, text with text, truth with truth."""
    kinds = [bool if isinstance(x, bool) else float if isinstance(x, int | float) else type(x) for x in (one, value)]
    return kinds[0] is kinds[1]


def as_text(one: Any) -> str | None:
    if one is None or isinstance(one, str):
        return one
    return str(one).lower() if isinstance(one, bool) else str(one)


def trees(leaves: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.lists(inner, min_size=2, max_size=3).map(all_of),
            st.lists(inner, min_size=2, max_size=3).map(any_of),
        ),
        max_leaves=6,
    )


def leaves_on(name: str, operators: str, words: list[Word]) -> st.SearchStrategy[Expression]:
    named, word = st.just(Name(name)), st.sampled_from(words)
    return st.one_of(
        st.builds(Comparison, named, st.sampled_from(operators.split()), word),
        st.builds(Membership, named, st.lists(word, min_size=1, max_size=3).map(tuple), st.booleans()),
    )


def plain(*texts: str) -> list[Word]:
    return [Word(text) for text in texts]


EQUALITY, ORDER, PATTERN = "= !=", "< <= > >=", "~ !~"
NUMBERS = plain("0", "0.4", "0.7", "1", "2", "-3")
NONE = plain("none")
PATTERNS = plain("^l", "o?w$", "2|mid", "[A-H]", "l")
CHECKPOINT_TREES = trees(
    st.one_of(
        leaves_on("coverage", ORDER, NUMBERS),
        leaves_on("coverage", EQUALITY, NUMBERS + NONE),
        leaves_on("step", ORDER, NUMBERS),
        leaves_on("seed", EQUALITY, NUMBERS + NONE),
        leaves_on("origin", EQUALITY, plain("base", "trained", "merged")),
        leaves_on("run", EQUALITY, [*plain("low", "High"), Word("low 2", True), *NONE]),
        st.builds(Comparison, st.just(Name("run")), st.sampled_from(PATTERN.split()), st.sampled_from(PATTERNS)),
        st.builds(Search, st.sampled_from(plain("C1", "merge", "c", "MINI", "%", "_"))),
    )
)
FREE_WORDS = [
    *plain("0.1", "2", "-3", "0", "5", "1e40", "trl", "true", "false", "none", "x"),
    Word("0.1", True),
    Word("", True),
    Word('a "b"', True),
    Word("true", True),
]
FREE_KEYS = ("rate", "trainer", "scale", "saved", "limits.cpu", "nowhere")
RUN_TREES = trees(
    st.one_of(
        *(leaves_on(f"config.{key}", EQUALITY, FREE_WORDS) for key in FREE_KEYS),
        *(
            st.builds(
                Comparison,
                st.just(Name(f"config.{key}")),
                st.sampled_from(ORDER.split()),
                st.sampled_from([one for one in FREE_WORDS if one.quoted or one.text not in ("none", "true", "false")]),
            )
            for key in FREE_KEYS
        ),
        *(
            st.builds(
                Comparison,
                st.just(Name(f"config.{key}")),
                st.sampled_from(PATTERN.split()),
                st.sampled_from(plain("^t", "l$", "[0-9]", "b|e")),
            )
            for key in ("trainer", "scale")
        ),
    )
)
QUICKLY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def checkpoint_row(one: Checkpoint) -> Callable[[str], Any]:
    def value(name: str) -> Any:
        if name in ("run", "seed"):
            return None if one.run is None else one.run.name if name == "run" else one.run.seed
        return getattr(one, name)

    return value


def run_row(one: Run) -> Callable[[str], Any]:
    def value(name: str) -> Any:
        found: Any = one.config
        for key in name.split(".")[1:]:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    return value


@given(tree=CHECKPOINT_TREES)
@QUICKLY
def test_checkpoints_found_are_those_of_a_plain_evaluation(study: Study, tree: Expression):
    rows = Checkpoint.objects.select_related("run")
    expected = {one.pk for one in rows if holds(tree, checkpoint_row(one), ("name", "reference"))}
    assert set(rows.filter(compile_filter(written(tree), CHECKPOINT_FIELDS)).values_list("pk", flat=True)) == expected


@given(tree=RUN_TREES)
@QUICKLY
def test_runs_found_by_their_configuration_are_those_of_a_plain_evaluation(study: Study, tree: Expression):
    expected = {one.pk for one in Run.objects.all() if holds(tree, run_row(one), ("name", "reference"))}
    found = Run.objects.filter(compile_filter(written(tree), RUN_FIELDS))
    assert set(found.values_list("pk", flat=True)) == expected


def names(rows: type[Any], text: str, fields: Fields, name: str = "name") -> set[Any]:
    return set(rows.objects.filter(compile_filter(text, fields)).values_list(name, flat=True))


def test_an_empty_filter_keeps_every_row(study: Study):
    assert Checkpoint.objects.filter(compile_filter(" ", CHECKPOINT_FIELDS)).count() == 7


def test_every_field_can_be_asked_for_and_negated():
    factories.measured_study(problems=2, samples=2)
    rows = {"runs": Run, "checkpoints": Checkpoint, "evaluations": Evaluation, "problems": Problem, "samples": Sample}
    examples = {"number": "0", "text": "x", "true or false": "true", "date": "2026-11", "list of words": "x"}
    for kind, fields in FIELDS.items():
        for one in fields:
            name = f"{one.name}.key" if one.keyed else one.name
            value = next(iter(one.choices), examples.get(one.kind.value, "x"))
            total = rows[kind].objects.count()
            for test in (f"{name} = {value}", f"{name} = none", f"{name} in ({value}, none)"):
                found = rows[kind].objects.filter(compile_filter(test, fields)).count()
                others = rows[kind].objects.filter(compile_filter(f"not ({test})", fields)).count()
                assert found + others == total, test


def test_evaluations_are_found_by_their_rates_and_sampling():
    made = factories.measured_study(problems=4, samples=4)
    for one in made.study.evaluations.all():
        rates = [(row.solve_rate, row.problems) for row in one.rates.all()]
        mean = sum(rate * problems for rate, problems in rates) / sum(problems for _, problems in rates)
        near = f"reference = {one.reference} and solve_rate > {mean - 1e-9:.12f} and solve_rate < {mean + 1e-9:.12f}"
        assert names(Evaluation, near, EVALUATION_FIELDS, "pk") == {one.pk}
        hard = one.rates.get(difficulty="hard").solve_rate
        near = f"reference = {one.reference} and solve_rate.hard >= {hard!r} and not solve_rate.hard > {hard!r}"
        assert names(Evaluation, near, EVALUATION_FIELDS, "pk") == {one.pk}
    assert names(Evaluation, "sampling.temperature = 1 and alpha in (0, 1)", EVALUATION_FIELDS, "alpha") == {0, 1}
    assert names(Evaluation, "sampling.samples > 4", EVALUATION_FIELDS, "alpha") == set()


def test_runs_are_found_by_the_last_value_of_a_training_figure():
    made = factories.study()
    factories.trained_run(made, "longer", 0.7, steps=6)
    assert names(Run, "metric.reward > 0.5", RUN_FIELDS) == {"longer"}
    assert names(Run, "metric.loss = none", RUN_FIELDS) == {"low", "high", "longer"}


def test_problems_are_found_by_tags_tests_and_limits():
    made = factories.study(problems=3)
    rows = made.held_out_set.problems
    rows.filter(position=0).update(tags=["dp", "two words"], cpu_seconds=2.0)
    rows.filter(position=1).update(tags=["greedy"])
    found = lambda text: set(rows.filter(compile_filter(text, PROBLEM_FIELDS)).values_list("position", flat=True))  # noqa: E731
    assert found("tags = dp") == found('tags = "two words"') == {0}
    assert found("tags in (dp, greedy)") == found("tags ~ ^.") == {0, 1}
    assert found("tags != dp") == {1, 2}
    assert found("tags = none") == {2}
    assert found("cpu_limit > 60ms") == {0}
    assert found("memory_limit = 256MiB tests >= 10") == {0, 1, 2}
    assert found("audited = true") == set()


def test_samples_are_found_by_class_letters_and_program():
    made = factories.measured_study(problems=4, samples=6)
    rows = list(Sample.objects.select_related("problem", "evaluation", "program"))
    hard_beyond_low = lambda one: (one.evaluation.alpha or 0) > 0 and one.problem.difficulty == "hard"  # noqa: E731
    for text, expected in (
        ("class = optimisation", lambda one: one.failure_class == "O"),
        ("class != solved letters ~ ^A", lambda one: one.failure_class != "S" and one.letters[0] == "A"),
        ("passed >= 5", lambda one: one.letters.count("A") >= 5),
        ("fails_from <= 3", lambda one: bool(re.search("[WRTMOC]", one.letters[:3]))),
        ('"N * n"', lambda one: one.program is not None and "n * n" in one.program.text),
        ('program ~ "for a .* for b"', lambda one: one.program is not None and "for b" in one.program.text),
        ("alpha > 0 difficulty = hard", hard_beyond_low),
    ):
        found = names(Sample, text, SAMPLE_FIELDS, "pk")
        assert found == {one.pk for one in rows if expected(one)}, text
        assert 0 < len(found) < len(rows), text
    assert made


def test_dates_are_spans(study: Study):
    for number, one in enumerate(Run.objects.order_by("pk")):
        Run.objects.filter(pk=one.pk).update(created=datetime(2026, 11, 26 + number, 12, tzinfo=UTC))
    counts = {
        "created = 2026-11-27": 1,
        "created > 2026-11-27": 3,
        "created >= 2026-11-27": 4,
        "created < 2026-11-27": 1,
        "created <= 2026-11-27": 2,
        "created != 2026-11": 0,
        "created in (2026-11-26, 2026-11-28)": 2,
    }
    assert {text: Run.objects.filter(compile_filter(text, RUN_FIELDS)).count() for text in counts} == counts


@pytest.mark.parametrize(
    ("text", "position", "sentence"),
    [
        ("alhpa > 1", 0, "Evaluations have no field alhpa; did you mean alpha?"),
        ("temperature > 1", 0, "Evaluations have no field temperature; there are"),
        ("samplings.temperature > 1", 0, "did you mean sampling.temperature"),
        ("sampling > 1", 0, "sampling needs a key after a dot"),
        ("sampling. > 1", 0, "sampling needs a key after a dot"),
        ("a alpha > low", 10, "alpha is a number, and low is none."),
        ('alpha > "1"', 8, "alpha is a number, and 1 is none."),
        ("alpha ~ 1", 8, "alpha is a number: ~ does not apply, != = < <= > >= and in do."),
        ("checkpoint > 1", 13, "checkpoint is text: > does not apply, = != ~ !~ and in do."),
        ("state = complet", 8, "state is never complet; did you mean complete?"),
        ('state = ""', 8, "state is never empty; it is one of planned, running, complete."),
        ("alpha < none", 8, "none is no value to be <; write alpha = none."),
        ("created > soon", 10, "soon is no date; write 2026-11-27 or 2026-11-27T14:30."),
        ('checkpoint ~ "(a"', 13, "This is no regular expression: parentheses () not balanced."),
        ('checkpoint ~ "[z-a]"', 13, "This is no regular expression"),
        (r'checkpoint ~ "(a)\1"', 13, "A pattern cannot refer back"),
        ('checkpoint ~ "a{1,200}"', 13, "A part of a pattern can be repeated 100 times at most; use * or +."),
        ('checkpoint ~ "((((a{9}){9}){9}){9}){9}"', 13, "A pattern has at most 4 counted repetitions."),
        ('checkpoint ~ "' + "a" * 201 + '"', 13, "A pattern has at most 200 letters"),
        ('checkpoint ~ ""', 13, "An empty pattern matches everything"),
        ('checkpoint ~ "***=a"', 13, "A pattern cannot start with ***."),
        ('a ""', 2, "There is nothing between these quotation marks to search for."),
        ("samples > 10MiB", 10, "MiB is no unit here; the number is without a unit, or with k, M, G, T or %."),
    ],
)
def test_a_mistake_in_what_is_meant_is_one_sentence_and_its_place(text: str, position: int, sentence: str):
    with pytest.raises(FilterError) as caught:
        compile_filter(text, EVALUATION_FIELDS)
    assert sentence in caught.value.message
    assert caught.value.position == position


@given(
    st.lists(
        st.sampled_from(
            [
                "alpha",
                "name",
                "sampling.x",
                "created",
                "state",
                "checkpoint",
                "=",
                "!=",
                "<",
                "~",
                "!~",
                "in",
                "not",
                "and",
                "or",
                "(",
                ")",
                ",",
                "none",
                "true",
                "1",
                "-3",
                "1e300",
                "0.5k",
                "2026-11",
                "complete",
                '"x"',
                "''",
                '"("',
                "[",
                "^a",
                "\\",
                "\\d",
                "{3}",
                "a{2,1}",
                "(?i)",
                "\x01",
                "\u2028",
                "%s",
                "{}",
                "$",
                "@",
            ]
        ),
        max_size=12,
    ).map(" ".join)
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_written_is_answered_or_refused_and_never_breaks(db: None, text: str):
    for fields, rows in ((EVALUATION_FIELDS, Evaluation), (CHECKPOINT_FIELDS, Checkpoint)):
        try:
            condition = compile_filter(text, fields)
        except FilterError as error:
            assert 0 <= error.position <= len(text)  # noqa: PT017
        else:
            rows.objects.filter(condition).count()


def test_numbers_beyond_a_column_are_compared_and_not_refused(study: Study):
    assert (
        Run.objects.filter(compile_filter("seed < 1e30 and coverage > -1e299 and steps != 0.5", RUN_FIELDS)).count()
        == 5
    )
    assert Run.objects.filter(compile_filter("config.rate = 1e40", RUN_FIELDS)).count() == 1


def test_an_empty_text_in_a_configuration_is_missing_as_it_is_in_a_column(study: Study):
    assert names(Run, "config.trainer = none", RUN_FIELDS, "reference") == {"r3"}
    assert names(Run, "config.saved = none", RUN_FIELDS, "reference") == {"r1", "r3", "r4"}


def test_a_filter_costs_one_query_and_a_pattern_is_tried_out_once(study: Study):
    compile_filter("name ~ ^l.w", RUN_FIELDS)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        list(Run.objects.filter(compile_filter("name ~ ^l.w config.rate > 0 metric.reward > 1 low", RUN_FIELDS)))
    assert len(captured) == 1


def test_the_database_is_stopped_when_a_filter_takes_too_long():
    with pytest.raises(TookTooLong, match="takes the database too long"), patience(0.05), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        assert cursor.fetchone() == ("0",)


def test_a_pattern_tried_out_inside_of_patience_leaves_it_as_it_was():
    with patience(3), connection.cursor() as cursor:
        compile_filter("name ~ ^never.tried", RUN_FIELDS)
        cursor.execute("SELECT current_setting('statement_timeout')")
        assert cursor.fetchone() == ("3s",)


def test_what_a_viewer_may_not_read_cannot_be_asked_for():
    fields = SAMPLE_FIELDS.without("program")
    with pytest.raises(FilterError, match="Samples have no field program"):
        compile_filter("program ~ print", fields)
    assert "program" not in str(Sample.objects.filter(compile_filter("print", fields)).query).split("WHERE")[1]
