"""Events become rows once, whole, and with their rollups."""

import hashlib
from collections import Counter

import factories
import numpy as np
import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.events import (
    CancelAcknowledged,
    CheckpointWritten,
    EvaluationFinished,
    Failed,
    Finished,
    IngredientRecord,
    Log,
    Metric,
    Progress,
    SampleRecord,
    Samples,
)
from compute.judge.tally import LETTER_OF_CODE, NOT_RUN, tally
from compute.judge.verdict import FailureClass, failure_class, first_failure
from compute.rollout.transcript import Step, Transcript, read_transcript
from frontier_app import launch
from frontier_app.filters import SAMPLE_FIELDS, compile_filter
from frontier_app.ingest import StaleTokenError, ingest
from frontier_app.jobs import queue
from frontier_app.jobs.process import config_to_run
from frontier_app.models import Checkpoint, Evaluation, Job, MetricPoint, Problem, Program, Rollup, Run, Sample, Study

pytestmark = pytest.mark.django_db


def record(problem: str, index: int, letters: str, **values: object) -> SampleRecord:
    defaults = {"cpu_seconds": 0.05, "memory_bytes": 1 << 20, "tokens": 30, "program": None}
    return SampleRecord(problem=problem, index=index, letters=letters, **{**defaults, **values})


@pytest.fixture
def evaluation() -> Evaluation:
    """Planned and claimed; its study has four problems of ten tests in five levels."""
    study = factories.study()
    planned = factories.planned_evaluation(study, study.checkpoints.get(name="low"))
    factories.hold(planned.job)
    planned.job.refresh_from_db()
    return planned


def slugs(evaluation: Evaluation) -> list[str]:
    return list(evaluation.problem_set.problems.values_list("slug", flat=True))


def answered(evaluation: Evaluation, slug: str) -> Samples:
    return factories.sample_event(evaluation, slug, 10, evaluation.samples_per_problem)


def test_a_sample_keeps_everything_its_event_said(evaluation: Evaluation) -> None:
    slug = slugs(evaluation)[0]
    text = "print('ü')\n"
    name = hashlib.sha256(text.encode()).hexdigest()
    seconds = tuple(n / 1000 for n in range(10))
    said = record(
        slug, 3, "AAAAWTMORC", program=name, test_cpu_seconds=seconds, log_likelihood=-1.5, finish="length", tokens=7
    )
    factories.tell(evaluation.job, Samples(evaluation=evaluation.reference, samples=(said,), programs={name: text}))
    sample = Sample.objects.get()
    assert sample.letters == "AAAAWTMORC"
    assert (sample.failure_class, sample.first_failure) == ("C", "C")
    assert sample.test_milliseconds == list(range(10))
    assert (sample.index, sample.tokens, sample.truncated, sample.log_likelihood) == (3, 7, True, -1.5)
    assert (sample.cpu_seconds, sample.memory_bytes) == (0.05, 1 << 20)
    assert sample.program.text == text
    assert sample.problem.slug == slug


def test_the_rollup_agrees_with_the_verdict_rules_at_every_level(evaluation: Evaluation) -> None:
    slug = slugs(evaluation)[1]
    letters = [
        "AAAAAAAAAA", "AAAAAATTTT", "AAAAAATWTT", "WTTTTTTTTT", "TWAAAAAAAA", "NNNNNNNNNN", "AAAIAAAAAA",
        "AAAAAAAAOA", "AAAAMAAAAC", "AAAA------", "A--R------", "-IAAAAAAAA", "RAAAAAAAAI",
    ]  # fmt: skip
    records = tuple(record(slug, index, one) for index, one in enumerate(letters))
    factories.tell(evaluation.job, Samples(evaluation=evaluation.reference, samples=records))
    for level in range(1, 6):
        prefixes = [one[: 2 * level] for one in letters]
        classes = [failure_class(prefix) for prefix in prefixes]
        counted = [prefix for prefix in prefixes if failure_class(prefix) is not FailureClass.INFRASTRUCTURE]
        every, first = Counter(classes), Counter(first_failure(prefix) for prefix in counted)
        row = Rollup.objects.get(level=level)
        assert row.n == len(counted)
        assert row.solved == every[FailureClass.SOLVED]
        assert row.optimisation == every[FailureClass.OPTIMISATION]
        assert row.correctness == every[FailureClass.CORRECTNESS]
        assert row.no_answer == every[FailureClass.NO_ANSWER]
        assert row.infrastructure == every[FailureClass.INFRASTRUCTURE]
        assert row.first_optimisation == first[FailureClass.OPTIMISATION]
        assert row.first_correctness == first[FailureClass.CORRECTNESS]
        assert row.tokens_sum == 30 * row.n
        assert row.memory_bytes_sum == (1 << 20) * row.n


