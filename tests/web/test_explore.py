"""The Frontiers page: figures equal plain numpy on the rows, choices are understood, bad addresses are told."""

import json
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import DjangoDbBlocker

from compute.stats.bootstrap import REPLICATES
from frontier_app.figures.exploration import log_ticks
from frontier_app.figures.exploration_traces import alphas_within
from frontier_app.filters import FilterError
from frontier_app.models import Checkpoint, Evaluation, Path, ProblemSet, Rollup, Study
from frontier_app.numbers.exploration import choice as exploration_choice
from frontier_app.numbers.exploration.choice import MEASURES, choose, read_address
from frontier_app.numbers.exploration.page import explore
from frontier_app.numbers.exploration.panels import exploration_data
from frontier_app.numbers.placement import SelectionError
from tests import factories

pytestmark = pytest.mark.django_db
ALPHAS = (-0.5, 0.0, 0.25, 0.5, 1.0, 1.5)
CLASSES = ("solved", "optimisation", "correctness", "no_answer")


@pytest.fixture(scope="module")
def measured(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[factories.Measured]:
    """Two paths from one low end, and evaluations in another setting; undone with the module."""
    with django_db_blocker.unblock(), transaction.atomic():
        made = factories.measured_study(problems=16, samples=6, alphas=ALPHAS)
        study = made.study
        factories.trained_run(study, "higher", 0.8)
        other = Path.objects.create(
            study=study, name="low → higher", low=made.path.low, high=study.checkpoints.get(name="higher")
        )
        for alpha in (0.5, 1.0):
            factories.measure(study, factories.point_on(other, alpha), 6, alpha=alpha, path=other, seed=3)
        agentic = factories.measure(study, made.path.high, 6, alpha=1.0, path=made.path, seed=5)
        Evaluation.objects.filter(pk=agentic.pk).update(setting="agentic")
        rng = np.random.default_rng(7)
        for rollup in Rollup.objects.filter(evaluation__study=study):
            rollup.cpu_seconds_sum = float(rng.random() * rollup.n)
            rollup.memory_bytes_sum = int(rng.integers(1, 1 << 30))
            rollup.save(update_fields=["cpu_seconds_sum", "memory_bytes_sum"])
        yield made
        transaction.set_rollback(True)


def data_of(study: Study, may_launch: bool = True, **query: str) -> dict:
    """What the page gets, through JSON and back."""
    asked = read_address(study, query)
    explored = explore(study, asked, choose(study, asked))
    return json.loads(json.dumps(exploration_data(study, explored, may_launch), allow_nan=False))


def rows_of(data: dict) -> dict[str, dict]:
    """By reference of the evaluation, of a page with one panel."""
    (panel,) = data["panels"]
    return {row["reference"]: row for row in panel["rows"]}


def traces(data: dict, **meta: object) -> list[dict]:
    (panel,) = data["panels"]
    return [one for one in panel["figure"]["data"] if meta.items() <= one.get("meta", {}).items()]


def by_hand(row: Rollup, measure: str, rule: str, k: int) -> float:
    """One problem's own figure, from one row, without any of the product's statistics."""
    if not row.n:
        return float("nan")
    first = rule == "first_failure"
    if measure == "pass_at_k":
        if row.n < k:
            return float("nan")
        miss = 1.0
        for drawn in range(k):
            miss *= max(row.n - row.solved - drawn, 0) / (row.n - drawn)
        return 1 - miss
    found = {
        "solved": row.solved,
        "optimisation": row.first_optimisation if first else row.optimisation,
        "correctness": row.first_correctness if first else row.correctness,
        "no_answer": row.no_answer,
        "cpu_seconds": row.cpu_seconds_sum,
        "tokens": row.tokens_sum,
        "memory": row.memory_bytes_sum / 2**20,
    }
    return float(found[measure]) / row.n


@lru_cache
def draws(problems: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, problems, size=(REPLICATES, problems))


def resampled(values: np.ndarray) -> tuple[float, float]:
    """The mean over problems and half of its percentile interval, problem by problem drawn again."""
    drawn = draws(len(values))
    low, high = np.nanquantile(np.nanmean(values[drawn], axis=1), [0.025, 0.975])
    return float(np.nanmean(values)), float(high - low) / 2


@settings(max_examples=8, deadline=None)
@given(
    x=st.sampled_from(sorted(MEASURES)),
    y=st.sampled_from(sorted(MEASURES)),
    difficulty=st.sampled_from(["easy", "medium", "hard", "all"]),
    level=st.integers(1, 5),
    rule=st.sampled_from(["every_test", "first_failure"]),
    k=st.integers(1, 8),
    text=st.sampled_from(["", "alpha >= 0.5", "origin = merged and not alpha = 0.25", "checkpoint ~ high"]),
)
def test_every_figure_is_the_one_that_plain_numpy_finds_at_any_filter(
    measured: factories.Measured, x: str, y: str, difficulty: str, level: int, rule: str, k: int, text: str
) -> None:
    query = {"x": x, "y": y, "difficulty": difficulty, "level": str(level), "rule": rule, "k": str(k), "q": text}
    data = data_of(measured.study, **query)
    baseline = (
        next((row for row in rows_of(data).values() if row["checkpoint"] == data["baseline"]["reference"]), None)
        if data["baseline"]
        else None
    )
    columns = list(measured.study.held_out_set.problems.order_by("position"))
    columns = [one.pk for one in columns if difficulty in ("all", one.difficulty)]

    judged = Rollup.objects.filter(evaluation__study=measured.study, level=level).select_related("evaluation")
    found = {(one.evaluation.reference, one.problem_id): one for one in judged}

    def values_of(reference: str, measure: str) -> np.ndarray:
        own = [found.get((reference, pk)) for pk in columns]
        return np.array([by_hand(one, measure, rule, k) if one else np.nan for one in own])

    for reference, row in rows_of(data).items():
        shown = {name: row["rates"][name] for name in CLASSES} | {x: row["x"], y: row["y"]}
        for measure, pair in shown.items():
            values = values_of(reference, measure)
            if np.isnan(values).all():
                assert pair == [None, None]
                continue
            assert pair == pytest.approx(resampled(values), abs=1e-5, rel=1e-5)
            if baseline is not None:
                mean, low, high = row["deltas"][measure]
                moved = values - values_of(baseline["reference"], measure)
                assert mean == pytest.approx(np.nanmean(moved), abs=1e-5, rel=1e-5)
                written = 1e-5 * max(1, abs(low), abs(high))  # six digits of either end
                assert (high - low) / 2 == pytest.approx(resampled(moved)[1], abs=written)
    total = Rollup.objects.filter(evaluation__reference__in=rows_of(data), level=level, problem__in=columns)
    assert sum(row["n"] for row in rows_of(data).values()) == (total.aggregate(n=Sum("n"))["n"] or 0)


def test_the_filter_chooses_the_points_in_the_language_of_the_tables(measured: factories.Measured) -> None:
    rows = rows_of(data_of(measured.study, q='alpha >= 1 and path = "low → high"'))
    assert sorted(row["alpha"] for row in rows.values()) == [1.0, 1.5]
    assert all(row["setting"] == "reasoning" for row in rows.values())


def test_a_checkpoint_measured_twice_has_one_point_the_one_with_most_samples(measured: factories.Measured) -> None:
    again = factories.measure(measured.study, measured.path.low, 2, alpha=0.0, path=measured.path, seed=9)
    rows = rows_of(data_of(measured.study))
    assert again.reference not in rows
    assert sum(row["checkpoint"] == measured.path.low.reference for row in rows.values()) == 1


def test_paths_join_their_points_in_order_of_alpha_and_wide_gaps_are_dashed(measured: factories.Measured) -> None:
    data = data_of(measured.study, path=str(measured.path.pk), origin="")
    rows = {row["alpha"]: row for row in rows_of(data).values() if row["alpha"] is not None}
    assert sorted(rows) == list(ALPHAS)
    joined = {kind: set() for kind in ("measured", "estimated")}
    for kind, found in joined.items():
        for trace in traces(data, steps=kind):
            pairs = list(zip(trace["x"], trace["y"], strict=True))
            found |= {(pairs[at], pairs[at + 1]) for at in range(0, len(pairs), 3)}
    place = {alpha: (rows[alpha]["x"][0], rows[alpha]["y"][0]) for alpha in ALPHAS}
    expected = list(pairwise(ALPHAS))
    assert sum(map(len, joined.values())) == len(expected)
    for left, right in expected:
        # The usual step is 0.5, so that no step here is wider than one and a half of it.
        assert any(
            np.allclose(one, place[left], atol=1e-4) and np.allclose(other, place[right], atol=1e-4)
            for one, other in joined["measured"]
        )


def test_a_planned_alpha_makes_the_step_over_it_an_estimate(measured: factories.Measured) -> None:
    study, path = measured.study, measured.path
    factories.planned_evaluation(study, factories.point_on(path, 0.75), 6, alpha=0.75, path=path)
    data = data_of(study, path=str(path.pk))
    dashed = traces(data, steps="estimated")
    assert [trace["line"]["dash"] for trace in dashed] == ["dash"]
    planned = next(row for row in rows_of(data).values() if row["alpha"] == 0.75)
    assert (planned["rates"], planned["state"], planned["n"]) == (None, "planned", 0)


def test_a_click_between_two_points_finds_the_ends_and_the_alpha_of_a_sweep(measured: factories.Measured) -> None:
    (gaps,) = traces(data_of(measured.study, path=str(measured.path.pk)), gaps=True)
    between = [one for one in gaps["customdata"] if 0.5 < float(one["alphas"]) < 1]
    assert {(one["low"], one["high"]) for one in between} == {
        (measured.path.low.reference, measured.path.high.reference)
    }
    assert [one["alphas"] for one in between] == ["0.55", "0.6", "0.65", "0.7", "0.75", "0.8", "0.85", "0.9", "0.95"]
    assert not traces(data_of(measured.study, may_launch=False), gaps=True)
    assert {one["setting"] for one in between} == {"reasoning"}


def test_the_launch_form_takes_what_a_click_on_a_gap_says(measured: factories.Measured, client_of) -> None:
    (gaps,) = traces(data_of(measured.study, path=str(measured.path.pk)), gaps=True)
    client = client_of(factories.bob())
    page = client.get(reverse("launch", args=[measured.study.slug, "sweep"]), gaps["customdata"][0]).context["form"]
    wanted = gaps["customdata"][0]
    assert (page["low"].value(), page["high"].value(), page["alphas"].value()) == (
        wanted["low"],
        wanted["high"],
        wanted["alphas"],
    )


def test_dominance_names_a_point_that_is_better_on_both_axes(measured: factories.Measured) -> None:
    rows = {row["key"]: row for row in rows_of(data_of(measured.study)).values()}
    told = [row for row in rows.values() if row["standing"]["by"]]
    assert told
    for row in told:
        better = rows[row["standing"]["by"]]
        assert better["x"][0] < row["x"][0]
        assert better["y"][0] < row["y"][0]
        assert (row["standing"]["words"] == "dominated") == (min(row["standing"]["lead_low"]) > 0)


def test_where_more_is_better_the_direction_of_dominance_turns(measured: factories.Measured) -> None:
    rows = {row["key"]: row for row in rows_of(data_of(measured.study, x="solved", y="tokens")).values()}
    for row in rows.values():
        if by := row["standing"]["by"]:
            assert rows[by]["x"][0] > row["x"][0]
            assert rows[by]["y"][0] < row["y"][0]


def test_points_past_the_ends_extend_stay_or_collapse(measured: factories.Measured) -> None:
    rows = rows_of(data_of(measured.study, path=str(measured.path.pk)))
    said = {row["alpha"]: row["beyond"] for row in rows.values() if row["beyond"]}
    assert set(said) == {-0.5, 1.5}
    assert set(said.values()) <= {"extends", "stays", "collapses"}


def test_panels_by_difficulty_hold_every_checkpoint_on_their_own_problems(measured: factories.Measured) -> None:
    data = data_of(measured.study, by="difficulty")
    assert [panel["title"] for panel in data["panels"]] == ["easy", "medium", "hard"]
    for panel in data["panels"]:
        alone = rows_of(data_of(measured.study, difficulty=panel["title"]))
        assert {row["reference"]: row["rates"] for row in panel["rows"]} == {
            reference: row["rates"] for reference, row in alone.items()
        }
    ranges = {json.dumps(panel["figure"]["layout"]["xaxis"]["range"]) for panel in data["panels"]}
    assert len(ranges) == 1


def test_panels_by_setting_path_and_scale_divide_the_points(measured: factories.Measured) -> None:
    by_setting = data_of(measured.study, by="setting")["panels"]
    assert [(panel["title"], len(panel["rows"])) for panel in by_setting] == [("reasoning", 9), ("agentic", 1)]
    by_path = data_of(measured.study, by="path")["panels"]
    assert {panel["title"]: len(panel["rows"]) for panel in by_path} == {
        "low → high": 6,
        "low → higher": 3,
        "on no path": 1,
    }
    (scale,) = data_of(measured.study, by="scale")["panels"]
    assert (scale["title"], len(scale["rows"])) == ("base", 9)


def test_each_base_is_a_scale_with_what_was_trained_and_merged_from_it(measured: factories.Measured) -> None:
    study = measured.study
    large = factories.checkpoint(study, "large", origin=Checkpoint.BASE)
    ends = [factories.checkpoint(study, name, parent=large, coverage=c) for name, c in (("l", 0.4), ("h", 1.0))]
    path = Path.objects.create(study=study, name="l → h", low=ends[0], high=ends[1])
    for alpha in (0.0, 0.5):
        factories.measure(study, factories.point_on(path, alpha), 2, alpha=alpha, path=path)
    panels = data_of(study, by="scale")["panels"]
    assert {panel["title"]: len(panel["rows"]) for panel in panels} == {"base": 9, "large": 2}


def test_the_triangle_holds_shares_of_the_answers_with_a_program(measured: factories.Measured) -> None:
    data = data_of(measured.study, form="ternary", difficulty="all")
    (found,) = traces(data, marks=True)
    rows = {row["key"]: row for row in rows_of(data).values()}
    for key, solved, wrong, slow in zip(found["customdata"], found["a"], found["b"], found["c"], strict=True):
        rates = {name: pair[0] for name, pair in rows[key]["rates"].items()}
        with_program = 1 - rates["no_answer"]
        expected = [rates[name] / with_program for name in ("solved", "correctness", "optimisation")]
        assert [solved, wrong, slow] == pytest.approx(expected, abs=2e-4)
    halos = [one for one in data["panels"][0]["figure"]["data"] if one.get("marker", {}).get("color") == "token(none)"]
    assert len(halos) == 1


def test_a_logarithmic_axis_says_what_it_cannot_show(measured: factories.Measured) -> None:
    Rollup.objects.filter(evaluation=measured.evaluations[-1]).update(optimisation=0)
    data = data_of(measured.study, logx="1")
    assert data["drawn"] == data["measured"] - 1
    assert data["notes"] == [
        "1 measured point is not drawn: a logarithmic axis has no place for 0. Switch the scale to see them."
    ]
    assert data["panels"][0]["figure"]["layout"]["xaxis"]["type"] == "log"
    low, high = data["panels"][0]["figure"]["layout"]["xaxis"]["range"]
    (found,) = traces(data, marks=True)
    assert all(10**low < value < 10**high for value in found["x"])


def test_a_budget_beyond_the_samples_is_told_and_never_drawn_as_zero(measured: factories.Measured) -> None:
    data = data_of(measured.study, x="pass_at_k", k="7")
    assert data["drawn"] == 0
    assert "pass@7 needs 7 samples" in data["notes"][0]
    assert all(row["x"] == [None, None] for row in rows_of(data).values())


def test_of_more_points_than_a_plot_can_hold_the_newest_are_drawn_and_the_page_says_how_to_narrow(
    measured: factories.Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exploration_choice, "MOST_POINTS", 4)
    data = data_of(measured.study)
    assert (data["total"], data["shown"]) == (9, 4)
    newest = Evaluation.objects.filter(study=measured.study, setting="reasoning").order_by("-pk")[:4]
    assert set(rows_of(data)) == {one.reference for one in newest}
    assert "9 points match; these are the newest 4. Narrow the set" in data["notes"][0]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"x": "elegance"}, "x axis must be one of"),
        ({"y": "elegance"}, "y axis must be one of"),
        ({"k": "0"}, "k must be a whole number"),
        ({"k": "²"}, "k must be a whole number"),
        ({"k": "99999999999"}, "k must be a whole number"),
        ({"level": "6"}, "coverage level must be a whole number from 1 to 5"),
        ({"difficulty": "absurd"}, "difficulty must be one of"),
        ({"rule": "coin"}, "rule must be one of"),
        ({"form": "cube"}, "form must be one of"),
        ({"by": "colour"}, "panels must be one of"),
        ({"origin": "heaven"}, "origin must be one of"),
        ({"path": "999999"}, "no path '999999'"),
        ({"path": "x"}, "no path 'x'"),
        ({"path": "9" * 30}, "no path"),
        ({"set": "nothing"}, "problem set 'nothing'"),
    ],
)
def test_an_address_that_means_nothing_is_one_sentence(
    measured: factories.Measured, client_of, query: dict[str, str], said: str
) -> None:
    with pytest.raises(SelectionError, match=said):
        read_address(measured.study, query)
    answer = client_of(factories.alice()).get(reverse("explore_data", args=[measured.study.slug]), query)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert client_of(factories.alice()).get(reverse("explore", args=[measured.study.slug]), query).status_code == 200


