"""The samples behind a cell: which ones a filter leaves, one with its tests, what is hidden, who sees them."""

from pathlib import Path
from urllib.parse import urlencode

import factories
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compute.events import Finished
from frontier_app.models import Job, Problem, Program, Sample
from frontier_app.numbers.failures.samples import PAGE, asked_by, matching

pytestmark = pytest.mark.django_db
ADDRESS = "/studies/miniature/failures/samples/"
SECRET = "31415926535"


@pytest.fixture
def measured():
    return factories.measured_study(problems=3, samples=12, alphas=(0.0, 1.0))


@pytest.fixture
def problem(measured):
    return Problem.objects.get(problem_set=measured.study.held_out_set, position=1)


@pytest.fixture
def evaluation(measured):
    return measured.evaluations[0]


def opened(client, evaluation, status=200, **query):
    response = client.get(f"{ADDRESS}?{urlencode({'evaluation': evaluation.reference, **query}, doseq=True)}")
    assert response.status_code == status, response.content.decode()[-600:]
    return response


def listed(client, evaluation, **query):
    return [row["line"].sample.pk for row in opened(client, evaluation, **query).context["rows"]]


def keys(rows):
    return list(rows.order_by("problem", "index").values_list("pk", flat=True))


def test_a_cell_lists_its_samples_in_order(client_of, evaluation, problem):
    found = listed(client_of(factories.alice()), evaluation, problem=problem.slug)
    assert found == keys(evaluation.samples.filter(problem=problem))
    assert len(found) == 12


def test_the_order_of_samples_needs_no_other_table(evaluation):
    rows = matching(evaluation, None, asked_by({}, []))
    assert " JOIN " not in str(rows.query)
    assert list(rows.values_list("pk", flat=True)) == keys(evaluation.samples.all())


def test_filters_leave_what_the_rows_say(client_of, measured, problem):
    client, evaluation = client_of(factories.alice()), measured.evaluations[1]
    rows = evaluation.samples.all()
    assert listed(client, evaluation, **{"class": ["C", "N"]}) == keys(rows.filter(failure_class__in="CN"))
    assert listed(client, evaluation, letter="T") == keys(rows.filter(letters__contains="T"))
    assert listed(client, evaluation, least=25, most=30) == keys(rows.filter(tokens__range=(25, 30)))
    assert listed(client, evaluation, text="n * n") == keys(rows.filter(program__text__contains="n * n"))
    assert listed(client, evaluation, text=r"range\(n\)\s+for", regex=1) == keys(
        rows.filter(program__text__contains="range(n) for")
    )
    assert listed(client, evaluation, q="class = solved and tokens < 30") == keys(
        rows.filter(failure_class="S", tokens__lt=30)
    )
    begins = [one.pk for one in rows.filter(problem=problem).order_by("index") if one.letters.startswith("AAAAAAT")]
    assert listed(client, evaluation, problem=problem.slug, level=4) == begins