@given(st.lists(st.text("AWRTMOCNI-", min_size=6, max_size=6), min_size=1, max_size=20))
@settings(max_examples=200, deadline=None)
def test_many_samples_are_classified_as_one_by_one(letters: list[str]) -> None:
    found = tally(np.array(letters, dtype="S6"), (2, 3, 6))
    for row, one in enumerate(letters):
        for level, size in enumerate((2, 3, 6)):
            prefix = one[:size]
            if set(prefix) == {"-"}:
                assert found.failure[row, level] == found.first[row, level] == NOT_RUN
                continue
            assert LETTER_OF_CODE[found.failure[row, level]].decode() == failure_class(prefix)
            assert LETTER_OF_CODE[found.first[row, level]].decode() == first_failure(prefix)


def test_a_level_counts_only_the_time_of_its_own_tests(evaluation: Evaluation) -> None:
    seconds = (0.001, 0.002, 0.001, 0.001, 0.004, 0.001, 0.001, 0.001, 0.001, 0.009)
    said = record(slugs(evaluation)[0], 0, "A" * 10, test_cpu_seconds=seconds)
    factories.tell(evaluation.job, Samples(evaluation=evaluation.reference, samples=(said,)))
    sums = Rollup.objects.order_by("level").values_list("cpu_seconds_sum", flat=True)
    assert list(sums) == pytest.approx([0.002, 0.002, 0.004, 0.004, 0.009])


def test_samples_of_one_problem_in_two_batches_add_up(evaluation: Evaluation) -> None:
    slug = slugs(evaluation)[0]
    text = "pass\n"
    name = hashlib.sha256(text.encode()).hexdigest()
    for first, program in ((0, None), (2, name)):
        records = tuple(record(slug, first + n, "A" * 10, program=program) for n in range(2))
        event = Samples(evaluation=evaluation.reference, samples=records, programs={program: text} if program else {})
        factories.tell(evaluation.job, event)
    assert set(Rollup.objects.values_list("n", "solved", "tokens_sum")) == {(4, 4, 120)}
    evaluation.refresh_from_db()
    assert evaluation.samples_done == Sample.objects.count() == 4


def test_a_batch_delivered_twice_changes_nothing(evaluation: Evaluation) -> None:
    event = factories.sample_event(evaluation, slugs(evaluation)[0], 10, 4).model_copy(update={"sequence": 5})
    before = None
    for _ in range(2):
        ingest(evaluation.job, evaluation.job.token, [event])
        after = (Sample.objects.count(), list(Rollup.objects.order_by("pk").values_list("n", "solved")))
        assert before in (None, after)
        before = after
    evaluation.refresh_from_db()
    assert evaluation.samples_done == 4


def test_a_sample_sent_again_under_another_number_is_not_counted_again(evaluation: Evaluation) -> None:
    event = factories.sample_event(evaluation, slugs(evaluation)[0], 10, 4)
    factories.tell(evaluation.job, event)
    counts = list(Rollup.objects.order_by("pk").values_list("n", "solved", "infrastructure"))
    factories.tell(evaluation.job, event, event)
    assert Sample.objects.count() == 4
    assert list(Rollup.objects.order_by("pk").values_list("n", "solved", "infrastructure")) == counts


def test_an_old_token_changes_nothing(evaluation: Evaluation) -> None:
    job = evaluation.job
    old = job.token
    assert queue.release(job.pk, old)
    factories.hold(job)
    with pytest.raises(StaleTokenError):
        ingest(job, old, [factories.sample_event(evaluation, slugs(evaluation)[0], 10, 4), Finished()])
    job.refresh_from_db()
    assert (job.state, Sample.objects.count()) == (Job.RUNNING, 0)


def test_an_ended_job_takes_no_more_events(evaluation: Evaluation) -> None:
    factories.tell(evaluation.job, Failed(error_kind="engine", message="No."))
    with pytest.raises(StaleTokenError):
        ingest(evaluation.job, evaluation.job.token, [Finished()])