def test_a_mistake_in_the_filter_comes_with_a_caret_under_it(measured: factories.Measured, client_of) -> None:
    answer = client_of(factories.alice()).get(reverse("explore_data", args=[measured.study.slug]), {"q": "alpha >> 1"})
    assert answer.status_code == 400
    text, caret = answer.json()["caret"].split("\n")
    assert text == "alpha >> 1"
    assert caret.strip("^ ") == ""
    with pytest.raises(FilterError):
        choose(measured.study, read_address(measured.study, {"q": "alpha >> 1"}))


def test_members_see_the_page_and_its_data_and_strangers_neither(measured: factories.Measured, client_of) -> None:
    for view in ("explore", "explore_data"):
        address = reverse(view, args=[measured.study.slug])
        for person in (factories.alice(), factories.bob(), factories.vera()):
            assert client_of(person).get(address).status_code == 200
        assert client_of(factories.charlie()).get(address).status_code == 404
        assert client_of(None).get(address).status_code in (302, 403)
        assert client_of(factories.alice()).post(address).status_code == 405


def test_a_viewer_gets_no_gap_to_launch_on(measured: factories.Measured, client_of) -> None:
    address = reverse("explore_data", args=[measured.study.slug])
    for person, offered in ((factories.bob(), True), (factories.vera(), False)):
        assert ("click to measure" in client_of(person).get(address).content.decode()) is offered


