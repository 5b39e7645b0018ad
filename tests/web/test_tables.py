"""The tables of runs, checkpoints and evaluations: order, columns, groups, baseline, files, and what ends jobs."""

import csv
import html
import io

import factories
import numpy as np
import pytest

from compute.stats.seeds import difference_over_seeds, mean_over_seeds
from frontier_app.models import Checkpoint, EvaluationRate, Job, Path, Problem, Rollup, Run
from frontier_app.tables.configurations import configured_keys, differences, flatten
from frontier_app.tables.rates import rates_at

pytestmark = pytest.mark.django_db
STUDY = "/studies/miniature/"


def lines(client, address: str) -> list[str]:
    response = client.get(STUDY + address)
    assert response.status_code == 200, address
    return [line.name for line in response.context["lines"]]


@pytest.fixture
def measured() -> factories.Measured:
    return factories.measured_study(problems=8, samples=4, alphas=(-0.5, 0.0, 0.5, 1.0, 1.5))


@pytest.fixture
def alice(client_of):
    return client_of(factories.alice())


def test_evaluations_sort_by_the_rate_that_they_show(alice, measured):
    for sort, sign in (("solve_rate", 1), ("-solve_rate", -1), ("optimisation_failure_rate", 1)):
        rows = alice.get(f"{STUDY}evaluations/?sort={sort}").context["lines"]
        name = "solved" if "solve" in sort else "optimisation"
        shown = [line.row.rates.rates[name].rate for line in rows]
        assert len(shown) == 6
        np.testing.assert_allclose(shown, sign * np.sort(sign * np.array(shown)), atol=1e-12)


def test_a_rate_comes_with_its_interval_and_n(alice, measured):
    page = alice.get(f"{STUDY}evaluations/").content.decode()
    rates = rates_at(measured.study, measured.evaluations, "hard")[measured.evaluations[2].pk]

    assert f"{rates.rates['solved'].rate:.3f}<em> ± {rates.rates['solved'].half_width:.3f}</em>" in page
    assert rates.n == 16


def test_rows_without_a_value_come_last_in_either_direction(alice, measured):
    planned = factories.planned_evaluation(measured.study, measured.study.base, samples=9)

    for sort in ("solve_rate", "-solve_rate"):
        assert alice.get(f"{STUDY}evaluations/?sort={sort}").context["lines"][-1].key == planned.reference


def with_gaps(study) -> None:
    """More runs and checkpoints, to which one thing or another is missing."""
    rewards, rates = ([1, None], [], [0.7]), (None, "", [])
    for number, (values, rate) in enumerate(zip(rewards, rates, strict=True)):
        run = factories.trained_run(study, f"gap-{number}", 0.5)
        run.config |= {"rate": rate, "nested": {"depth": number} if number else {}}
        run.last_metrics = {}
        for step, value in enumerate(values):
            run.note_metrics(step, {"reward": value})
        run.save()
    factories.planned_evaluation(study, study.checkpoints.get(name="gap-0"), samples=2)
    Run.objects.filter(name__in=("low", "high")).update(config={"rate": 0.25})


COMPARED = (
    ("runs/", "metric.reward", "metric.reward", "0.5"),
    ("runs/", "config.rate", "config.rate", "0.5"),
    ("runs/", "config.nested.depth", "config.nested.depth", "2"),
    ("checkpoints/", "alpha", "alpha", "0"),
    ("checkpoints/", "seed", "seed", "1"),
    ("checkpoints/", "step", "step", "2"),
    ("evaluations/", "solve_rate", "solve_rate.hard", "0.3"),
    ("evaluations/", "no_answer_rate", "no_answer_rate", "0"),
)


