"""The stored rates of evaluations follow their rollups, batch after batch; tables show those on held-out problems."""

import factories
import numpy as np
import pytest

from compute.stats.bootstrap import cluster_bootstrap
from compute.stats.rates import CLASSES
from frontier_app.models import Evaluation, EvaluationRate, Rollup, Study

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


def rates_shown(client, address: str) -> list[tuple[str, object]]:
    """What each row, or group, shows in its first measured column, in order."""
    context = client.get(f"/studies/miniature/{address}").context
    if "groups" in context:
        return [(line.group.words, line.measures[0].reading) for line in context["groups"]]
    return [(line.name, line.row.rates and line.row.rates.rates["solved"]) for line in context["lines"]]


ADDRESSES = (
    "runs/?sort=solve_rate",
    "runs/?group=coverage&columns=solve_rate",
    "checkpoints/?sort=-solve_rate",
    "checkpoints/?group=origin",
    "checkpoints/?group=alpha&sort=solve_rate",
    "evaluations/?group=setting",
    "evaluations/?group=coverage&sort=-solve_rate&q=solve_rate.hard+>=+0",
)


def test_an_evaluation_on_other_problems_changes_no_rate_on_held_out_ones(client_of):
    measured = factories.measured_study(problems=8, samples=3, alphas=(0.0, 0.5, 1.0))
    alice = client_of(factories.alice())
    before = {address: rates_shown(alice, address) for address in ADDRESSES}

    for one in measured.evaluations:
        on_training_problems(measured.study, one)

    for address, rates in before.items():
        found = rates_shown(alice, address)
        assert [name for name, _ in found] == [name for name, _ in rates], address
        for (_, rate), (_, other) in zip(found, rates, strict=True):
            np.testing.assert_equal(rate, other)


def test_an_evaluation_on_other_problems_is_listed_without_rates(client_of):
    measured = factories.measured_study(problems=8, samples=3, alphas=(0.0, 1.0))
    elsewhere = on_training_problems(measured.study, measured.evaluations[0])
    alice = client_of(factories.alice())

    for sort in ("solve_rate", "-solve_rate"):
        page = alice.get(f"/studies/miniature/evaluations/?sort={sort}&columns=checkpoint,set,solve_rate")
        assert page.context["lines"][-1].key == elsewhere.reference
        assert page.context["lines"][-1].row.rates is None
    assert "miniature.train" not in page.content.decode()
    assert '<td class="">train' in page.content.decode()
    for text, total in (("solve_rate = none", 1), ("solve_rate.hard >= 0", 3), ("set = train", 1)):
        assert alice.get("/studies/miniature/evaluations/", {"q": text}).context["table"].total == total, text
    frontiers = {"q": "solve_rate.hard >= 0", "set": "miniature.train", "setting": "reasoning"}
    points = alice.get("/studies/miniature/explore/data.json", frontiers).json()["panels"]
    assert [row["reference"] for panel in points for row in panel["rows"]] == [elsewhere.reference]


def on_training_problems(study: Study, other: Evaluation) -> Evaluation:
    """A newer evaluation of the same checkpoint on the study's training problems, with more samples."""
    turned = Study.objects.get(pk=study.pk)
    turned.held_out_set = turned.train_set
    return factories.measure(turned, other.checkpoint, samples=9, alpha=other.alpha, path=other.path, seed=3)