def test_unchanged_data_is_not_sent_again_and_new_samples_are(measured: factories.Measured, client_of) -> None:
    client, address = client_of(factories.alice()), reverse("explore_data", args=[measured.study.slug])
    tag = client.get(address).headers["ETag"]
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 304
    assert client.get(address, {"x": "tokens"}, headers={"If-None-Match": tag}).status_code == 200
    factories.measure(measured.study, factories.point_on(measured.path, 0.75), 2, alpha=0.75, path=measured.path)
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("by", ["", "difficulty", "scale", "path"])
def test_twice_the_points_cost_the_same_number_of_queries(measured: factories.Measured, client_of, by: str) -> None:
    client, address = client_of(factories.alice()), reverse("explore_data", args=[measured.study.slug])
    client.get(address, {"by": by})
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(address, {"by": by, "q": "alpha = 0 or alpha = 1"})
    with CaptureQueriesContext(connection) as many:
        client.get(address, {"by": by, "q": "alpha > -9"})
    assert len(many) == len(few)


def test_a_study_without_points_or_problems_has_an_empty_page(client_of) -> None:
    study = factories.empty_study("bare")
    for held_out in (study.held_out_set, None):
        study.held_out_set = held_out
        study.save(update_fields=["held_out_set"])
        client = client_of(factories.alice())
        assert b"No point is measured yet" in client.get(reverse("explore", args=["bare"])).content
        data = client.get(reverse("explore_data", args=["bare"])).json()
        assert (data["total"], data["measured"], data["baseline"]) == (0, 0, None)