def test_what_is_missing_stands_in_no_relation_and_comes_last(alice, measured):
    with_gaps(measured.study)
    for page, column, field, value in COMPARED:

        def found(text: str, page: str = page) -> set[str]:
            """By the file of the list: the page has the same filter and takes several times as long."""
            answer = alice.get(STUDY + page, {"q": text, "columns": "reference", "format": "csv"})
            assert answer.status_code == 200, text
            name, *references = answer.content.decode().split()
            assert name == "reference"
            return set(references)

        everything, missing = found(""), found(f"{field} = none")
        below, above = found(f"{field} < {value}"), found(f"{field} >= {value}")
        assert missing, field
        assert above | below, field
        assert len(everything) == len(missing) + len(below) + len(above), field
        assert everything == missing | below | above, field
        assert found(f"not {field} < {value}") == above | missing, field
        assert found(f"not {field} >= {value}") == below | missing, field
        assert found(f"{field} != none") == below | above, field
        assert found(f"not ({field} < {value} or {field} = none)") == above, field
        for sort in (column, f"-{column}"):
            keys = [line.key for line in alice.get(f"{STUDY}{page}?sort={sort}").context["lines"]]
            assert set(keys[-len(missing) :]) == missing, sort


def test_equal_rows_keep_one_order_over_the_pages(alice, measured):
    Checkpoint.objects.bulk_create(
        Checkpoint(reference=f"bulk-{at}", name="same", study=measured.study, origin=Checkpoint.MERGED)
        for at in range(60)
    )

    pages = [alice.get(f"{STUDY}checkpoints/?sort=name&size=25&page={page}").context["lines"] for page in (1, 2, 3)]

    keys = [line.key for page in pages for line in page]
    assert len(keys) == len(set(keys)) == 66


def test_columns_sizes_and_orders_that_do_not_exist_show_the_usual_ones(alice, measured):
    usual = alice.get(f"{STUDY}evaluations/").context["table"]
    odd = alice.get(f"{STUDY}evaluations/?columns=x&sort=-nothing&size=7&page=-3&group=x&baseline=y&difficulty=z")

    assert odd.status_code == 200
    assert [column.key for column in odd.context["table"].shown] == [column.key for column in usual.shown]
    assert (odd.context["table"].size, odd.context["table"].sorting) == (50, None)


def test_an_address_chooses_columns_configuration_keys_and_metrics_among_them(alice, measured):
    response = alice.get(f"{STUDY}runs/?columns=run,config.learning_rate,metric.reward&sort=-metric.reward")

    assert [column.key for column in response.context["table"].shown] == [
        "run",
        "metric.reward",
        "config.learning_rate",
    ]
    assert "0.00025" in response.content.decode()
    later = response.context["table"].later
    assert later is None


def test_runs_sort_by_the_last_value_of_a_metric(alice, measured):
    for run, value in zip(Run.objects.order_by("pk"), (0.9, 0.1), strict=True):
        run.note_metrics(9, {"reward": value})
        run.save()

    assert lines(alice, "runs/?sort=metric.reward") == ["high", "low"]
    assert lines(alice, "runs/?sort=-metric.reward") == ["low", "high"]
    assert lines(alice, "runs/?sort=-coverage") == ["high", "low"]


def test_a_pinned_evaluation_gives_every_rate_its_paired_difference(alice, measured):
    baseline = measured.evaluations[1]

    response = alice.get(f"{STUDY}evaluations/?baseline={baseline.reference}")

    rates = rates_at(measured.study, measured.evaluations, "hard", baseline)
    other = rates[measured.evaluations[3].pk]
    assert response.context["pinned"].key == baseline.reference
    assert other.deltas["solved"].rate == pytest.approx(
        other.rates["solved"].rate - rates[baseline.pk].rates["solved"].rate
    )
    row = next(line.row for line in response.context["lines"] if line.key == measured.evaluations[3].reference)
    assert row.rates.deltas == other.deltas
    assert next(line.row for line in response.context["lines"] if line.key == baseline.reference).rates.deltas is None


