"""The text of the filter language: what is read, how it is printed, and what is said about mistakes. No database."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontier_app.filters.language import (
    OPERATORS,
    And,
    Comparison,
    Expression,
    FilterError,
    Membership,
    Name,
    Not,
    Or,
    Search,
    Word,
    all_of,
    any_of,
    needs_quotes,
    parse,
)
from frontier_app.filters.values import date_of, number_of
from tests.filter_text import written

LETTERS = st.characters(exclude_characters="\x00", exclude_categories=("Cs",))
BARE = st.text(st.sampled_from("abzAND019._-+*|^$[]{}%:/?\\é"), min_size=1, max_size=8)
WORDS = st.one_of(
    st.builds(Word, BARE.filter(lambda text: not needs_quotes(text))),
    st.builds(Word, st.text(LETTERS, max_size=10), st.just(True)),
)
NAMES = st.builds(
    Name, st.from_regex(r"[a-z_]{1,6}(\.[a-z0-9]{1,4})?", fullmatch=True).filter(lambda n: not needs_quotes(n))
)
LEAVES = st.one_of(
    st.builds(Search, WORDS),
    st.builds(Comparison, NAMES, st.sampled_from(OPERATORS), WORDS),
    st.builds(Membership, NAMES, st.lists(WORDS, min_size=1, max_size=3).map(tuple), st.booleans()),
)
TREES: st.SearchStrategy[Expression] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=3).map(all_of),
        st.lists(inner, min_size=2, max_size=3).map(any_of),
    ),
    max_leaves=8,
)


@given(TREES)
@settings(max_examples=120, deadline=None)
def test_a_tree_that_is_printed_is_read_back_equal(tree: Expression):
    assert parse(written(tree)) == tree


@given(st.text(max_size=60) | st.text(st.sampled_from("ab ()=<>!~,\"'notinor."), max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused_with_a_place_inside_of_it(text: str):
    try:
        parse(text)
    except FilterError as caught:
        error = caught
    else:
        return
    assert 0 <= error.position <= len(text)
    assert error.message.endswith(".")
    _, carets = error.excerpt(text).split("\n")
    assert set(carets.strip()) == {"^"}


def test_or_binds_less_than_and_and_not_most():
    assert parse("a or b c and not d") == Or(
        (Search(Word("a")), And((Search(Word("b")), Search(Word("c")), Not(Search(Word("d"))))))
    )
    assert parse("a or b") == parse("a OR b") != parse("a Or b")


def test_a_quotation_mark_is_doubled_inside_of_its_own_kind_and_backslashes_stay():
    found = parse(r"""name ~ "^\d+ ""x"" y'z" """)
    assert found == Comparison(Name("name"), "~", Word('^\\d+ "x" y\'z', True))
    assert parse("'it''s'") == Search(Word("it's", True))


def test_an_empty_filter_is_none():
    assert parse("") is parse(" \n ") is None


@pytest.mark.parametrize(
    ("text", "position", "sentence"),
    [
        ("alpha ==  1", 6, "== is no operator; write = instead."),
        ("a && b", 2, "&& is no operator; write and instead."),
        ("a =! b", 2, "=! is no operator: there are = != < <= > >= ~ !~."),
        ("alpha >", 7, "Here a value after > was expected."),
        ("alpha > and", 8, 'Here a value after > was expected; to search for the word itself, write "and".'),
        ("(a or b", 0, "This parenthesis is never closed."),
        ("a) b", 1, "There is no parenthesis that this one closes."),
        ("a ()", 3, "There is nothing between these parentheses."),
        ("seed in 1, 2", 8, "Values after in stand between parentheses, with commas between them."),
        ("seed in (1 2)", 11, "Here a comma or a closing parenthesis was expected."),
        ("seed in (1,", 8, "This parenthesis is never closed."),
        ("seed not in ()", 13, "Here a value was expected."),
        ("a or", 4, "Here a comparison or a word was expected."),
        ("or a", 0, 'Here a comparison or a word was expected; to search for the word itself, write "or".'),
        ('name = "x', 7, "This quotation mark is never closed."),
        ('"name" = x', 0, "A comparison starts with the name of a field, unquoted."),
        ("= 3", 0, "Here a comparison or a word was expected."),
        ("a \x00", 2, "This letter cannot occur in any text."),
        ("a \ud800", 2, "This letter cannot occur in any text."),
        ("a, b", 1, "Here a comparison, a word, and, or, or the end was expected."),
    ],
)
def test_a_mistake_is_one_sentence_and_its_place(text: str, position: int, sentence: str):
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert (caught.value.position, caught.value.message) == (position, sentence)


@pytest.mark.parametrize("text", ["(" * 26 + "a" + ")" * 26, "not " * 26 + "a", "a " * 101, "a" * 2001, "(" * 2000])
def test_a_filter_is_bounded_in_depth_and_length(text: str):
    with pytest.raises(FilterError):
        parse(text)


def test_a_filter_at_its_bounds_is_read():
    assert parse("(" * 24 + "a" + ")" * 24)
    assert parse("a " * 100)
    assert parse("a" * 2000)


def test_the_caret_of_a_long_filter_stands_under_its_mistake():
    text = "x " * 200 + "alpha >< 2 " + "y " * 200
    with pytest.raises(FilterError) as caught:
        parse(text)
    shown, carets = caught.value.excerpt(text).split("\n")
    assert shown[carets.index("^") : carets.rindex("^") + 1] == "><"
    assert len(shown) == 72


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("10k", "", "10000"),
        ("1.5M", "", "1500000"),
        ("-0.5", "", "-0.5"),
        ("2.5e-4", "", "0.00025"),
        ("25%", "", "0.25"),
        ("1_000", "", "1000"),
        ("500ms", "seconds", "0.5"),
        ("2min", "seconds", "120"),
        ("256MiB", "bytes", "268435456"),
        ("1.5GB", "bytes", "1500000000"),
    ],
)
def test_a_number_may_have_a_unit(text: str, unit: str, number: str):
    assert number_of(Word(text), unit) == Decimal(number)


@pytest.mark.parametrize("text", ["10ms", "1e999", "1e-999", "3x"])
def test_a_number_with_another_unit_or_beyond_all_rows_is_refused(text: str):
    with pytest.raises(FilterError):
        number_of(Word(text))


def test_what_is_quoted_or_no_number_is_text():
    assert number_of(Word("10", True)) is None
    assert number_of(Word("١٢")) is None
    assert number_of(Word("ten")) is None


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", "2026-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"),
        ("2024-02", "2024-02-01T00:00:00+00:00", "2024-03-01T00:00:00+00:00"),
        ("2026-11-27", "2026-11-27T00:00:00+00:00", "2026-11-28T00:00:00+00:00"),
        ("2026-11-27T14:30", "2026-11-27T14:30:00+00:00", "2026-11-27T14:31:00+00:00"),
        ("2026-11-27 14:30:05+02:00", "2026-11-27T12:30:05+00:00", "2026-11-27T12:30:06+00:00"),
    ],
)
def test_a_date_is_the_span_that_is_written(text: str, start: str, end: str):
    assert [one.isoformat() for one in date_of(Word(text))] == [start, end]


@pytest.mark.parametrize("text", ["2026-13", "2026-02-30", "0000", "9999", "yesterday", "", "2026-11-27T25:00"])
def test_what_is_no_date_is_refused(text: str):
    with pytest.raises(FilterError, match="is no date"):
        date_of(Word(text))