def test_a_job_may_not_write_another_jobs_evaluation(evaluation: Evaluation) -> None:
    other = factories.planned_evaluation(evaluation.study, evaluation.study.base)
    outcome = ingest(
        evaluation.job, evaluation.job.token, [factories.sample_event(other, slugs(other)[0], 10, 2), Log(line="on")]
    )
    assert Sample.objects.count() == 0
    assert outcome.log == [
        f"Refused an event of type samples: this job has no evaluation {other.reference!r}.",
        "on",
    ]


def test_samples_that_do_not_fit_their_problem_are_refused_and_cost_no_others(evaluation: Evaluation) -> None:
    slug = slugs(evaluation)[0]
    records = (record(slug, 0, "A" * 10), record(slug, 1, "A" * 9), record("nowhere", 0, "A"))
    outcome = ingest(evaluation.job, evaluation.job.token, [Samples(evaluation=evaluation.reference, samples=records)])
    assert Sample.objects.count() == 1
    assert len(outcome.log) == 2
    assert "has 10 tests, not 9" in outcome.log[0]
    assert "no problem 'nowhere'" in outcome.log[1]


def test_a_program_under_a_false_name_is_refused(evaluation: Evaluation) -> None:
    said = record(slugs(evaluation)[0], 0, "A" * 10, program="0" * 64)
    event = Samples(evaluation=evaluation.reference, samples=(said,), programs={"0" * 64: "print()"})
    assert "has another sha256" in ingest(evaluation.job, evaluation.job.token, [event]).log[0]
    assert Sample.objects.count() == Program.objects.count() == 0


def test_a_program_with_a_nul_character_is_stored(evaluation: Evaluation) -> None:
    text = "print('\x00')\n"
    name = hashlib.sha256(text.encode()).hexdigest()
    said = record(slugs(evaluation)[0], 0, "R" * 10, program=name)
    factories.tell(evaluation.job, Samples(evaluation=evaluation.reference, samples=(said,), programs={name: text}))
    assert Sample.objects.get().program.text == "print('␀')\n"


def test_an_event_the_database_refuses_costs_no_other_event(evaluation: Evaluation) -> None:
    job = evaluation.job
    events = [
        factories.sample_event(evaluation, slugs(evaluation)[0], 10, 2),
        EvaluationFinished(evaluation=evaluation.reference, alarms={"\x00": 1.0}),
        factories.sample_event(evaluation, slugs(evaluation)[1], 10, 2),
        Progress(stage="evaluate", done=2, total=4, unit="problems"),
    ]
    outcome = ingest(job, job.token, [event.model_copy(update={"sequence": n}) for n, event in enumerate(events)])
    assert Sample.objects.count() == 4
    assert len(outcome.log) == 1
    assert outcome.log[0].startswith("Refused an event of type evaluation_finished: ")
    job.refresh_from_db()
    assert (job.done, job.last_sequence) == (2, 3)


def test_an_evaluation_is_running_from_its_first_samples_and_complete_when_said_so(evaluation: Evaluation) -> None:
    first, *others = [answered(evaluation, slug) for slug in slugs(evaluation)]
    factories.tell(evaluation.job, first)
    evaluation.refresh_from_db()
    assert evaluation.state == Evaluation.RUNNING
    finished = EvaluationFinished(evaluation=evaluation.reference, alarms={"cosine": None})
    factories.tell(evaluation.job, *others, finished)
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.alarms, evaluation.version) == (Evaluation.COMPLETE, {"cosine": None}, 2)