def test_differences_are_over_the_problems_that_both_have(measured):
    one, baseline = measured.evaluations[3], measured.evaluations[1]
    hard = Problem.objects.filter(problem_set=measured.study.held_out_set, difficulty="hard")
    solved = {
        evaluation: {
            row.problem_id: row.solved / row.n for row in Rollup.objects.filter(evaluation=evaluation, level=5)
        }
        for evaluation in (one, baseline)
    }
    dropped, *kept = sorted(hard.values_list("pk", flat=True), key=lambda pk: -solved[baseline][pk])
    Rollup.objects.filter(evaluation=baseline, problem=dropped).update(n=0, solved=0, optimisation=0, correctness=0)

    found = rates_at(measured.study, [one], "hard", baseline)[one.pk].deltas["solved"]

    assert found.rate == pytest.approx(sum(solved[one][pk] - solved[baseline][pk] for pk in kept) / len(kept))


def seeds(study, coverages=(0.4, 1.0), numbers=(1, 2)) -> None:
    """The study's two runs again with other seeds, each with its last checkpoint measured."""
    for seed in numbers:
        for coverage in coverages:
            run = factories.trained_run(study, f"c{coverage:g}-s{seed}", coverage)
            run.seed = seed
            run.save(update_fields=["seed"])
    for checkpoint in study.checkpoints.filter(origin=Checkpoint.TRAINED):
        if not checkpoint.evaluations.exists():
            factories.measure(study, checkpoint, samples=4, seed=checkpoint.run.seed)


def test_groups_average_over_seeds_with_student_intervals(alice, measured):
    seeds(measured.study)

    for page in ("runs/?group=coverage&columns=run,solve_rate", "checkpoints/?group=coverage&q=origin+%3D+trained"):
        lines = alice.get(STUDY + page).context["groups"]

        assert [(line.group.words, line.group.rows, line.group.seeds) for line in lines] == [("0.4", 3, 3), ("1", 3, 3)]
        for line in lines:
            expected = mean_over_seeds(list(solve_rates(line.group.value).values()))
            np.testing.assert_allclose(line.measures[0].reading, expected, atol=1e-12)
            assert line.address


def solve_rates(coverage: float) -> dict[int, float]:
    """Seed -> solve rate on hard problems of the run with that coverage."""
    rates = EvaluationRate.objects.filter(
        evaluation__checkpoint__run__coverage=coverage, evaluation__checkpoint__origin="trained", difficulty="hard"
    )
    return dict(rates.values_list("evaluation__checkpoint__run__seed", "solve_rate"))


def test_a_pinned_group_gives_the_others_their_difference_over_seeds(alice, measured):
    pages = [f"{STUDY}{page}group=coverage&q=coverage+>+0&baseline=0.4"
             for page in ("runs/?columns=run,solve_rate&", "checkpoints/?")]  # fmt: skip
    seeds(measured.study)
    first = [alice.get(page) for page in pages]
    seeds(measured.study, coverages=(1.0,), numbers=(3,))
    second = [alice.get(page) for page in pages]

    for responses, paired, words in ((first, True, "paired by seed (n = 3)"), (second, False, "Welch (n = 4 and 3)")):
        for response in responses:
            low, high = response.context["groups"]
            assert response.context["pinned_group"].group.words == low.group.words == "0.4"
            assert low.measures[0].difference is None
            assert high.measures[0].difference.paired == paired
            assert words in response.content.decode()
    expected = difference_over_seeds(solve_rates(1.0), solve_rates(0.4))
    np.testing.assert_allclose(high.measures[0].difference[:2], expected[:2], atol=1e-12)
    (row,) = [row for row in alice.get(f"{pages[0]}&format=json").json() if row["group"] == 1]
    assert row["solve_rate_delta"] == pytest.approx(expected.mean)
    assert row["solve_rate_delta_half_width"] == pytest.approx(expected.half_width)


def test_a_pin_is_told_of_when_its_group_has_no_row(alice, measured):
    response = alice.get(f"{STUDY}runs/?group=coverage&baseline=0.7")

    assert response.context["pinned_group"] is None
    assert "The pinned group has no row here" in response.content.decode()
    chosen = {choice.key: choice.address for choice in response.context["group_choices"]}
    assert "baseline" not in chosen[""] + chosen["seed"]


