"""One problem's page: tests by level, verdicts, programs, CPU time, and what is never shown."""

from collections import Counter

import factories
import pytest

from frontier_app.models import Problem
from frontier_app.numbers.problem import breakdowns, distinct_programs, growths, results_of, worst

pytestmark = pytest.mark.django_db


@pytest.fixture
def measured():
    return factories.measured_study(problems=1, samples=4, alphas=(0.0, 1.0))


@pytest.fixture
def problem(measured):
    return Problem.objects.filter(problem_set=measured.study.held_out_set).first()


def samples_of(problem):
    return list(problem.samples.select_related("evaluation"))


@pytest.mark.parametrize(
    ("letters", "decides"),
    [("AA", "A"), ("AT", "T"), ("TW", "W"), ("NN", "N"), ("AI", "I"), ("--", "-"), ("A-", "A"), ("MT", "M")],
)
def test_the_worst_letter_of_a_level_decides(letters, decides):
    assert worst(letters) == decides


def test_verdicts_by_level_count_every_sample_once_a_level(measured, problem):
    for row in breakdowns(problem, measured.evaluations):
        samples = [sample for sample in samples_of(problem) if sample.evaluation == row.evaluation]
        assert row.classes == Counter(sample.failure_class for sample in samples)
        for verdicts in row.levels:
            places = [place for place, group in enumerate(problem.test_groups) if group == verdicts.level]
            expected = Counter(worst(sample.letters[place] for place in places) for sample in samples)
            assert verdicts.letters == expected


def test_every_sample_belongs_to_one_distinct_program(measured, problem):
    programs = distinct_programs(problem, measured.evaluations)

    shown = [sample for sample in samples_of(problem) if sample.evaluation in measured.evaluations]
    assert sum(program.samples for program in programs) == len(shown)
    assert len(programs) == len({sample.program_id for sample in shown})
    assert [program.samples for program in programs] == sorted((one.samples for one in programs), reverse=True)


def test_a_program_has_a_result_on_every_test_in_size_order(measured, problem):
    program = next(one for one in distinct_programs(problem, measured.evaluations) if one.sha256)

    results = results_of(problem, program)

    assert "".join(result.letter for result in results) == program.letters
    assert [result.size_bytes for result in results] == [test["size_bytes"] for test in problem.tests]


def test_growth_has_one_median_a_test_that_ran(measured, problem):
    for growth in growths(problem, measured.evaluations):
        assert len(growth.sizes) == len(growth.milliseconds) == len(growth.letters) <= len(problem.tests)
        assert list(growth.sizes) == sorted(growth.sizes)


def test_public_tests_show_their_bytes_and_hidden_ones_only_sizes(client_of, measured, problem):
    secret = "31415926535"
    problem.tests[-1] |= {"public": False, "input_text": secret, "output_text": secret}
    problem.tests[0] |= {"public": True, "input_text": "2718281828\n", "output_text": "1\n"}
    problem.save()

    page = client_of(factories.alice()).get(f"/studies/miniature/problems/{problem.slug}/").content.decode()

    assert "2718281828" in page
    assert secret not in page


def test_a_link_shows_programs_only_when_it_may(client_of, measured, problem):
    address = f"/studies/miniature/problems/{problem.slug}/"
    text = factories.FAST.splitlines()[0]

    for allowed in (False, True):
        client = factories.reader(measured.study, "problem", f"@problem={problem.slug}", allowed)
        page = client.get(address).content.decode()
        assert ("One program" in page) is allowed
        assert (text in page) is allowed


def test_a_program_is_chosen_by_the_address(client_of, measured, problem):
    client = client_of(factories.alice())
    programs = [one for one in distinct_programs(problem, measured.evaluations) if one.sha256]
    last = programs[-1]

    context = client.get(f"/studies/miniature/problems/{problem.slug}/?program={last.sha256}").context

    assert context["program"].sha256 == last.sha256
    assert context["program"].text


def test_programs_can_be_narrowed_to_one_checkpoint(client_of, measured, problem):
    at = measured.evaluations[0]

    context = client_of(factories.alice()).get(f"/studies/miniature/problems/{problem.slug}/?at={at.reference}").context

    assert context["samples"] == problem.samples.filter(evaluation=at).count()


def test_text_of_a_program_is_escaped(client_of, measured, problem):
    program = next(one for one in samples_of(problem) if one.program).program
    program.text = "<img src=x onerror=alert(1)>"
    program.save()

    page = client_of(factories.alice()).get(f"/studies/miniature/problems/{problem.slug}/?program={program.sha256}")

    assert "<img src=x" not in page.content.decode()


def test_the_size_figure_draws_one_line_a_checkpoint(client_of, measured, problem):
    figure = client_of(factories.alice()).get(f"/studies/miniature/problems/{problem.slug}/sizes.json").json()

    assert len(figure["data"]) <= len(measured.evaluations) + 1
    assert figure["layout"]["yaxis"]["type"] == "log"


def test_a_problem_of_another_study_is_not_found(client_of, measured, problem):
    other = factories.study("other", problems=3)
    foreign = Problem.objects.filter(problem_set=other.held_out_set).last()

    assert client_of(factories.alice()).get(f"/studies/miniature/problems/{foreign.slug}/").status_code == 404
