"""The study page's numbers, its rights, and what never leaves the server."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from compute.stats.bootstrap import cluster_bootstrap
from compute.stats.flips import flips
from frontier_app.models import Checkpoint, Evaluation, Job, Path, Rollup, Sample, Study
from frontier_app.numbers.collapse import raised_alarms
from frontier_app.numbers.explorer import explorer_data
from frontier_app.numbers.placement import (
    MOST_PATHS,
    SelectionError,
    changes_of,
    integer_columns,
    offered_paths,
    placed_evaluations,
    read_cells,
    select,
)
from frontier_app.viewer import Viewer
from tests import factories

pytestmark = pytest.mark.django_db
ALPHAS = (-0.5, 0.0, 0.5, 1.0, 1.5)


@pytest.fixture(scope="module")
def measured(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[factories.Measured]:
    """Measured once for the module, in a transaction that ends with it; what a test changes is undone after it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield factories.measured_study(problems=12, samples=6, alphas=ALPHAS)
        transaction.set_rollback(True)


def data_of(study: Study, viewer: Viewer | None = None, **query: str) -> dict:
    """What the page gets, through JSON and back."""
    found = explorer_data(study, select(study, query), viewer or Viewer(user=factories.alice()))
    return json.loads(json.dumps(found, allow_nan=False))


def judged_by_hand(evaluation: Evaluation, difficulty: str, rule: str = "failure_class") -> np.ndarray:
    """(problems, 4) rates of S, O, C, N from the samples themselves, without infrastructure."""
    rows = []
    for problem in evaluation.problem_set.problems.filter(difficulty=difficulty).order_by("position"):
        letters = list(Sample.objects.filter(evaluation=evaluation, problem=problem).values_list(rule, flat=True))
        judged = [letter for letter in letters if letter != "I"]
        rows.append([judged.count(letter) / len(judged) for letter in "SOCN"])
    return np.array(rows)


@pytest.mark.parametrize(("query", "column"), [("every_test", "failure_class"), ("first_failure", "first_failure")])
def test_rates_on_the_page_are_those_of_the_samples(measured: factories.Measured, query: str, column: str) -> None:
    data = data_of(measured.study, difficulty="hard", rule=query)
    for evaluation in measured.evaluations:
        shown = next(one for one in data["evaluations"] if one["reference"] == evaluation.reference)
        expected = judged_by_hand(evaluation, "hard", column).mean(axis=0)
        names = ("solved", "optimisation", "correctness", "no_answer")
        assert [shown["point"]["rates"][name][0] for name in names] == pytest.approx(expected, abs=1e-5)


def test_intervals_deltas_and_flips_are_those_of_the_statistics(measured: factories.Measured) -> None:
    data = data_of(measured.study, difficulty="hard", baseline="0")
    selection = select(measured.study, {"difficulty": "hard"})
    placed = placed_evaluations(measured.study, selection.path, selection.setting)
    cells = read_cells(measured.study, placed, selection.level, selection.rule, "hard")
    expected = cluster_bootstrap(cells.classes, cells.counts.n)
    moved = flips(cells.counts.solved[1], cells.counts.n[1], cells.counts.solved, cells.counts.n)
    assert data["baseline"] == 1
    for index, one in enumerate(data["evaluations"]):
        assert one["point"]["rates"]["solved"][1] == pytest.approx(expected.half_width[index, 0], abs=1e-5)
        change = expected.mean[index, 2] - expected.mean[1, 2]
        assert one["point"]["deltas"]["correctness"][0] == pytest.approx(change, abs=1e-5)
        if index != 1:
            assert one["point"]["flips"]["gained"] == np.flatnonzero(moved.gained[index]).tolist()
            assert one["point"]["flips"]["problem_q"] == pytest.approx(moved.q_values[index], abs=1e-4)


def test_points_are_in_order_of_alpha_and_know_their_marks(measured: factories.Measured) -> None:
    evaluations = data_of(measured.study)["evaluations"]
    assert [one["alpha"] for one in evaluations] == [*ALPHAS, None]
    assert [one["mark"] for one in evaluations] == [
        "extrapolated",
        "trained",
        "merged",
        "trained",
        "extrapolated",
        "initialisation",
    ]


def test_points_outside_the_ends_get_a_verdict_and_others_none(measured: factories.Measured) -> None:
    verdicts = {one["label"]: one["point"]["beyond"] for one in data_of(measured.study)["evaluations"]}
    assert {label for label, verdict in verdicts.items() if verdict} == {"−0.5", "1.5"}
    assert verdicts["1.5"]["verdict"] in ("extends", "stays", "collapses")