def test_a_group_without_a_value_can_be_pinned(alice, measured):
    response = alice.get(f"{STUDY}checkpoints/?group=run&baseline=null")

    assert response.context["pinned_group"].group.value is None
    assert response.context["pinned_group"].group.rows == 4


def test_a_merge_belongs_to_the_seed_that_its_ingredients_share(alice, measured):
    seeds(measured.study, coverages=(1.0,), numbers=(1,))
    high = measured.study.checkpoints.get(name="c1-s1")
    across = Path.objects.create(study=measured.study, name="across", low=measured.path.low, high=high)
    factories.measure(measured.study, factories.point_on(across, 0.5), samples=2, alpha=0.5, path=across)

    groups = alice.get(f"{STUDY}checkpoints/?group=seed").context["groups"]

    assert [(line.group.value, line.group.rows) for line in groups] == [(0, 5), (1, 1), (None, 2)]
    measured_at = alice.get(f"{STUDY}evaluations/?group=seed").context["groups"]
    assert [(line.group.value, line.group.rows) for line in measured_at] == [(0, 5), (1, 1), (None, 2)]


def test_what_shares_a_seed_counts_once(alice, measured):
    for _ in range(3):
        factories.measure(measured.study, measured.path.low, samples=4)
    seeds(measured.study, coverages=(0.4,))

    groups = alice.get(f"{STUDY}evaluations/?group=coverage&columns=checkpoint,solve_rate&q=coverage+%3D+0.4")

    (line,) = groups.context["groups"]
    own = EvaluationRate.objects.filter(evaluation__checkpoint__coverage=0.4, difficulty="hard")
    means = [np.mean(list(own.filter(evaluation__checkpoint__run__seed=seed).values_list("solve_rate", flat=True)))
             for seed in (0, 1, 2)]  # fmt: skip
    assert (line.group.rows, line.group.seeds) == (6, 3)
    np.testing.assert_allclose(line.measures[0].reading, mean_over_seeds(means), atol=1e-12)


GROUPED = (
    "runs/?group=config.learning_rate",
    "runs/?group=from&sort=-solve_rate",
    "runs/?group=seed&columns=metric.reward",
    "evaluations/?group=setting&sort=solve_rate",
    "evaluations/?group=sampling.temperature",
    "evaluations/?group=path",
    "evaluations/?group=seed",
    "evaluations/?group=alpha&sort=-optimisation_failure_rate",
    "checkpoints/?group=origin",
    "checkpoints/?group=seed&origin=merged",
    "checkpoints/?group=alpha&sort=-solve_rate",
    "checkpoints/?group=run",
    "checkpoints/?group=config.coverage",
)


def test_every_key_groups_and_each_group_leads_to_its_rows(alice, measured):
    for address in GROUPED:
        groups = alice.get(STUDY + address).context["groups"]

        assert groups, address
        page = address.partition("?")[0]
        for line in groups:
            reached = alice.get(STUDY + page + line.address)
            assert reached.status_code == 200, line.address
            assert reached.context["table"].total == line.group.rows, line.address


def test_a_filter_that_is_no_filter_is_told_in_one_sentence(alice, measured):
    for page in ("runs/", "checkpoints/", "evaluations/"):
        response = alice.get(f"{STUDY}{page}?q=name+~~+(")
        assert response.status_code == 422
        assert response.context["filter_error"].message in html.unescape(response.content.decode())


def test_all_matching_rows_come_as_a_file_with_the_columns_that_are_shown(alice, measured):
    response = alice.get(f"{STUDY}evaluations/?format=csv&columns=reference,alpha,solve_rate&sort=alpha&size=25")

    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert [float(row["alpha"]) for row in rows if row["alpha"]] == [-0.5, 0, 0.5, 1, 1.5]
    assert list(rows[0]) == ["reference", "alpha", "solve_rate", "solve_rate_half_width", "solve_rate_n"]
    assert alice.get(f"{STUDY}runs/?format=json").json()[0]["run"] == "low"
    assert len(alice.get(f"{STUDY}checkpoints/?format=json").json()) == 6
    assert "reading" not in alice.get(f"{STUDY}runs/?group=coverage&format=tex").content.decode()
    assert alice.get(f"{STUDY}runs/?format=docx").status_code == 400