def test_an_evaluation_with_a_refused_sample_is_not_complete_and_a_retry_draws_that_problem_alone(
    evaluation: Evaluation,
) -> None:
    job = evaluation.job
    *whole, last = [answered(evaluation, slug) for slug in slugs(evaluation)]
    short = last.model_copy(update={"samples": last.samples[1:]})
    finished = EvaluationFinished(evaluation=evaluation.reference, alarms={"mean_tokens": 30.0})
    factories.tell(job, *whole, short, finished, Finished())
    job.refresh_from_db()
    evaluation.refresh_from_db()
    assert (job.state, job.error_kind, evaluation.state) == (Job.FAILED, "incomplete", Evaluation.PLANNED)
    assert job.error == "1 sample is missing; a retry asks for the problems that lack them again."

    again = factories.hold(launch.retry(job, factories.alice()))
    (point,) = config_to_run(again).points
    assert set(point.finished) == set(slugs(evaluation)[:-1])
    rest = EvaluationFinished(evaluation=evaluation.reference, alarms={"mean_tokens": 99.0, "distance": 0.5})
    factories.tell(again, last, rest, Finished())
    again.refresh_from_db()
    evaluation.refresh_from_db()
    assert (again.state, evaluation.state, evaluation.samples_missing) == (Job.SUCCEEDED, Evaluation.COMPLETE, 0)
    assert evaluation.alarms == {"mean_tokens": 30.0, "distance": 0.5}


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (Finished(summary={"points": 1}), Job.SUCCEEDED),
        (CancelAcknowledged(), Job.CANCELLED),
        (Failed(error_kind="engine", message="The model could not be loaded."), Job.FAILED),
    ],
)
def test_the_last_event_ends_the_job(event: object, state: str) -> None:
    job = factories.hold(factories.queued())
    factories.tell(job, event)
    job.refresh_from_db()
    assert job.state == state
    assert job.ended is not None
    assert (job.error_kind, job.error) == (
        ("engine", "The model could not be loaded.") if state == Job.FAILED else ("", "")
    )


def test_what_an_ended_job_left_half_measured_is_planned_again(evaluation: Evaluation) -> None:
    factories.tell(evaluation.job, factories.sample_event(evaluation, slugs(evaluation)[0], 10, 2))
    factories.tell(evaluation.job, Failed(error_kind="engine", message="No."))
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.samples_done) == (Evaluation.PLANNED, 2)


def test_metrics_repeated_by_a_second_attempt_are_overwritten() -> None:
    study = factories.study()
    run = study.runs.get(name="low")
    job = factories.claimed(factories.training_config(study, "low", 0.4), study, "Train low again")
    factories.tell(job, Metric(run=run.reference, step=1, values={"reward": 0.7, "length": None}))
    assert MetricPoint.objects.get(run=run, step=1, name="reward").value == 0.7
    assert MetricPoint.objects.get(run=run, step=1, name="length").value is None


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.none() | st.floats(-1, 1, width=32)), min_size=1
    ).map(lambda points: [points[at : at + 3] for at in range(0, len(points), 3)])
)
def test_a_run_keeps_the_last_value_of_each_metric_whatever_order_they_come_in(batches) -> None:
    study = Study.objects.filter(slug="walked").first() or factories.study("walked", problems=1)
    run = study.runs.get(name="low")
    run.metrics.all().delete()
    Run.objects.filter(pk=run.pk).update(last_metrics={})
    job = factories.claimed(factories.training_config(study, "low", 0.4), study, "Train low again")

    for points in batches:
        events = (Metric(run=run.reference, step=step, values={name: value}) for name, step, value in points)
        factories.tell(job, *events)

    run.refresh_from_db()
    stored = run.metrics.order_by("step").values_list("name", "step", "value")
    assert run.last_metrics == {name: [step, value] for name, step, value in stored}


def test_the_evaluation_with_most_samples_on_the_held_out_problems_stands_for_its_checkpoint_and_run() -> None:
    study = factories.study()
    final, run = study.checkpoints.get(name="low"), study.runs.get(name="low")
    early = factories.checkpoint(study, "early", run=run, step=1)

    def measure(checkpoint: Checkpoint, samples: int, **values: object) -> Evaluation:
        planned = factories.planned_evaluation(study, checkpoint, samples)
        factories.hold(planned.job)
        Evaluation.objects.filter(pk=planned.pk).update(**values or {"samples_done": 0})
        planned.refresh_from_db()
        factories.tell(planned.job, factories.sample_event(planned, slugs(planned)[0], 10, samples))
        return planned

    def standing() -> list[Evaluation | None]:
        for row in (final, run, early):
            row.refresh_from_db()
        return [final.main_evaluation, run.main_evaluation, early.main_evaluation]

    factories.planned_evaluation(study, final, samples=9)
    assert standing() == [None, None, None]
    two = measure(final, 2)
    assert standing() == [two, two, None]
    measure(final, 1)
    measure(final, 3, problem_set=study.train_set)
    assert standing() == [two, two, None]
    again = measure(final, 2)
    assert standing() == [again, again, None]
    of_early = measure(early, 3)
    assert standing() == [again, again, of_early]


