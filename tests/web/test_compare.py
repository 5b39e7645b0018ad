"""Two evaluations side by side: rates and tests equal plain numpy and the samples; rights; what is refused."""

import factories
import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compute.stats.flips import fisher_exact
from frontier_app.models import Evaluation, Problem, Rollup, Sample
from frontier_app.numbers.placement import select
from frontier_app.numbers.two_evaluations import compare, side_by_side, sides, sorted_rows

pytestmark = pytest.mark.django_db
ADDRESS = "/studies/miniature/compare/"


@pytest.fixture
def measured():
    return factories.measured_study(problems=6, samples=8, alphas=(0.0, 1.0))


def found_in(measured, difficulty="", sort="change", **query):
    a, b = measured.evaluations
    return compare(measured.study, a, b, select(measured.study, query), difficulty, sort)


def rates(evaluation, failure_class):
    problems = Problem.objects.filter(problem_set=evaluation.problem_set).order_by("position")
    samples = [list(evaluation.samples.filter(problem=one).values_list("failure_class", flat=True)) for one in problems]
    return np.array([found.count(failure_class) / len(found) for found in samples])


def test_rates_and_differences_are_means_over_problems(measured):
    found = found_in(measured)
    for row, letter in zip(found.rates, "SOCN", strict=True):
        a, b = (rates(one, letter) for one in measured.evaluations)
        assert row.a.rate == pytest.approx(a.mean())
        assert row.b.rate == pytest.approx(b.mean())
        assert row.change.rate == pytest.approx((b - a).mean())
        draws = np.random.default_rng(5).integers(0, 6, (4000, 6))
        low, high = np.quantile((b - a)[draws].mean(axis=1), [0.025, 0.975])
        assert row.change.half_width == pytest.approx((high - low) / 2, abs=0.04)
    assert found.n == (48, 48)


def test_every_problem_has_its_exact_test(measured):
    found = found_in(measured)
    for row in found.problems:
        solved = [
            Sample.objects.filter(evaluation=one, problem__slug=row.slug, failure_class="S").count()
            for one in measured.evaluations
        ]
        assert [row.a.solved, row.b.solved] == solved
        assert row.p == pytest.approx(float(fisher_exact(solved[0], 8, solved[1], 8)))
        assert row.change == pytest.approx((solved[1] - solved[0]) / 8)
    assert found.won == sum(row.b.solved > 4 >= row.a.solved for row in found.problems)
    changes = [abs(row.change) for row in found.problems]
    assert changes == sorted(changes, reverse=True)


def test_only_problems_that_both_have_judged_count(measured):
    a, b = measured.evaluations
    solved = np.flatnonzero(rates(a, "S"))
    first = Problem.objects.get(problem_set=measured.study.held_out_set, position=solved[0])
    Rollup.objects.filter(evaluation=b, problem=first).update(
        n=0, solved=0, optimisation=0, correctness=0, no_answer=0, infrastructure=8
    )
    found = found_in(measured)
    assert found.both == 5
    assert found.n == (40, 40)
    assert found.problems[-1].slug == first.slug
    assert found.problems[-1].change is None
    assert found.rates[0].a.rate == pytest.approx(np.delete(rates(a, "S"), first.position).mean())


def test_a_difficulty_and_an_order_are_kept_to(measured):
    assert {row.difficulty for row in found_in(measured, "hard").problems} == {"hard"}
    rows = found_in(measured).problems
    assert [row.change for row in sorted_rows(rows, "gained")] == sorted((row.change for row in rows), reverse=True)
    assert [row.change for row in sorted_rows(rows, "lost")] == sorted(row.change for row in rows)
    assert [row.slug for row in sorted_rows(rows, "name")] == sorted(row.slug for row in rows)


def test_the_programs_of_a_problem_stand_side_by_side(measured):
    problem = Problem.objects.get(problem_set=measured.study.held_out_set, position=2)
    left, right = sides(problem, measured.evaluations)
    for side, evaluation in ((left, measured.evaluations[0]), (right, measured.evaluations[1])):
        written = list(evaluation.samples.filter(problem=problem).values_list("program_id", flat=True))
        assert side.count == max(written.count(one) for one in set(written))
        assert side.n == 8


