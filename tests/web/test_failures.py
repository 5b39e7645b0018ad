"""The failures page: its cells, levels, tags and growth equal what the samples say; who sees it; what it refuses."""

import base64
from collections import Counter

import factories
import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from frontier_app.models import Problem, Rollup, Sample
from frontier_app.numbers.failures.page import Shown, first_failures, packed_counts, spread
from frontier_app.numbers.failures.strategies import Written, fit, fitted_tests
from frontier_app.numbers.placement import placed_evaluations, select

pytestmark = pytest.mark.django_db
ADDRESS = "/studies/miniature/failures/"
CLASSES = "SOCNI"


@pytest.fixture
def measured():
    made = factories.measured_study(problems=6, samples=5, alphas=(0.0, 0.5, 1.0, 1.5))
    for place, problem in enumerate(Problem.objects.filter(problem_set=made.study.held_out_set).order_by("position")):
        problem.tags = ["dp", "graphs"] if place % 2 else ["greedy"]
        problem.save()
    return made


def answer(client, name="grid", **query):
    response = client.get(f"{ADDRESS}{name}.json", query)
    assert response.status_code == 200, response.content
    return response.json()


def cells_of(data):
    raw = np.frombuffer(base64.b64decode(data["cells"]), dtype=f"<u{data['bytes']}")
    return raw.reshape(len(data["columns"]), len(data["problems"]["slug"]), len(CLASSES))


def test_every_cell_counts_the_samples_by_class(client_of, measured):
    data = answer(client_of(factories.alice()))
    cells = cells_of(data)
    assert [one["alpha"] for one in data["columns"]] == [0.0, 0.5, 1.0, 1.5, None]
    for column, one in enumerate(data["columns"]):
        for row, slug in enumerate(data["problems"]["slug"]):
            samples = Sample.objects.filter(evaluation__reference=one["reference"], problem__slug=slug)
            counted = Counter(samples.values_list("failure_class", flat=True))
            assert cells[column, row].tolist() == [counted[name] for name in CLASSES]


def test_the_first_failure_and_the_level_decide_where_asked(client_of, measured):
    data = answer(client_of(factories.alice()), rule="first_failure", level="2")
    total = cells_of(data)[0].sum(axis=0)
    rows = Rollup.objects.filter(evaluation=measured.evaluations[0], level=2)
    assert total[1] == sum(rows.values_list("first_optimisation", flat=True))
    assert total[2] == sum(rows.values_list("first_correctness", flat=True))


@pytest.mark.parametrize(("largest", "width"), [(0, 1), (255, 1), (256, 2), (65_536, 4)])
def test_counts_are_packed_in_as_few_bytes_as_hold_them(largest, width):
    counts = np.array([[[largest, 0, 1, 2, 3]]])
    found, packed = packed_counts(counts)
    assert found == width
    assert np.frombuffer(base64.b64decode(packed), dtype=f"<u{width}").tolist() == [largest, 0, 1, 2, 3]


def test_the_levels_at_which_answers_begin_to_fail_are_those_of_their_letters(client_of, measured):
    study = measured.study
    placed = placed_evaluations(study, measured.path, "reasoning")
    first = first_failures(study, placed, 5, Shown(select(study, {}), "", ""))
    problems = list(Problem.objects.filter(problem_set=study.held_out_set).order_by("position"))
    for index, one in enumerate(placed):
        for column, problem in enumerate(problems):
            expected = np.zeros((5, 3))
            samples = Sample.objects.filter(evaluation=one.evaluation, problem=problem)
            for letters in samples.values_list("letters", flat=True):
                place = next((place for place, letter in enumerate(letters) if letter != "A"), None)
                if place is not None:
                    expected[problem.test_groups[place] - 1, {"T": 0, "W": 1, "N": 2}[letters[place]]] += 1
            assert first.n[index, column] == len(samples)
            assert first.begins[index, :, :, column] == pytest.approx(expected / len(samples))
            assert first.solved[index, column] == pytest.approx(1 - expected.sum() / len(samples))


def test_a_checkpoint_that_is_not_measured_yet_is_not_left_out(client_of, measured):
    factories.planned_evaluation(
        measured.study, factories.point_on(measured.path, 0.25), alpha=0.25, path=measured.path
    )
    assert answer(client_of(factories.alice()), "levels")["note"] == ""