def test_an_endpoint_evaluated_on_no_path_takes_its_place_on_the_path(measured: factories.Measured) -> None:
    Evaluation.objects.filter(pk=measured.evaluations[ALPHAS.index(1.0)].pk).delete()
    factories.measure(measured.study, measured.path.high, samples=6)
    found = [one for one in data_of(measured.study)["evaluations"] if one["mark"] == "trained"]
    assert [one["alpha"] for one in found] == [0.0, 1.0]


def test_a_checkpoint_of_another_coverage_stands_apart_and_keeps_its_shade(measured: factories.Measured) -> None:
    factories.trained_run(measured.study, "mid", 0.7)
    factories.measure(measured.study, measured.study.checkpoints.get(name="mid"))
    mid = data_of(measured.study)["evaluations"][-1]
    assert (mid["mark"], mid["alpha"], mid["label"]) == ("mid", None, "coverage 0.7")
    assert mid["shade"] == pytest.approx(0.5)


def test_every_complete_evaluation_is_on_a_path_or_drawn_apart_under_a_name_of_its_own(
    measured: factories.Measured,
) -> None:
    study = measured.study
    factories.trained_run(study, "longer", 0.7, steps=9)
    factories.trained_run(study, "low-seed-1", measured.path.low.coverage)
    low = measured.path.low
    early = factories.checkpoint(study, "low-early", parent=study.base, run=low.run, step=1, coverage=low.coverage)
    loose = factories.checkpoint(study, "soup", origin="merged")
    for checkpoint in (*study.checkpoints.filter(name__in=["longer", "low-seed-1"]), early, loose):
        factories.measure(study, checkpoint)
    found = data_of(study)["evaluations"]
    assert {one["label"] for one in found if one["mark"] == "mid"} == {
        "longer, step 9",
        "low-seed-1",
        "low-early, step 1",
        "soup",
    }
    assert {one["reference"] for one in found} == set(study.evaluations.values_list("reference", flat=True))


def test_a_merge_of_another_path_is_shown_on_that_path_alone(measured: factories.Measured) -> None:
    factories.trained_run(measured.study, "mid", 0.7)
    mid = measured.study.checkpoints.get(name="mid")
    other = measured.study.paths.create(name="other", low=measured.path.low, high=mid)
    merge = factories.point_on(other, 0.25)
    reference = factories.measure(measured.study, merge).reference
    assert reference not in {one["reference"] for one in data_of(measured.study)["evaluations"]}
    shown = data_of(measured.study, path=str(other.pk))["evaluations"]
    assert [one["alpha"] for one in shown if one["reference"] == reference] == [0.25]


def test_of_two_evaluations_of_one_place_the_one_with_more_samples_is_shown(measured: factories.Measured) -> None:
    more = factories.measure(
        measured.study, factories.point_on(measured.path, 0.5), samples=9, alpha=0.5, path=measured.path
    )
    shown = [one["reference"] for one in data_of(measured.study)["evaluations"] if one["alpha"] == 0.5]
    assert shown == [more.reference]


def test_a_lower_coverage_level_judges_fewer_tests(measured: factories.Measured) -> None:
    low, full = (data_of(measured.study, level=level)["evaluations"][1]["point"] for level in ("2", "5"))
    assert low["rates"]["optimisation"][0] < full["rates"]["optimisation"][0]
    assert low["n"] == full["n"]


def test_a_partly_measured_point_is_marked_and_has_a_smaller_n(measured: factories.Measured) -> None:
    planned = factories.planned_evaluation(
        measured.study, factories.point_on(measured.path, 0.75), samples=6, alpha=0.75, path=measured.path
    )
    assert data_of(measured.study)["evaluations"][3]["point"] is None
    job = factories.hold(planned.job)
    problem = measured.study.held_out_set.problems.filter(difficulty="hard").first()
    factories.tell(job, factories.sample_event(planned, problem.slug, len(problem.tests), 6))
    found = data_of(measured.study, difficulty="hard")
    partial = next(one for one in found["evaluations"] if one["alpha"] == 0.75)
    assert partial["point"]["partial"]
    assert partial["point"]["problems"] == 1
    assert partial["point"]["n"] <= 6
    assert partial["underway"]
    assert partial["point"]["rates"]["solved"][1] is None