def test_text_is_looked_for_as_it_stands(client_of, evaluation):
    Program.objects.filter(text__contains="range").update(text="x = '100%_\\\\'")
    client = client_of(factories.alice())
    assert listed(client, evaluation, text="100%_\\") == keys(evaluation.samples.filter(program__text__contains="%_"))
    assert listed(client, evaluation, text="100_") == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"text": "(", "regex": 1}, "not a regular expression"),
        ({"class": "X"}, "A class is one of"),
        ({"letter": "Z"}, "A verdict is one of"),
        ({"least": "many"}, "whole number"),
        ({"most": "99999999999"}, "whole number"),
        ({"least": "²"}, "whole number"),
        ({"least": "0" * 12 + "9" * 5_000}, "whole number"),
        ({"level": 2}, "Choose a problem as well"),
        ({"level": 77, "problem": "001-squares"}, "no test level 77"),
        ({"text": "a" * 500}, "at most 400"),
        ({"q": "tokens >"}, ""),
        ({"q": "colour = blue"}, "colour"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_sentence(client_of, evaluation, query, said):
    page = opened(client_of(factories.alice()), evaluation, 422, **query)
    assert said in page.content.decode()
    assert page.context["rows"] == []


def test_a_long_list_has_pages_with_every_filter_kept(client_of, measured, evaluation):
    factories_rows = [
        Sample(evaluation=evaluation, problem=one.problem, index=index, letters=one.letters, tokens=7,
               failure_class=one.failure_class, first_failure=one.first_failure, cpu_seconds=0, memory_bytes=0)
        for one in evaluation.samples.filter(index=0)
        for index in range(100, 125)
    ]  # fmt: skip
    Sample.objects.bulk_create(factories_rows)
    client = client_of(factories.alice())
    first = opened(client, evaluation, most=7)
    assert len(first.context["rows"]) == PAGE
    assert first.context["page"].total == 75
    assert "most=7" in first.context["later"]
    last = client.get(ADDRESS + first.context["later"])
    assert len(last.context["rows"]) == 25
    assert last.context["later"] is None
    assert opened(client, evaluation, page="99999").context["rows"] == []


def test_one_sample_opens_at_its_first_failing_test(client_of, evaluation, problem):
    sample = evaluation.samples.filter(problem=problem, letters__contains="T").order_by("index").first()
    page = opened(
        client_of(factories.alice()), evaluation, problem=problem.slug, sample=f"{problem.slug}:{sample.index}"
    )
    test = page.context["test"]
    assert (test.number, test.letter, test.level) == (7, "T", 4)
    assert sample.program.text in page.context["program"]
    assert [one["test"].letter for one in page.context["tests"]] == list(sample.letters)
    assert "50 ms" in page.content.decode()


def test_a_public_test_shows_its_bytes_and_a_hidden_one_never(client_of, evaluation, problem):
    problem.tests[-1] |= {"public": False, "input_text": SECRET, "output_text": SECRET}
    problem.tests[0] |= {"public": True, "input_text": "2718281828\n", "output_text": "<1>\n"}
    problem.save()
    client, key = client_of(factories.alice()), f"{problem.slug}:0"
    shown = opened(client, evaluation, sample=key, test=1).content.decode()
    assert "2718281828" in shown
    assert "&lt;1&gt;" in shown
    for number in range(1, 11):
        assert SECRET not in opened(client, evaluation, sample=key, test=number).content.decode()
    assert "This test is hidden" in opened(client, evaluation, sample=key, test=10).content.decode()


@pytest.mark.parametrize("key", ["001-squares:999", "001-squares:x", "nothing", "other:0", "001-squares:" + "9" * 40])
def test_a_sample_that_is_not_there_is_not_found(client_of, evaluation, key):
    opened(client_of(factories.alice()), evaluation, 404, sample=key)


def test_without_an_evaluation_the_page_says_what_to_choose(client_of, measured):
    page = client_of(factories.vera()).get(ADDRESS)
    assert page.status_code == 200
    assert "Choose a checkpoint" in page.content.decode()


def test_members_alone_see_samples_and_of_their_own_study_only(client_of, measured, evaluation):
    query = f"?evaluation={evaluation.reference}"
    assert client_of(factories.vera()).get(ADDRESS + query).status_code == 200
    assert client_of(factories.charlie()).get(ADDRESS + query).status_code == 404
    other = factories.measured_study(slug="other", problems=1, samples=1, alphas=(0.0,))
    assert client_of(factories.alice()).get(f"{ADDRESS}?evaluation={other.evaluations[0].reference}").status_code == 404
    link = factories.link(measured.study, allow_programs=True)
    bearer = client_of(None)
    bearer.get(f"/share/{link.token}/")
    assert bearer.get(ADDRESS + query).status_code == 404


def test_many_rows_cost_no_more_queries_than_few(client_of, evaluation, problem):
    client = client_of(factories.alice())

    def queries(**query):
        with CaptureQueriesContext(connection) as seen:
            opened(client, evaluation, **query)
        return len(seen)

    queries()
    assert queries() == queries(problem=problem.slug, least=39) - 1  # the problem itself


# A look at what a program writes --------------------------------------------------------------------------------------

INSPECT = "/studies/miniature/failures/inspect/"


@pytest.fixture
def public(problem):
    """The problem with a file on this server, whose first test is public."""
    problem.tests[0] |= {"public": True, "input_text": "3\n", "output_text": "9\n"}
    problem.save()
    path = Path(factories.source(problem.problem_set).path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return problem


@pytest.fixture
def sample(evaluation, public):
    return evaluation.samples.filter(problem=public, program__isnull=False).order_by("index").first()


def look(client, evaluation, sample, test=1):
    key = f"{sample.problem.slug}:{sample.index}"
    return client.post(INSPECT, {"evaluation": evaluation.reference, "sample": key, "test": test})


def test_a_look_is_a_job_whose_finding_stands_beside_the_expected_output(client_of, evaluation, sample):
    client, key = client_of(factories.bob()), f"{sample.problem.slug}:{sample.index}"
    before = opened(client, evaluation, sample=key, test=1).content.decode()
    assert "not outputs" in before
    assert look(client, evaluation, sample).status_code == 302
    job = Job.objects.get(kind="inspect")
    assert (job.config["test"], job.config["program"]) == (1, sample.program.text)
    look(client, evaluation, sample)
    assert Job.objects.filter(kind="inspect").count() == 1
    assert "is run again" in opened(client, evaluation, sample=key, test=1).content.decode()

    summary = {"letter": "W", "rule": "", "cpu_seconds": 0.01, "wall_seconds": 0.02, "memory_bytes": 9 << 20,
               "isolation": "rlimits", "got": "<7>\n", "got_bytes": 4, "error_output": "oh & no"}  # fmt: skip
    factories.tell(factories.hold(job), Finished(summary=summary))
    after = opened(client, evaluation, sample=key, test=1).content.decode()
    assert "&lt;7&gt;" in after
    assert "oh &amp; no" in after
    assert "The evaluation saw" in after
    assert "&lt;7&gt;" not in opened(client, evaluation, sample=key, test=2).content.decode()


def test_a_look_under_other_limits_is_another_look(client_of, evaluation, sample):
    client = client_of(factories.bob())
    look(client, evaluation, sample)
    evaluation.limits = {"cpu_seconds": 9}
    evaluation.save()
    assert (
        "is run again"
        not in opened(client, evaluation, sample=f"{sample.problem.slug}:{sample.index}", test=1).content.decode()
    )
    look(client, evaluation, sample)
    look(client, evaluation, sample)
    jobs = Job.objects.filter(kind="inspect").order_by("pk")
    assert [job.config["limits"]["cpu_seconds"] for job in jobs] == [None, 9]


def test_nobody_looks_at_hidden_tests(client_of, evaluation, sample):
    client = client_of(factories.alice())
    response = client.post(
        INSPECT, {"evaluation": evaluation.reference, "sample": f"{sample.problem.slug}:{sample.index}", "test": 9},
        follow=True,
    )  # fmt: skip
    assert "This test is hidden" in response.content.decode()
    assert not Job.objects.filter(kind="inspect").exists()


def test_an_answer_without_a_program_has_nothing_to_run(client_of, evaluation, sample):
    sample.program = None
    sample.save()
    look(client_of(factories.alice()), evaluation, sample)
    assert not Job.objects.filter(kind="inspect").exists()


def test_those_who_may_launch_look_and_nobody_else(client_of, evaluation, sample):
    assert look(client_of(factories.vera()), evaluation, sample).status_code == 403
    assert look(client_of(factories.charlie()), evaluation, sample).status_code == 404
    assert client_of(factories.bob()).get(INSPECT).status_code == 405
    assert not Job.objects.filter(kind="inspect").exists()


def test_all_matching_samples_come_as_a_file(client_of, evaluation):
    response = opened(client_of(factories.vera()), evaluation, letter="T", format="csv")
    lines = response.content.decode().splitlines()
    assert len(lines) == 1 + evaluation.samples.filter(letters__contains="T").count()
    assert "print(" not in response.content.decode()
    assert opened(client_of(factories.vera()), evaluation, 400, format="doc").status_code == 400
    opened(client_of(factories.vera()), evaluation, 422, text="(", regex=1, format="csv")
