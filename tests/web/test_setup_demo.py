"""How `demo` decides that a study has ended, what it says, and the numbers it writes."""

from io import StringIO

import pytest
from rich.console import Console

from frontier_app.embedded.people import login_address, researcher
from frontier_app.embedded.terminal import points_table
from frontier_app.management.commands.demo import ended, failure_of, latest
from frontier_app.models import Checkpoint, Evaluation, Job, LoginLink, Path, Problem, ProblemSet, Rollup, Study
from frontier_app.numbers.summary import measured_points

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


@pytest.fixture
def swept(study: Study) -> Study:
    """Points in an order that nobody wants to read them in."""
    problem_set = ProblemSet.objects.create(reference="held-out", title="held out")
    base, low, mid, high, merge = (
        Checkpoint.objects.create(reference=name, name=name, study=study, origin=origin)
        for name, origin in (
            ("base", Checkpoint.BASE),
            ("low", Checkpoint.TRAINED),
            ("mid", Checkpoint.TRAINED),
            ("high", Checkpoint.TRAINED),
            ("low → high at -0.25", Checkpoint.MERGED),
        )
    )
    path = Path.objects.create(study=study, name="low → high", low=low, high=high)
    problems = [
        Problem.objects.create(
            problem_set=problem_set,
            slug=f"p{position}",
            position=position,
            title="p",
            statement="",
            difficulty="hard",
            cpu_seconds=1,
            memory_bytes=1,
            content_sha256="0",
        )
        for position in range(2)
    ]
    for checkpoint, alpha in ((mid, None), (high, 1.0), (merge, -0.25), (base, None), (low, 0.0)):
        evaluation = Evaluation.objects.create(
            study=study, reference=f"of {checkpoint}", checkpoint=checkpoint, problem_set=problem_set, alpha=alpha,
            path=None if alpha is None else path, state=Evaluation.COMPLETE,
        )  # fmt: skip
        for problem, solved in zip(problems, (100, 300), strict=True):
            counts = {"n": 600, "solved": solved, "correctness": 600 - solved}
            Rollup.objects.create(evaluation=evaluation, problem=problem, level=problem_set.levels, **counts)
    return study


def test_points_go_from_the_base_along_the_path_to_the_others(swept):
    names = [point.evaluation.checkpoint.name for point in measured_points(swept)]
    assert names == ["base", "low → high at -0.25", "low", "high", "mid"]


def test_rates_are_means_over_the_problems_of_each_difficulty_that_there_is(swept):
    Problem.objects.filter(slug="p1").update(difficulty="olympiad")
    Rollup.objects.filter(problem__slug="p0").update(n=60, solved=6, correctness=54)
    swept.held_out_set = ProblemSet.objects.get()
    assert list(measured_points(swept)[0].as_json()["difficulties"]) == ["hard", "olympiad"]
    Problem.objects.update(difficulty="olympiad")
    told = measured_points(swept)[0].as_json()["difficulties"]["olympiad"]
    assert told["solve_rate"] == pytest.approx((6 / 60 + 300 / 600) / 2)
    assert told["n"] == 660


def test_in_a_terminal_of_80_columns_each_point_is_one_line(swept):
    console = Console(width=80, record=True, file=StringIO())
    console.print(points_table(measured_points(swept), "Example"))
    lines = console.export_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("  base"))
    assert [line.split()[:-10] for line in lines[first : first + 5]] == [
        ["base", "—"],
        ["low", "→", "high", "-0.25"],
        ["low", "0"],
        ["high", "1"],
        ["mid", "—"],
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