def test_cells_hold_n_and_the_counts_of_each_problem(measured: factories.Measured) -> None:
    data = data_of(measured.study, difficulty="easy")
    problems = len(data["problems"]["slug"])
    for one in data["evaluations"]:
        table = np.array(one["cells"]).reshape(problems, 6)
        assert (table[:, 1:5].sum(axis=1) == table[:, 0]).all()
    row = Rollup.objects.get(evaluation=measured.evaluations[0], problem__slug=data["problems"]["slug"][0], level=5)
    assert data["evaluations"][0]["cells"][:3] == [row.n, row.solved, row.optimisation]


def test_infrastructure_trouble_is_left_out_of_n_and_counted(measured: factories.Measured) -> None:
    Rollup.objects.filter(evaluation=measured.evaluations[0], level=5).update(infrastructure=2)
    point = data_of(measured.study, difficulty="hard")["evaluations"][0]["point"]
    assert point["infrastructure"] == 2 * point["problems"]


def test_a_baseline_that_is_not_measured_gives_no_deltas(measured: factories.Measured) -> None:
    data = data_of(measured.study, baseline="0.9")
    assert data["baseline"] is None
    assert all(one["point"]["deltas"] is None for one in data["evaluations"])


def test_a_study_without_anything_still_has_axes() -> None:
    data = data_of(factories.empty_study("bare"))
    assert data["evaluations"] == []
    assert data["figures"]["frontier"]["layout"]["xaxis"]["range"][1] > 0.9


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"level": "9"}, "from 1 to 5"),
        ({"level": "x"}, "from 1 to 5"),
        ({"rule": "last"}, "every_test"),
        ({"difficulty": "unheard"}, "easy, medium, hard or all"),
        ({"path": "0"}, "no path"),
    ],
)
def test_a_view_that_does_not_exist_is_refused_in_one_sentence(
    measured: factories.Measured, query: dict[str, str], said: str
) -> None:
    with pytest.raises(SelectionError, match=said):
        select(measured.study, query)


def test_columns_packed_by_the_database_equal_those_of_a_plain_query(measured: factories.Measured) -> None:
    rows = Rollup.objects.filter(evaluation__study=measured.study)
    names = ("evaluation_id", "problem_id", "level", "n", "solved", "no_answer")
    packed = integer_columns(rows, names)
    assert sorted(map(tuple, packed.tolist())) == sorted(rows.values_list(*names))
    assert integer_columns(Rollup.objects.none(), names).shape == (0, len(names))


def test_gaps_are_round_alphas_between_measured_ones_that_nobody_plans(measured: factories.Measured) -> None:
    path = measured.path
    factories.planned_evaluation(measured.study, factories.point_on(path, 0.75), alpha=0.75, path=path)
    gaps = data_of(measured.study)["gaps"]
    assert [gap for gap in gaps if 0.5 < gap < 1] == [0.55, 0.6, 0.65, 0.7, 0.8, 0.85, 0.9, 0.95]
    assert gaps == sorted(set(gaps))
    assert not {0.0, 0.5, 1.0} & set(gaps)


def test_the_number_of_queries_does_not_grow_with_the_study() -> None:
    counts = []
    for slug, problems, alphas in (("small", 4, (0.0, 1.0)), ("large", 16, (-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5))):
        study = factories.measured_study(slug, problems, 2, alphas).study
        with CaptureQueriesContext(connection) as queries:
            data_of(study, Viewer(user=factories.alice()))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_plots_never_touch_the_samples(measured: factories.Measured) -> None:
    with CaptureQueriesContext(connection) as queries:
        data_of(measured.study)
    assert not any(Sample._meta.db_table in query["sql"] for query in queries)


def test_alarms_compare_with_the_nearer_end() -> None:
    end = {"no_answer_rate": 0.01, "mean_tokens": 30.0}
    assert raised_alarms({"no_answer_rate": 0.012, "mean_tokens": 33.0}, end) == []
    raised = raised_alarms({"no_answer_rate": 0.2, "mean_tokens": 60.0}, end)
    assert raised == ["20% of answers hold no program", "answers 2.0 times as long"]
    assert raised_alarms({"no_answer_rate": None}, {}) == []


def address(name: str, study: Study, query: str = "") -> str:
    return reverse(name, args=[study.slug]) + query


def shared(study: Study, allow_programs: bool) -> Client:
    client = Client()
    client.get(reverse("share", args=[factories.link(study, allow_programs).token]))
    return client


