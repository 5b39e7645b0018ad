"""What the rows promise by themselves."""

import factories
import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from frontier_app.models import Evaluation, Job, Program, Rollup, Sample, Study

pytestmark = pytest.mark.django_db


def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "frontier_app", check=True, dry_run=True, verbosity=0)


def test_a_sample_exists_once_for_an_evaluation_problem_and_index() -> None:
    measured = factories.measured_study(problems=1, samples=2, alphas=(0.0,))
    twin = Sample.objects.first()
    twin.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()
    assert Sample.objects.filter(evaluation=measured.evaluations[0]).count() == 2


def test_the_rollup_holds_exactly_what_the_samples_say() -> None:
    measured = factories.measured_study(problems=3, samples=5)
    for evaluation in measured.evaluations:
        for rollup in evaluation.rollups.filter(level=5):
            classes = list(
                Sample.objects.filter(evaluation=evaluation, problem=rollup.problem).values_list(
                    "failure_class", flat=True
                )
            )
            assert rollup.n == len(classes) - classes.count("I")
            assert (rollup.solved, rollup.optimisation, rollup.correctness, rollup.no_answer) == tuple(
                map(classes.count, "SOCN")
            )


def test_a_study_goes_with_everything_it_measured() -> None:
    measured = factories.measured_study(problems=2, samples=2)
    measured.study.delete()
    assert Evaluation.objects.count() == Sample.objects.count() == Rollup.objects.count() == Job.objects.count() == 0
    assert Program.objects.count() > 0


def test_a_state_that_does_not_exist_is_refused_by_the_database() -> None:
    job = factories.queued()
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(state="sleeping")


def test_a_job_knows_its_progress_its_waiting_and_its_retry() -> None:
    first = factories.queued()
    second = factories.queued(needs=[first])
    assert first.fraction is None
    assert second.waits_for() == [first]
    held = factories.hold(first)
    Job.objects.filter(pk=held.pk).update(done=3, total=2)
    held.refresh_from_db()
    assert held.fraction == 1.0
    assert held.retried_by() is None
    assert held.cost_seconds >= 0


def test_lists_of_jobs_cost_the_same_number_of_queries_for_two_rows_and_for_twenty() -> None:
    study = factories.empty_study()
    counts = []
    for number in (2, 20):
        for _ in range(number - study.jobs.count()):
            factories.queued(study, needs=[])
        with CaptureQueriesContext(connection) as queries:
            list(Job.objects.ready().filter(study=study))
            list(Job.objects.filter(study=study).for_lists())
            list(Study.objects.filter(pk=study.pk))
        counts.append(len(queries))
    assert counts == [3, 3]
