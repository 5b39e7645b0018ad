"""The list of problems: its filter, its order, its columns and its files."""

import csv
import io
import re

import factories
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from frontier_app.models import Rollup

pytestmark = pytest.mark.django_db
PAGE = "/studies/miniature/problems/"


@pytest.fixture
def measured():
    made = factories.measured_study(problems=8, samples=4)
    rows = made.study.held_out_set.problems
    rows.filter(position=0).update(tags=["dp", "two words"], cpu_seconds=3)
    rows.filter(position=1).update(tags=["dp"])
    return made


@pytest.fixture
def alice(client_of, measured):
    return client_of(factories.alice())


def shown(response) -> list[str]:
    assert response.status_code == 200
    return re.findall(r'class="problem-column" data-value="([^"]*)"', response.content.decode())


def names(*positions: int) -> list[str]:
    return [f"{one:03d}-squares" for one in positions]


@pytest.mark.parametrize(
    ("q", "positions"),
    [
        ("", range(8)),
        ("003", [3]),
        ("tags = dp", [0, 1]),
        ('tags = "two words" or difficulty = easy', [0, 4]),
        ("difficulty != hard and not name ~ ^00[01]", [4, 5]),
        ("cpu_limit > 2s", [0]),
        ("position in (2, 5) and tests = 10", [2, 5]),
    ],
)
def test_the_list_shows_the_problems_that_match(alice, q, positions):
    assert shown(alice.get(PAGE, {"q": q})) == names(*positions)


def test_a_filter_joins_the_difficulty_that_is_chosen(alice):
    assert shown(alice.get(PAGE, {"q": "position < 4", "difficulty": "hard"})) == names(2, 3)


def test_problems_are_filtered_and_sorted_by_what_an_evaluation_solved(alice, measured):
    levels = measured.study.held_out_set.levels
    for evaluation in measured.evaluations:
        rows = Rollup.objects.filter(evaluation=evaluation, level=levels).select_related("problem")
        rates = {row.problem.slug: row.solved / row.n for row in rows}
        field = f"solve_rate.{evaluation.alpha:g}"
        expected = sorted(slug for slug, rate in rates.items() if rate > 0.3)
        assert shown(alice.get(PAGE, {"q": f"{field} > 0.3"})) == expected
        downwards = shown(alice.get(PAGE, {"sort": f"-{field}"}))
        assert [rates[slug] for slug in downwards] == sorted(rates.values(), reverse=True)
        upwards = shown(alice.get(PAGE, {"sort": field}))
        assert [rates[slug] for slug in upwards] == sorted(rates.values())
        assert upwards == sorted(rates, key=lambda slug: (rates[slug], slug))


@pytest.mark.parametrize(
    "sort", ["-name", "difficulty", "-tests", "cpu_limit", "nonsense", "statement", "-", "-solve_rate.9"]
)
def test_every_order_is_answered_and_what_is_none_is_that_of_the_set(alice, sort):
    found = shown(alice.get(PAGE, {"sort": sort}))
    assert sorted(found) == names(*range(8))
    assert found[0] == {"-name": "007-squares", "cpu_limit": "001-squares"}.get(sort, "000-squares")


@pytest.mark.parametrize("q", ["tag = dp", "cpu_limit > low", '"', "name ~ [", "(" * 500, "marks = x"])
def test_a_mistake_is_said_with_carets_and_nothing_is_listed(alice, q):
    response = alice.get(PAGE, {"q": q})
    page = response.content.decode()
    assert response.status_code == 422
    assert 'aria-invalid="true"' in page
    assert "^" in re.search(r'<pre aria-hidden="true">(.*?)</pre>', page, re.S)[1]
    assert "The filter cannot be read" in page
    assert "data-href" not in page


def test_what_is_written_in_a_filter_is_never_markup(alice):
    page = alice.get(PAGE, {"q": '<script>alert(1)</script> "'}).content.decode()
    assert "<script>alert" not in page


def test_a_filter_and_an_order_stay_in_every_address_of_the_list(alice):
    page = alice.get(PAGE, {"q": "tags = dp", "sort": "-tests", "set": "held_out"}).content.decode()
    assert 'aria-sort="descending"' in page
    assert "q=tags+%3D+dp&amp;sort=tests" in page
    assert '<input type="hidden" name="sort" value="-tests">' in page
    assert "?set=held_out&amp;q=tags%20%3D%20%22two%20words%22" in page


def test_all_problems_that_match_are_saved_as_a_file(alice, measured):
    response = alice.get(PAGE, {"q": "tags = dp", "format": "csv", "sort": "-name"})
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [row["name"] for row in rows] == names(1, 0)
    for row in rows:
        for evaluation in measured.evaluations:
            cell = Rollup.objects.get(
                evaluation=evaluation, problem__slug=row["name"], level=measured.study.held_out_set.levels
            )
            assert float(row[f"solve_rate_{evaluation.alpha:g}"]) == cell.solved / cell.n
            assert int(row[f"n_{evaluation.alpha:g}"]) == cell.n
    assert alice.get(PAGE, {"format": "xls"}).status_code == 400
    assert alice.get(PAGE, {"format": "csv", "q": "tag = dp"}).status_code == 422


def test_a_filtered_and_sorted_list_costs_the_same_queries_however_long_it_is(client_of):
    counted = []
    for problems in (2, 60):
        made = factories.measured_study(f"with-{problems}", problems=problems, samples=1)
        client = client_of(factories.alice())
        asked = {"q": "solve_rate.1 >= 0 name ~ squares", "sort": "-solve_rate.1"}
        client.get(f"/studies/{made.study.slug}/problems/", asked)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/studies/{made.study.slug}/problems/", asked).status_code == 200
        counted.append(len(captured))
    assert counted[0] == counted[1] <= 25


def test_a_share_link_shows_the_filter_that_it_was_made_with_and_no_other(client_of, measured):
    follower = factories.reader(measured.study, view="problems", query="q=tags+%3D+dp")
    page = follower.get(PAGE, {"q": "tags = dp"})
    assert shown(page) == names(0, 1)
    assert "<code>tags = dp</code>" in page.content.decode()
    assert "data-suggestions" not in page.content.decode()
    assert follower.get(PAGE, {"q": "tags = x"}).status_code == 404