def test_a_file_has_the_differences_from_the_pinned_row(alice, measured):
    run = Run.objects.get(name="high")
    run.note_metrics(3, {"reward": 0.5})
    run.save()
    rows = alice.get(f"{STUDY}runs/?format=json&baseline=miniature.low&columns=run,solve_rate,metric.reward").json()

    low, high = sorted(rows, key=lambda row: row["run"] == "high")
    assert low["solve_rate_delta"] is low["solve_rate_delta_half_width"] is None
    assert high["solve_rate_delta"] == pytest.approx(high["solve_rate"] - low["solve_rate"])
    assert high["solve_rate_delta_half_width"] > 0
    assert high["metric.reward_delta"] == pytest.approx(0.2)


def test_chosen_rows_come_as_a_file_and_more_than_fit_an_address_are_refused(alice, measured):
    chosen = [measured.evaluations[at].reference for at in (3, 1)]

    rows = alice.get(f"{STUDY}evaluations/?format=json&columns=reference&rows={','.join(chosen)}").json()
    many = alice.get(f"{STUDY}evaluations/?format=json&rows={',' * 500}")

    assert {row["reference"] for row in rows} == set(chosen)
    assert (many.status_code, many.content.decode()) == (
        400,
        "At most 500 rows can be named one by one: filter the list instead.",
    )


def test_differences_show_only_the_keys_in_which_runs_differ(alice, measured):
    page = alice.get(f"{STUDY}runs/diff/?runs=miniature.low,miniature.high,nothing")

    assert [one.key for one in page.context["differences"]] == ["coverage"]
    assert page.context["missing"] == ["nothing"]
    assert "Choose two runs" in alice.get(f"{STUDY}runs/diff/?runs=miniature.low").content.decode()
    assert alice.get(f"{STUDY}runs/diff/").status_code == 200


def test_nested_keys_are_flat_and_names_left_out():
    one = {"reference": "a", "limits": {"cpu_seconds": 1, "toolchain": {"cpp_flags": ["-O2"]}}, "seed": 0, "x": {}}
    other = {"reference": "b", "limits": {"cpu_seconds": 2, "toolchain": {"cpp_flags": ["-O2"]}}, "seed": 0}

    assert flatten(one) == {"limits.cpu_seconds": 1, "limits.toolchain.cpp_flags": ["-O2"], "seed": 0, "x": {}}
    assert [(row.key, row.values) for row in differences([one, other])] == [
        ("limits.cpu_seconds", ["1", "2"]),
        ("x", ["{}", None]),
    ]
    assert configured_keys([one, other]) == ["limits.cpu_seconds", "seed"]


def running(study) -> list[Job]:
    """Two more runs, one queued and one running."""
    from frontier_app.jobs import queue

    jobs = []
    for name in ("waits", "works"):
        config = factories.training_config(study, name, 0.5)
        job = queue.enqueue(config, title=f"Train {name}", study=study, queue="gpu")
        Run.objects.create(study=study, reference=config.reference, name=name, coverage=0.5, steps=3, job=job,
                           initialisation=study.base, config=job.config)  # fmt: skip
        jobs.append(job)
    factories.hold(jobs[1])
    return jobs


def test_the_jobs_of_chosen_runs_are_cancelled(client_of, measured):
    jobs = running(measured.study)

    response = client_of(factories.bob()).post(f"{STUDY}runs/cancel/", {"runs": "miniature.waits,miniature.low"})

    assert response.status_code == 302
    assert [Job.objects.get(pk=job.pk).state for job in jobs] == [Job.CANCELLED, Job.RUNNING]


def test_the_jobs_of_all_runs_that_match_are_cancelled(client_of, measured):
    jobs = running(measured.study)

    client_of(factories.alice()).post(f"{STUDY}runs/cancel/", {"all": "1", "q": "coverage = 0.5"})

    assert [Job.objects.get(pk=job.pk).state for job in jobs] == [Job.CANCELLED, Job.CANCELLING]