def test_owner_and_member_see_the_page_and_a_stranger_does_not(measured: factories.Measured, client_of) -> None:
    for user, status in ((factories.alice(), 200), (factories.bob(), 200), (factories.charlie(), 404)):
        for name in ("study", "study_data"):
            assert client_of(user).get(address(name, measured.study)).status_code == status
    assert client_of(None).get(address("study", measured.study)).status_code == 302


def test_unchanged_data_is_not_sent_again(measured: factories.Measured, client_of) -> None:
    client = client_of(factories.alice())
    first = client.get(address("study_data", measured.study))
    again = client.get(address("study_data", measured.study), headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    Evaluation.objects.filter(pk=measured.evaluations[0].pk).update(version=99)
    later = client.get(address("study_data", measured.study), headers={"If-None-Match": first.headers["ETag"]})
    assert later.status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.update(version=F("version") + 1),
        lambda one: one.update(state="running"),
        lambda one: Job.objects.filter(evaluations__in=one).update(state="lost"),
        lambda one: one.update(job=factories.queued()),
        lambda one: one.delete(),
    ],
    ids=["a batch", "a state", "a job's state", "another job", "one less"],
)
def test_the_version_of_the_data_sees_what_changes_in_one_row(measured: factories.Measured, change) -> None:
    before = changes_of(measured.study)
    assert changes_of(measured.study) == before
    change(Evaluation.objects.filter(pk=measured.evaluations[1].pk))
    assert changes_of(measured.study) != before


def test_of_many_paths_a_list_offers_the_first_the_newest_and_the_chosen(client_of) -> None:
    study = factories.study("paths", problems=1)
    first = study.paths.get()
    checkpoint = {"study": study, "origin": Checkpoint.TRAINED}
    ends = Checkpoint.objects.bulk_create(
        Checkpoint(reference=f"end-{place}", name=f"end-{place}", **checkpoint) for place in range(MOST_PATHS + 2)
    )
    many = Path.objects.bulk_create(Path(study=study, name="", low=first.low, high=end) for end in ends)
    with CaptureQueriesContext(connection) as queries:
        found = offered_paths(study, str(many[1].pk), "x")
    assert [path.pk for path in found] == [first.pk, *(path.pk for path in many[1:])]
    assert len(queries) == 1
    for page in ("study", "failures", "ensembles", "explore"):
        shown = client_of(factories.alice()).get(f"{address(page, study)}?path={many[0].pk}").context["paths"]
        assert [path.pk for path in shown] == [first.pk, many[0].pk, *(path.pk for path in many[2:])]


def test_a_bad_view_is_answered_with_400_and_a_sentence(measured: factories.Measured, client_of) -> None:
    response = client_of(factories.alice()).get(address("study_data", measured.study, "?level=x"))
    assert response.status_code == 400
    assert "from 1 to 5" in response.json()["error"]


def test_a_share_link_shows_figures_but_no_jobs_programs_or_buttons(measured: factories.Measured) -> None:
    factories.queued(measured.study, title="A job that is nobody's business")
    client = shared(measured.study, allow_programs=False)
    page = client.get(address("study", measured.study)).content.decode()
    assert "nobody&#x27;s business" not in page
    assert "Programs are not part of this link" in page
    assert address("study_programs", measured.study) not in page
    assert reverse("launch", args=[measured.study.slug, "sweep"]) not in page
    assert "SLUG" not in page
    assert "REFERENCE" not in page
    data = client.get(address("study_data", measured.study)).json()
    assert all(one["job"] is None for one in data["evaluations"])
    assert data["evaluations"][0]["point"]["n"] > 0
    slug = data["problems"]["slug"][0]
    assert client.get(address("study_programs", measured.study, f"?problem={slug}")).status_code == 403


def test_the_empty_page_says_what_runs_and_what_comes_next(client_of) -> None:
    study = factories.study("bare")
    factories.hold(factories.queued(study, title="Train at coverage 0.4"))
    factories.queued(study, title="Sweep of 11 alphas")
    page = client_of(factories.alice()).get(address("study", study)).content.decode()
    assert "No point is measured yet" in page
    assert page.index("Train at coverage 0.4") < page.index("Sweep of 11 alphas")
    part = client_of(factories.alice()).get(
        address("study", study), headers={"HX-Request": "true", "HX-Target": "coming"}
    )
    assert part.content.decode().lstrip().startswith('<div class="coming"')


def test_the_empty_page_of_an_idle_study_leads_to_the_forms(client_of) -> None:
    study = factories.study("bare")
    page = client_of(factories.alice()).get(address("study", study)).content.decode()
    assert reverse("launch", args=[study.slug, "train"]) in page