def test_what_is_solved_counts_no_answer_that_infrastructure_spoiled_later(measured):
    study = measured.study
    rollups = Rollup.objects.filter(evaluation=measured.evaluations[0], problem__position=0)
    rollups.update(n=4, solved=2, first_optimisation=2, first_correctness=0, no_answer=0)
    rollups.filter(level=5).update(n=2, solved=2, first_optimisation=0, infrastructure=2)
    placed = placed_evaluations(study, measured.path, "reasoning")
    assert first_failures(study, placed, 5, Shown(select(study, {}), "", "")).solved[0, 0] == 1.0


def test_the_figure_of_levels_has_a_table_and_a_size_for_each_level(client_of, measured):
    data = answer(client_of(factories.alice()), "levels", difficulty="hard")
    assert data["problems"] == 2
    assert len(data["figure"]["layout"]["xaxis"]["ticktext"]) == 5
    assert len(data["figure"]["data"]) == 2 * 5
    assert [len(row) for row in data["table"]] == [14] * 6
    assert data["figure"]["table"][1][2:4] == [1, 40]


def test_tags_and_difficulties_have_the_rates_of_their_problems(client_of, measured):
    data = answer(client_of(factories.alice()), "groups")
    names = [(one["kind"], one["name"]) for one in data["groups"]]
    assert names == [("difficulty", "easy"), ("difficulty", "medium"), ("difficulty", "hard"),
                     ("tag", "dp"), ("tag", "graphs"), ("tag", "greedy")]  # fmt: skip
    dp = data["groups"][3]["cells"][0]
    samples = Sample.objects.filter(evaluation=measured.evaluations[0], problem__tags__contains=["dp"])
    assert dp["n"] == samples.exclude(failure_class="I").count()
    assert dp["counts"][0] == samples.filter(failure_class="S").count()
    rates = [
        samples.filter(problem=one, failure_class="S").count() / 5
        for one in set(samples.values_list("problem", flat=True))
    ]
    assert dp["solved"][0] == pytest.approx(np.mean(rates), abs=1e-5)


def test_a_tag_and_a_difficulty_leave_the_other_problems_out(client_of, measured):
    groups = answer(client_of(factories.alice()), "groups", tag="dp", difficulty="hard")["groups"]
    assert {one["name"]: one["problems"] for one in groups} == {"hard": 1, "dp": 1, "graphs": 1}


def test_growth_groups_every_answer_of_the_problems_once(client_of, measured):
    data = answer(client_of(factories.alice()), "growth", growth="1.25")
    head, *rows = data["figure"]["table"]
    assert data["threshold"] == 1.25
    for alpha in (0.0, 0.5, 1.0, 1.5):
        mine = [row for row in rows if row[1] == alpha]
        assert sum(row[head.index("answers")] for row in mine) == mine[0][head.index("n")] == 30
        assert sum(row[head.index("share")] for row in mine) == pytest.approx(1, abs=1e-4)
    assert data["programs"]["drawn"] > 0
    assert "all 6 problems" in data["note"]


def test_a_fit_of_many_tests_is_one_of_forty_evenly_spread():
    problem = Problem(pk=1, tests=[{"size_bytes": 1000 * (place + 1)} for place in range(200)])
    fitted = fitted_tests(200)
    linear = {place: [(place + 1.0) * (1 if place in fitted else 50)] for place in range(200)}
    program = Written(times=linear, letters=Counter({"A" * 200: 1}))
    (drawn,) = fit([problem], {1: {"name": program}}, 1.5)[1]
    assert (len(fitted), fitted[0], fitted[-1]) == (40, 0, 199)
    assert drawn.exponent == pytest.approx(1)
    assert len(drawn.milliseconds) == 200
    assert fitted_tests(3).tolist() == [0, 1, 2]


def test_a_program_that_never_gets_slower_counts_as_slow_growing(client_of, measured):
    Sample.objects.filter(program__isnull=False).update(letters="A" * 10, test_milliseconds=[1] * 10)
    _, *rows = answer(client_of(factories.alice()), "growth")["figure"]["table"]
    assert sum(row[3] for row in rows if row[2] == "slow-growing") == Sample.objects.filter(
        program__isnull=False, evaluation__alpha__isnull=False).count()  # fmt: skip