def test_who_may_not_launch_cancels_nothing_and_a_bad_filter_neither(client_of, measured):
    jobs = running(measured.study)

    assert client_of(factories.vera()).post(f"{STUDY}runs/cancel/", {"all": "1"}).status_code == 403
    assert client_of(factories.charlie()).post(f"{STUDY}runs/cancel/", {"all": "1"}).status_code == 404
    assert client_of(factories.alice()).post(f"{STUDY}runs/cancel/", {"all": "1", "q": "coverage ="}).status_code == 302
    assert client_of(factories.alice()).post(f"{STUDY}runs/cancel/", {}).status_code == 302
    assert {Job.objects.get(pk=job.pk).state for job in jobs} == {Job.QUEUED, Job.RUNNING}


def test_a_viewer_reads_the_tables_and_is_offered_nothing_to_start(client_of, measured):
    for page in ("runs/", "checkpoints/", "evaluations/"):
        text = client_of(factories.vera()).get(STUDY + page).content.decode()
        assert "data-key" in text
        assert "Cancel jobs" not in text
        assert "launch/" not in text


def test_a_checkpoint_shows_the_rates_of_its_evaluation_with_the_most_samples(alice, measured):
    most = factories.measure(measured.study, measured.path.low, samples=8, seed=5)
    factories.measure(measured.study, measured.path.low, samples=2, seed=6)

    rows = {line.name: line.row for line in alice.get(f"{STUDY}checkpoints/").context["lines"]}

    assert rows["low"].rates == rates_at(measured.study, [most], "hard")[most.pk]
    assert (rows["low"].evaluations, rows["low"].samples) == (3, 8 * (4 + 8 + 2))
    assert rows["low"].newest.samples_done == 16


def test_checkpoints_sort_by_alpha_of_their_path(alice, measured):
    third = factories.trained_run(measured.study, "third", 0.7)
    other = Path.objects.create(study=measured.study, name="other", low=measured.path.low,
                                high=third.checkpoints.get())  # fmt: skip
    factories.point_on(other, 0.25)

    rows = alice.get(f"{STUDY}checkpoints/?sort=alpha").context["lines"]

    assert [line.row.alpha for line in rows][:4] == [-0.5, 0.25, 0.5, 1.5]
    assert {line.row.alpha for line in rows[4:]} == {None}


def test_the_first_page_stays_below_two_hundred_kilobytes(alice, measured):
    factory = measured.study
    Checkpoint.objects.bulk_create(
        Checkpoint(reference=f"bulk-{at}", name=f"a rather long name of a checkpoint {at}", study=factory,
                   origin=Checkpoint.MERGED, folder="/somewhere") for at in range(300)
    )  # fmt: skip

    for page in ("runs/", "checkpoints/", "evaluations/"):
        assert len(alice.get(STUDY + page).content) < 200_000, page


def test_several_checkpoints_are_launched_from_one_filled_form(client_of, measured):
    chosen = ["miniature.low", "miniature.high", "miniature.base"]
    client = client_of(factories.bob())
    address = f"{STUDY}launch/evaluate/?checkpoint={chosen[0]}&others={','.join(chosen[1:])}"
    assert 'value="miniature.high,miniature.base"' in client.get(address).content.decode()

    before = set(Job.objects.values_list("pk", flat=True))
    values = {"checkpoint": chosen[0], "others": ", ".join(chosen[1:]), "samples": 3}
    sent = client.post(f"{STUDY}launch/evaluate/", values)

    assert sent.status_code == 302
    jobs = Job.objects.exclude(pk__in=before).filter(kind="evaluate")
    assert {job.evaluations.get().checkpoint.reference for job in jobs} == set(chosen)
    assert client.post(f"{STUDY}launch/evaluate/", values).status_code == 422
    refused = client.post(f"{STUDY}launch/evaluate/", values | {"others": "nothing"})
    assert "This study has no checkpoint nothing." in refused.content.decode()
