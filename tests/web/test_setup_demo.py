"""How `demo` decides that a study has ended, what it says, and the numbers it writes."""

import pytest

from frontier_app.embedded.people import login_address, researcher
from frontier_app.management.commands.demo import ended, failure_of, latest
from frontier_app.models import Checkpoint, Evaluation, Job, LoginLink, Problem, ProblemSet, Rollup, Study
from frontier_app.summary import measured_points

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return Study.objects.create(slug="example", title="Example")


def job(study: Study, title: str, state: str, needs: tuple[Job, ...] = (), **values: object) -> Job:
    made = Job.objects.create(
        reference=f"job-{Job.objects.count()}", study=study, kind="train", title=title, config={}, state=state, **values
    )
    made.needs.set(needs)
    return made


def outcome(study: Study) -> tuple[bool, str]:
    jobs = latest(study)
    return ended(study, jobs), failure_of(jobs)


def test_a_study_ends_when_all_its_jobs_have_succeeded(study):
    first = job(study, "first", Job.SUCCEEDED)
    assert outcome(study) == (True, "")
    job(study, "second", Job.QUEUED, needs=(first,))
    assert outcome(study)[0] is False


def test_a_study_ends_when_what_failed_blocks_all_the_rest(study):
    failed = job(study, "Train low", Job.FAILED, error="The disk is full.")
    waiting = job(study, "second", Job.QUEUED, needs=(failed,))
    job(study, "third", Job.QUEUED, needs=(waiting,))
    assert outcome(study) == (True, "The study failed because “Train low” failed: The disk is full.")


def test_a_lost_job_that_will_be_retried_ends_nothing(study):
    lost = job(study, "first", Job.LOST)
    assert outcome(study)[0] is False
    again = job(study, "first", Job.SUCCEEDED, parent=lost, attempt=2)
    assert latest(study) == [again]
    assert outcome(study) == (True, "")


def test_the_summary_has_a_point_with_rates_for_each_difficulty(study):
    problem_set = ProblemSet.objects.create(reference="held-out", title="held out", levels=2)
    problem = Problem.objects.create(
        problem_set=problem_set, slug="p", position=0, title="p", statement="", difficulty="hard",
        cpu_seconds=1, memory_bytes=1, content_sha256="0",
    )  # fmt: skip
    checkpoint = Checkpoint.objects.create(reference="low", name="low", study=study, origin=Checkpoint.TRAINED)
    evaluation = Evaluation.objects.create(
        study=study, reference="e", checkpoint=checkpoint, alpha=0.0, problem_set=problem_set, state=Evaluation.COMPLETE
    )
    for level, solved in ((1, 8), (2, 4)):
        Rollup.objects.create(
            evaluation=evaluation, problem=problem, level=level, n=8, solved=solved, correctness=8 - solved,
            infrastructure=1,
        )  # fmt: skip
    empty = {
        "n": 0,
        "solve_rate": None,
        "optimisation_failure_rate": None,
        "correctness_failure_rate": None,
        "no_answer_rate": None,
        "infrastructure_count": 0,
    }
    assert [point.as_json() for point in measured_points(study)] == [
        {
            "checkpoint": "low",
            "alpha": 0.0,
            "setting": "reasoning",
            "difficulties": {
                "easy": empty,
                "medium": empty,
                "hard": {
                    "n": 8,
                    "solve_rate": 0.5,
                    "optimisation_failure_rate": 0.0,
                    "correctness_failure_rate": 0.5,
                    "no_answer_rate": 0.0,
                    "infrastructure_count": 1,
                },
            },
        }
    ]


def test_the_printed_address_logs_in_once_and_the_one_before_it_no_longer(client):
    person = researcher()
    before, address = (login_address("http://testserver", person) for _ in range(2))
    assert not person.has_usable_password()
    assert LoginLink.objects.count() == 1
    assert client.get(before).status_code == 403
    assert client.get(address).status_code == 302
    assert client.session["_auth_user_id"] == str(person.pk)
    client.logout()
    assert client.get(address).status_code == 403
