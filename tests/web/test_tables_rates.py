"""The stored rates of evaluations follow their rollups, batch after batch."""

import factories
import numpy as np
import pytest

from compute.stats.bootstrap import cluster_bootstrap
from compute.stats.rates import CLASSES
from frontier_app.models import Evaluation, EvaluationRate, Rollup

pytestmark = pytest.mark.django_db
RATES = ("solve_rate", "optimisation_failure_rate", "correctness_failure_rate", "no_answer_rate")


def expected(evaluation: Evaluation, difficulty: str) -> np.ndarray:
    """The means that the explorer shows, from the rollups by another way."""
    rows = Rollup.objects.filter(
        evaluation=evaluation, level=evaluation.problem_set.levels, problem__difficulty=difficulty
    )
    table = np.array(rows.values_list(*CLASSES, "n"))
    return cluster_bootstrap(table[:, :-1], table[:, -1]).mean


def test_every_difficulty_has_the_rates_of_the_explorer() -> None:
    measured = factories.measured_study(problems=8, samples=3, alphas=(0.0, 0.5, 1.0))

    stored = EvaluationRate.objects.filter(evaluation__in=measured.evaluations)

    assert stored.count() == 9
    for row in stored.select_related("evaluation__problem_set"):
        found = [getattr(row, name) for name in RATES]
        np.testing.assert_allclose(found, expected(row.evaluation, row.difficulty), rtol=1e-12)
        assert row.mean_tokens >= 20


def test_a_second_batch_brings_the_rates_up_to_date() -> None:
    study = factories.study(problems=8)
    evaluation = factories.planned_evaluation(study, study.base, samples=4)
    job = factories.hold(evaluation.job)
    problems = list(study.held_out_set.problems.filter(difficulty="hard"))

    def judge(*chosen) -> EvaluationRate:
        factories.tell(job, *(factories.sample_event(evaluation, one.slug, len(one.tests), 4) for one in chosen))
        return EvaluationRate.objects.get(evaluation=evaluation, difficulty="hard")

    first = judge(problems[0])
    second = judge(*problems[1:])

    assert (first.problems, first.n) == (1, 4)
    assert (second.problems, second.n) == (4, 16)
    assert second.solve_rate == pytest.approx(expected(evaluation, "hard")[0])