def test_an_unmeasured_study_has_a_page_and_empty_figures(client_of):
    factories.study()
    client = client_of(factories.bob())
    assert client.get(ADDRESS).status_code == 200
    assert answer(client)["columns"] == []
    for name in ("levels", "groups", "growth"):
        answer(client, name)


def test_a_study_without_problems_has_a_page_too(client_of):
    factories.empty_study()
    client = client_of(factories.bob())
    assert client.get(ADDRESS).status_code == 200
    for name in ("grid", "levels", "groups", "growth"):
        answer(client, name)


@pytest.mark.parametrize("query", ["level=9", "path=77", "rule=x", "difficulty=huge", "level=x"])
def test_an_address_that_means_nothing_is_answered_in_one_sentence(client_of, measured, query):
    client = client_of(factories.alice())
    for name in ("grid", "levels", "growth", "groups"):
        response = client.get(f"{ADDRESS}{name}.json?{query}")
        assert response.status_code == 400
        assert response.json()["error"].endswith(".")
    assert client.get(f"{ADDRESS}growth.json?growth=7").status_code == 400
    assert client.get(f"{ADDRESS}other.json").status_code == 404


def test_strangers_see_nothing_and_viewers_everything(client_of, measured):
    for name in ("", "grid.json", "levels.json", "growth.json", "groups.json"):
        assert client_of(factories.charlie()).get(ADDRESS + name).status_code == 404
        assert client_of(factories.vera()).get(ADDRESS + name).status_code == 200
        assert client_of(None).get(ADDRESS + name).status_code in (302, 403)


def test_a_browser_that_has_the_cells_is_not_sent_them_again(client_of, measured):
    client = client_of(factories.alice())
    version = client.get(f"{ADDRESS}grid.json").headers["ETag"]
    assert client.get(f"{ADDRESS}grid.json", headers={"If-None-Match": version}).status_code == 304
    factories.measure(measured.study, factories.point_on(measured.path, 2.0), 2, alpha=2.0, path=measured.path)
    assert client.get(f"{ADDRESS}grid.json", headers={"If-None-Match": version}).status_code == 200


def test_more_evaluations_cost_no_more_queries(client_of, measured):
    client = client_of(factories.alice())

    def queries():
        found = []
        for name in ("", "grid.json", "levels.json", "growth.json", "groups.json"):
            with CaptureQueriesContext(
                connection,
            ) as seen:
                client.get(ADDRESS + name)
            found.append(len(seen))
        return found

    queries()
    before = queries()
    for alpha in (0.25, 0.75, 1.25):
        factories.measure(measured.study, factories.point_on(measured.path, alpha), 2, alpha=alpha, path=measured.path)
    assert queries() == before


def test_a_few_are_spread_over_many_with_both_ends():
    class One:
        def __init__(self, place):
            self.place, self.mark = place, "trained" if place in (10, 30) else "merged"

    chosen = [one.place for one in spread([One(place) for place in range(41)], 7)]
    assert len(chosen) == 7
    assert chosen == sorted(chosen)
    assert {0, 10, 30, 40} <= set(chosen)


def test_a_share_link_shows_the_grids_but_leads_to_no_samples_problems_or_members_pages(measured):
    reader = factories.reader(measured.study, "failures", allow_programs=True)
    page = reader.get(ADDRESS)
    assert page.status_code == 200
    assert page.context["config"]["samples"] is None
    assert page.context["config"]["problem"] is None
    for name in ("grid", "levels", "growth", "groups"):
        answer(reader, name)
    assert reader.get(f"{ADDRESS}samples/?evaluation={measured.evaluations[0].reference}").status_code == 404
    assert reader.post(f"{ADDRESS}inspect/").status_code in (403, 404)
    assert reader.get("/studies/miniature/compare/").status_code == 404


def test_a_link_to_another_view_does_not_show_the_failures(measured):
    reader = factories.reader(measured.study, "problems")
    for name in ("", "grid.json", "levels.json"):
        assert reader.get(ADDRESS + name).status_code == 404
