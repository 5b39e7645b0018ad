"""Every point against a baseline: the tests, their adjustment, and which checkpoints may be the baseline."""

import json
from math import comb

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compute.stats.bootstrap import REPLICATES, resampling_weights
from compute.stats.flips import fisher_exact
from compute.stats.rates import CLASSES, FailureCounts
from frontier_app.models import Evaluation, Study
from frontier_app.numbers.against_baseline import against_baseline
from frontier_app.numbers.collapse import SIGNS
from frontier_app.numbers.explorer import explorer_data
from frontier_app.numbers.placement import Cells, ProblemColumn, select
from frontier_app.viewer import Viewer
from tests import factories

PROBLEMS = 9


def adjusted(p_values: list[float | None]) -> list[float | None]:
    """Benjamini and Hochberg, one value after the other."""
    tests = sorted(p for p in p_values if p is not None)
    ranked = {p: min(tests[j] * len(tests) / (j + 1) for j in range(i, len(tests))) for i, p in enumerate(tests)}
    smallest = {p: min(1.0, min(q for other, q in ranked.items() if other >= p)) for p in ranked}
    return [None if p is None else smallest[p] for p in p_values]


def cells_of(tables: np.ndarray) -> Cells:
    """Counts (evaluations, problems, 4) by class."""
    nothing = np.zeros(tables.shape[:2], dtype=np.int64)
    solved, slow, wrong, none = np.moveaxis(tables, -1, 0)
    counts = FailureCounts(tables.sum(axis=-1), solved, slow, wrong, none, nothing, nothing, nothing)
    return Cells([ProblemColumn(i, f"p{i}", "", "hard") for i in range(tables.shape[1])], counts, "every_test")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.floats(0.0, 0.6))
def test_comparisons_are_those_of_an_oracle_that_counts_one_by_one(seed: int, evaluations: int, empty: float) -> None:
    rng = np.random.default_rng(seed)
    tables = rng.multinomial(6, rng.dirichlet(np.ones(4), size=(evaluations, PROBLEMS)))
    tables[rng.random((evaluations, PROBLEMS)) < empty] = 0
    baseline = int(rng.integers(evaluations))
    found = against_baseline(cells_of(tables), baseline)
    drawn = resampling_weights(PROBLEMS)
    n = tables.sum(axis=-1)
    mcnemar: list[float | None] = []
    bootstrap: list[list[float | None]] = []
    for index in range(evaluations):
        shared = [p for p in range(PROBLEMS) if n[index, p] and n[baseline, p]]
        before = {p for p in shared if tables[baseline, p, 0] / n[baseline, p] > 0.5}
        after = {p for p in shared if tables[index, p, 0] / n[index, p] > 0.5}
        won, lost = len(after - before), len(before - after)
        if index != baseline:
            flips = found[index]["flips"]
            assert (flips["won"], flips["lost"], flips["unchanged"]) == (won, lost, len(shared) - won - lost)
        tail = sum(comb(won + lost, k) for k in range(max(won, lost), won + lost + 1)) / 2 ** (won + lost)
        mcnemar.append(min(1.0, 2 * tail) if shared and index != baseline else None)
        row: list[float | None] = []
        for place, name in enumerate(CLASSES):
            change = [
                tables[index, p, place] / n[index, p] - tables[baseline, p, place] / n[baseline, p] for p in shared
            ]
            mean = found[index]["deltas"][name][0]
            assert mean == (pytest.approx(np.mean(change), abs=1e-5) if shared else None)
            weights = drawn[:, shared]
            usable = weights.sum(axis=1) > 0
            means = (weights[usable] @ change) / weights[usable].sum(axis=1)
            sides = ((means <= 1e-12).sum() + 1, (means >= -1e-12).sum() + 1)
            row.append(min(1.0, 2 * min(sides) / (REPLICATES + 1)) if len(shared) > 1 and index != baseline else None)
        bootstrap.append(row)
    for place, name in enumerate(CLASSES):
        column = [row[place] for row in bootstrap]
        for index, (p, q) in enumerate(zip(column, adjusted(column), strict=True)):
            if index != baseline:
                assert found[index]["tests"][name] == [
                    None if p is None else pytest.approx(p, abs=1e-4),
                    None if q is None else pytest.approx(q, abs=1e-4),
                ]
    for index, (p, q) in enumerate(zip(mcnemar, adjusted(mcnemar), strict=True)):
        if index != baseline:
            assert found[index]["flips"]["p"] == (None if p is None else pytest.approx(p, abs=1e-4))
            assert found[index]["flips"]["q"] == (None if q is None else pytest.approx(q, abs=1e-4))
    assert found[baseline]["flips"] is None
    assert found[baseline]["tests"] is None