def test_an_early_checkpoint_finds_its_run() -> None:
    study = factories.study()
    run = study.runs.get(name="low")
    job = factories.claimed(factories.training_config(study, "low", 0.4), study, "Train low again")
    factories.tell(
        job,
        CheckpointWritten(
            checkpoint=f"{run.reference}-step1", origin="trained", folder="/a", sha256="1" * 64, size_bytes=1,
            run=run.reference, step=1, coverage=0.4,
        ),
    )  # fmt: skip
    early = Checkpoint.objects.get(reference=f"{run.reference}-step1")
    assert (early.run, early.step, early.name, early.made_by) == (run, 1, "low, step 1", job)


def test_a_merge_brings_its_recipe() -> None:
    study = factories.study()
    job = factories.claimed(factories.training_config(study, "x", 0.4), study, "Merge")
    ingredients = tuple(
        IngredientRecord(checkpoint=f"miniature.{name}", weight=weight)
        for name, weight in (("low", 0.3), ("high", 0.7))
    )
    event = CheckpointWritten(
        checkpoint="miniature.m", origin="merged", folder="/m", sha256="2" * 64, size_bytes=1, ingredients=ingredients
    )
    factories.tell(job, event, event)
    merge = Checkpoint.objects.get(reference="miniature.m")
    assert [(one.checkpoint.name, one.weight) for one in merge.recipe.all()] == [("low", 0.3), ("high", 0.7)]


def test_a_checkpoint_of_another_study_is_not_touched() -> None:
    study, other = factories.study(), factories.study("other")
    job = factories.claimed(factories.training_config(study, "low", 0.4), study, "Train")
    event = CheckpointWritten(checkpoint="other.low", origin="trained", folder="/stolen", sha256="3" * 64, size_bytes=1)
    assert "belongs to another study" in ingest(job, job.token, [event]).log[0]
    assert other.checkpoints.get(name="low").folder != "/stolen"


def test_a_problem_set_written_again_keeps_its_problems() -> None:
    study = factories.study()
    before = set(Problem.objects.values_list("pk", "slug"))
    factories.write_problems(study, 4)
    assert set(Problem.objects.values_list("pk", "slug")) == before
    study.held_out_set.refresh_from_db()
    assert study.held_out_set.ready
    assert study.held_out_set.levels == 5


def test_nothing_of_a_batch_remains_when_its_transaction_is_rolled_back(evaluation: Evaluation) -> None:
    with transaction.atomic():
        factories.tell(evaluation.job, factories.sample_event(evaluation, slugs(evaluation)[0], 10, 2), Log(line="x"))
        transaction.set_rollback(True)
    job = Job.objects.get(pk=evaluation.job.pk)
    assert (Sample.objects.count(), Rollup.objects.count(), job.last_sequence) == (0, 0, -1)


def told(text: str) -> str:
    steps = (Step(role="user", text="?"), Step(role="assistant", text=text), Step(role="assistant", text="Done."))
    return Transcript(setting="tools", ended="answered", steps=steps).as_text()


def test_a_sample_keeps_its_transcript_and_can_be_found_by_how_it_ended(evaluation: Evaluation) -> None:
    slug, text = slugs(evaluation)[0], told("a zero byte \x00 and an ü")
    name = hashlib.sha256(text.encode()).hexdigest()
    records = (record(slug, 0, "A" * 10, transcript=name), record(slug, 1, "A" * 10))
    event = Samples(evaluation=evaluation.reference, samples=records, transcripts={name: text})
    factories.tell(evaluation.job, event)
    several, one = Sample.objects.order_by("index")
    assert read_transcript(several.transcript.text).steps[1].text == "a zero byte \x00 and an ü"
    assert (several.transcript.turns, several.transcript.ended, one.transcript) == (2, "answered", None)
    found = Sample.objects.filter(compile_filter("ended = answered and turns > 1", SAMPLE_FIELDS))
    assert list(found) == [several]


@pytest.mark.parametrize(("text", "name"), [("{}", None), (None, "0" * 64)])
def test_a_transcript_that_is_none_or_has_a_false_name_is_refused_and_the_sample_kept(
    evaluation: Evaluation, text: str | None, name: str | None
) -> None:
    text = told("x") if text is None else text
    name = name or hashlib.sha256(text.encode()).hexdigest()
    said = record(slugs(evaluation)[0], 0, "A" * 10, transcript=name)
    event = Samples(evaluation=evaluation.reference, samples=(said,), transcripts={name: text})
    (line,) = ingest(evaluation.job, evaluation.job.token, [event]).log
    assert "is no transcript" in line or "has another sha256" in line
    assert Sample.objects.get().transcript is None, "the verdict stays"