def test_another_problem_set_has_its_own_points_and_difficulties(measured: factories.Measured) -> None:
    study = measured.study
    other = ProblemSet.objects.create(reference="elsewhere", title="Elsewhere")
    held_out, study.held_out_set = study.held_out_set, other
    study.save(update_fields=["held_out_set"])
    factories.write_problems(study, 5)
    study.refresh_from_db()
    made = factories.measure(study, measured.path.low, 3, alpha=0.0, path=measured.path)
    study.held_out_set = held_out
    study.save(update_fields=["held_out_set"])
    assert made.reference not in rows_of(data_of(study))
    elsewhere = data_of(study, set="elsewhere", difficulty="easy")
    assert set(rows_of(elsewhere)) == {made.reference}
    assert not traces(elsewhere, gaps=True)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1, 1000, [1, 3, 10, 30, 100, 300, 1000]),
        (1, 30, [1, 2, 5, 10, 20]),
        (280, 450, [300, 350, 400, 450]),
        (0.29, 0.9, [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
    ],
)
def test_a_logarithmic_axis_has_round_ticks_at_any_width(low: float, high: float, expected: list[float]) -> None:
    assert log_ticks((np.log10(low) - 1e-9, np.log10(high) + 1e-9), 8) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"), [(0, 0.05, 9, 4), (0, 0.5, 9, 9), (0, 1, 2, 1), (0, 3, 9, 1)]
)
def test_a_gap_offers_round_alphas_strictly_within_it(low: float, high: float, most: int, expected: int) -> None:
    found = alphas_within(low, high, most)
    assert len(found) == expected
    assert all(low < alpha < high for alpha in found)