def test_equal_lines_stand_beside_each_other():
    lines = side_by_side("a\nb\nc\n", "a\nx\ny\nc\nd\n")
    assert lines == [("a", "a", True), ("b", "x", False), (None, "y", False), ("c", "c", True), (None, "d", False)]
    assert side_by_side("", "") == []


def page(client, measured, status=200, **query):
    a, b = measured.evaluations
    response = client.get(ADDRESS, {"a": a.reference, "b": b.reference, **query})
    assert response.status_code == status
    return response


def test_the_page_shows_rates_problems_and_programs(client_of, measured):
    shown = page(client_of(factories.vera()), measured, problem="002-squares").content.decode()
    for words in ("exact McNemar p", "002-squares", "What they write for", "b − a"):
        assert words in shown
    assert "print(" in shown


def test_the_page_without_two_evaluations_says_what_to_choose(client_of, measured):
    assert "Choose two evaluations" in client_of(factories.alice()).get(ADDRESS).content.decode()


def test_of_many_evaluations_a_filter_brings_in_others_and_the_chosen_stay(client_of, measured, monkeypatch):
    monkeypatch.setattr("frontier_app.views.comparing.OFFERED", 1)
    a, b = measured.evaluations
    client = client_of(factories.alice())
    assert [one.pk for one in page(client, measured).context["offered"]] == [b.pk, a.pk]
    found = client.get(ADDRESS, {"a": a.reference, "q": "alpha = 1"})
    assert [one.pk for one in found.context["offered"]] == [a.pk, b.pk]
    assert "data-filter-box" in found.content.decode()
    refused = client.get(ADDRESS, {"a": a.reference, "q": "alhpa = 1"})
    assert refused.status_code == 422
    assert "alhpa" in refused.context["filter_error"].message


@pytest.mark.parametrize("query", [{"sort": "x"}, {"level": "99"}, {"difficulty": "huge"}, {"rule": "x"}])
def test_what_means_nothing_is_refused_in_one_sentence(client_of, measured, query):
    assert 'role="alert"' in page(client_of(factories.alice()), measured, 400, **query).content.decode()


def test_evaluations_on_other_problems_are_not_compared(client_of, measured):
    Evaluation.objects.filter(pk=measured.evaluations[1].pk).update(problem_set=measured.study.train_set)
    page(client_of(factories.alice()), measured, 400)


def test_strangers_and_other_studies_are_not_found(client_of, measured):
    page(client_of(factories.charlie()), measured, 404)
    other = factories.measured_study(slug="other", problems=1, samples=1, alphas=(0.0,))
    reference = other.evaluations[0].reference
    assert client_of(factories.alice()).get(ADDRESS, {"a": reference}).status_code == 404


def test_more_problems_cost_no_more_queries(client_of):
    client = client_of(factories.alice())

    def queries(slug, problems):
        made = factories.measured_study(slug=slug, problems=problems, samples=1, alphas=(0.0, 1.0))
        a, b = (one.reference for one in made.evaluations)
        with CaptureQueriesContext(connection) as seen:
            client.get(f"/studies/{slug}/compare/?a={a}&b={b}")
        return len(seen)

    queries("warm", 1)
    assert queries("few", 2) == queries("many", 30)


def test_the_problems_come_as_a_file(client_of, measured):
    lines = page(client_of(factories.vera()), measured, format="csv").content.decode().splitlines()
    assert len(lines) == 7
    assert lines[1].split(",")[0] == found_in(measured).problems[0].slug


def test_a_share_link_compares_without_programs_unless_it_allows_them(measured):
    a, b = (one.reference for one in measured.evaluations)
    query = f"a={a}&b={b}"
    for allowed in (False, True):
        reader = factories.reader(measured.study, "compare", query, allow_programs=allowed)
        shown = reader.get(f"{ADDRESS}?{query}&problem=002-squares").content.decode()
        assert "exact McNemar p" in shown
        assert ("print(" in shown) == allowed
        assert ("#programs" in shown) == allowed