def test_the_q_of_a_problem_is_adjusted_over_the_problems_of_one_point() -> None:
    rng = np.random.default_rng(3)
    tables = rng.multinomial(12, rng.dirichlet(np.ones(4), size=(3, 20)))
    found = against_baseline(cells_of(tables), 0)
    for index in (1, 2):
        n = tables.sum(axis=-1)
        p = [float(fisher_exact(tables[0, i, 0], n[0, i], tables[index, i, 0], n[index, i])) for i in range(20)]
        assert found[index]["flips"]["problem_q"] == pytest.approx(adjusted(list(p)), abs=1e-4)


def data_of(study: Study, viewer: Viewer | None = None, **query: str) -> dict:
    found = explorer_data(study, select(study, query), viewer or Viewer(user=factories.alice()))
    return json.loads(json.dumps(found, allow_nan=False))


@pytest.mark.django_db
def test_any_checkpoint_evaluated_in_the_setting_may_be_the_baseline() -> None:
    measured = factories.measured_study(problems=8, samples=4)
    study = measured.study
    factories.trained_run(study, "mid", 0.7)
    other = study.paths.create(name="other", low=measured.path.low, high=study.checkpoints.get(name="mid"))
    merge = factories.point_on(other, 0.25)
    there = factories.measure(study, merge, alpha=0.25, path=other)
    plain = data_of(study)
    assert merge.reference not in {one["checkpoint"] for one in plain["evaluations"]}
    assert [merge.reference, merge.name] in plain["elsewhere"]
    found = data_of(study, baseline=merge.reference)
    baseline = found["evaluations"][found["baseline"]]
    assert (baseline["reference"], baseline["alpha"], baseline["label"]) == (there.reference, None, merge.name)
    assert found["evaluations"][0]["point"]["flips"]["unchanged"] >= 0
    assert data_of(study, Viewer(share_link=factories.link(study)))["elsewhere"] == []


@pytest.mark.django_db
def test_all_difficulties_are_one_view() -> None:
    measured = factories.measured_study(problems=8, samples=4)
    found = data_of(measured.study, difficulty="all")
    assert sorted(set(found["problems"]["difficulty"])) == ["easy", "hard", "medium"]
    parts = [data_of(measured.study, difficulty=name) for name in ("easy", "medium", "hard")]
    assert len(found["problems"]["slug"]) == sum(len(one["problems"]["slug"]) for one in parts) == 8
    means = [one["evaluations"][0]["point"]["rates"]["solved"][0] * len(one["problems"]["slug"]) for one in parts]
    assert found["evaluations"][0]["point"]["rates"]["solved"][0] == pytest.approx(sum(means) / 8, abs=1e-4)
    assert "audited" in found["conditions"][-1]["words"]


@pytest.mark.django_db
def test_signs_of_collapse_are_those_that_were_recorded() -> None:
    measured = factories.measured_study(problems=4, samples=2)
    kept = {"no_answer_rate": 0.02, "mean_tokens": 123.4567, "distance": None, "unheard": 1.0}
    Evaluation.objects.filter(pk=measured.evaluations[1].pk).update(alarms=kept)
    signs = data_of(measured.study)["evaluations"][1]["signs"]
    recorded = {"no_answer_rate": 0.02, "mean_tokens": 123.46}
    assert signs == dict.fromkeys(SIGNS) | recorded


@pytest.mark.django_db
def test_the_second_family_is_another_view_of_the_same_address(client_of) -> None:
    measured = factories.measured_study(problems=8, samples=4)
    study = measured.study
    factories.trained_run(study, "mid", 0.7)
    other = study.paths.create(name="other", low=measured.path.low, high=study.checkpoints.get(name="mid"))
    factories.measure(study, factories.point_on(other, 0.25), alpha=0.25, path=other)
    client = client_of(factories.alice())
    base = f"/studies/{study.slug}/explorer.json?difficulty=medium&with={other.pk}:reasoning"
    first, second = client.get(base).json(), client.get(base + "&family=second").json()
    assert [one["alpha"] for one in first["evaluations"]][:3] == [0.0, 0.5, 1.0]
    assert 0.25 in [one["alpha"] for one in second["evaluations"]]
    assert second["difficulty"] == "medium"
    page = client.get(f"/studies/{study.slug}/").content.decode()
    assert f'value="{other.pk}:reasoning"' in page


@pytest.mark.django_db
@pytest.mark.parametrize("named", ["", "7", ":tools", "0:reasoning", "x:", "9:9:9"])
def test_a_second_family_that_does_not_exist_is_refused_in_one_sentence(client_of, named: str) -> None:
    study = factories.study("bare")
    response = client_of(factories.alice()).get(f"/studies/{study.slug}/explorer.json?family=second&with={named}")
    assert response.status_code == 400
    assert response.json()["error"].endswith(".")
