"""The programs of one problem: counted, named, with the verdict of each test, and who may read them."""

import hashlib
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from compute.events import SampleRecord, Samples
from frontier_app.models import Problem, Sample, Study
from frontier_app.numbers.placement import select
from frontier_app.numbers.programs_written import NAME_DIGITS, NotWritten, grouped, one_program, problem_programs
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def measured(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[factories.Measured]:
    """Measured once for the module, in a transaction that ends with it; what a test changes is undone after it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield factories.measured_study(problems=4, samples=6, alphas=(0.0, 0.5, 1.0))
        transaction.set_rollback(True)


def a_problem(measured: factories.Measured) -> Problem:
    return measured.study.held_out_set.problems.order_by("position")[2]


def address(name: str, study: Study, **query: str) -> str:
    return reverse(name, args=[study.slug]) + "?" + "&".join(f"{key}={value}" for key, value in query.items())


def shared(study: Study, allow_programs: bool) -> Client:
    client = Client()
    client.get(reverse("share", args=[factories.link(study, allow_programs).token]))
    return client


def test_identical_programs_are_counted_over_their_verdicts() -> None:
    rows = [("b", "AAAA", 2), ("a", "AAAT", 3), ("a", "AATT", 1), (None, "NNNN", 3), ("c", "WWWW", 1)]
    assert grouped(rows)[0] == {"program": "a", "count": 4, "letters": "AAAT", "verdicts": 2}
    assert [one["program"] for one in grouped(rows)] == ["a", None, "b", "c"]


def test_ties_between_programs_go_by_content_hash_and_no_program_comes_last() -> None:
    assert [one["program"] for one in grouped([(None, "NN", 2), ("b", "AA", 2), ("a", "AA", 2)])] == ["a", "b", None]
    assert grouped([(None, "NN", 3), ("b", "AA", 2)])[0]["program"] is None


def test_every_program_of_every_alpha_is_there_with_its_count(measured: factories.Measured) -> None:
    problem = a_problem(measured)
    found = problem_programs(measured.study, problem, select(measured.study, {}))
    for evaluation in measured.evaluations:
        row = found["evaluations"][evaluation.reference]
        samples = Sample.objects.filter(evaluation=evaluation, problem=problem)
        expected = Counter(name and name[:NAME_DIGITS] for name in samples.values_list("program_id", flat=True))
        assert {one["program"]: one["count"] for one in row["written"]} == expected
        assert row["n"] == samples.count()
        assert row["distinct"] == len(set(expected) - {None})
        first = row["written"][0]
        assert first["count"] == max(expected.values())
        assert first["program"] is None or first["program"] in found["programs"]


def test_one_program_comes_with_its_text_and_how_each_test_went(measured: factories.Measured) -> None:
    problem, evaluation = a_problem(measured), measured.evaluations[0]
    samples = Sample.objects.filter(evaluation=evaluation, problem=problem).exclude(program=None)
    sha256 = Counter(samples.values_list("program_id", flat=True)).most_common(1)[0][0]
    with CaptureQueriesContext(connection) as queries:
        found = one_program(evaluation, problem, sha256[:NAME_DIGITS])
    assert not any(Sample._meta.db_table in query["sql"] and '"text"' in query["sql"] for query in queries)
    assert hashlib.sha256(str(found["text"]).encode()).hexdigest() == sha256
    own = list(samples.filter(program=sha256).values_list("letters", "test_milliseconds"))
    assert found["samples"] == len(own)
    for place, test in enumerate(found["tests"]):
        letters = Counter(got[place] for got, _ in own)
        assert letters[test["letter"]] == max(letters.values())
        assert test["passed"] == letters["A"]
        times = [milliseconds[place] for _, milliseconds in own]
        assert (test["milliseconds"], test["most_milliseconds"]) == (np.median(times), max(times))
        assert (test["group"], test["size_bytes"]) == (
            problem.tests[place]["group"],
            problem.tests[place]["size_bytes"],
        )


def test_a_program_that_was_judged_differently_twice_shows_the_commoner_letter(measured: factories.Measured) -> None:
    problem = a_problem(measured)
    planned = factories.planned_evaluation(measured.study, measured.study.base, samples=3)
    sha256 = hashlib.sha256(b"pass").hexdigest()
    letters = ("A" * 10, "A" * 9 + "T", "A" * 9 + "-")
    records = tuple(
        SampleRecord(
            problem=problem.slug,
            index=index,
            letters=got,
            cpu_seconds=0.1,
            memory_bytes=1,
            tokens=1,
            program=sha256,
            test_cpu_seconds=(0.001 * (index + 1),) * 10,
        )
        for index, got in enumerate(letters)
    )
    event = Samples(evaluation=planned.reference, samples=records, programs={sha256: "pass"})
    factories.tell(factories.hold(planned.job), event)
    found = one_program(planned, problem, sha256[:NAME_DIGITS])["tests"]
    assert (found[0]["letter"], found[0]["passed"], found[0]["milliseconds"]) == ("A", 3, 2.0)
    assert (found[9]["passed"], found[9]["milliseconds"], found[9]["most_milliseconds"]) == (1, 1.5, 2)
    assert Sample.objects.filter(evaluation=planned).count() == 3


def test_answers_without_a_program_are_a_group_of_their_own(measured: factories.Measured) -> None:
    problem, evaluation = a_problem(measured), measured.evaluations[1]
    Sample.objects.filter(evaluation=evaluation, problem=problem, index=0).update(
        program=None, letters="N" * 10, test_milliseconds=[]
    )
    found = one_program(evaluation, problem, "none")
    assert (found["text"], found["program"]) == (None, None)
    assert {test["letter"] for test in found["tests"]} == {"N"}
    assert {test["milliseconds"] for test in found["tests"]} == {None}


@pytest.mark.parametrize("name", ["", "0" * 15, "0" * 17, "g" * 16, "%25", "0" * 16])
def test_a_program_that_was_not_written_is_not_found(measured: factories.Measured, client_of, name: str) -> None:
    problem, evaluation = a_problem(measured), measured.evaluations[0]
    with pytest.raises(NotWritten):
        one_program(evaluation, problem, name)
    query = {"problem": problem.slug, "evaluation": evaluation.reference, "program": name}
    response = client_of(factories.alice()).get(address("study_program", measured.study, **query))
    assert response.status_code == 404
    assert response.json()["error"]


def test_a_share_link_without_programs_gets_neither_list_nor_text(measured: factories.Measured) -> None:
    problem, evaluation = a_problem(measured), measured.evaluations[0]
    query = {"problem": problem.slug, "evaluation": evaluation.reference, "program": "none"}
    client = shared(measured.study, allow_programs=False)
    for name in ("study_programs", "study_program"):
        assert client.get(address(name, measured.study, **query)).status_code == 403


def test_a_share_link_that_allows_programs_shows_them(measured: factories.Measured) -> None:
    problem = a_problem(measured)
    client = shared(measured.study, allow_programs=True)
    response = client.get(address("study_programs", measured.study, problem=problem.slug))
    assert response.status_code == 200
    name, text = next(iter(response.json()["programs"].items()))
    evaluation = Sample.objects.filter(program__sha256__startswith=name, problem=problem).first().evaluation
    query = {"problem": problem.slug, "evaluation": evaluation.reference, "program": name}
    assert client.get(address("study_program", measured.study, **query)).json()["text"] == text


def test_programs_of_the_second_family_are_those_of_its_path_and_a_link_must_show_it(
    measured: factories.Measured, client_of
) -> None:
    study, problem = measured.study, a_problem(measured)
    factories.trained_run(study, "mid", 0.7)
    other = study.paths.create(name="other", low=measured.path.low, high=study.checkpoints.get(name="mid"))
    there = factories.measure(study, factories.point_on(other, 0.25), 4, alpha=0.25, path=other)
    family = {"problem": problem.slug, "with": f"{other.pk}:reasoning", "family": "second"}
    client = client_of(factories.alice())
    found = client.get(address("study_programs", study, **family)).json()
    assert there.reference in found["evaluations"]
    assert measured.evaluations[1].reference not in found["evaluations"]
    name = found["evaluations"][there.reference]["written"][0]["program"]
    one = address("study_program", study, **family, evaluation=there.reference, program=name or "none")
    assert client.get(one).json()["samples"] >= 1
    assert client.get(address("study_programs", study, problem=problem.slug, family="second")).status_code == 400
    for query, status in (("", 404), (f"with={other.pk}%3Areasoning", 200)):
        reader = factories.reader(study, query=query, allow_programs=True)
        assert reader.get(one).status_code == status
    assert factories.reader(study, query=f"with={other.pk}%3Areasoning").get(one).status_code == 403


def test_a_stranger_and_somebody_unknown_get_nothing(measured: factories.Measured, client_of) -> None:
    query = {"problem": a_problem(measured).slug, "evaluation": measured.evaluations[0].reference, "program": "none"}
    for name in ("study_programs", "study_program"):
        assert client_of(factories.charlie()).get(address(name, measured.study, **query)).status_code == 404
        assert client_of(None).get(address(name, measured.study, **query)).status_code in (302, 403)


def test_tests_leave_the_server_as_levels_sizes_and_verdicts_alone(measured: factories.Measured, client_of) -> None:
    problem = a_problem(measured)
    client = client_of(factories.alice())
    listed = client.get(address("study_programs", measured.study, problem=problem.slug))
    assert all(set(test) == {"group", "size_bytes"} for test in listed.json()["problem"]["tests"])
    one = listed.json()["evaluations"][measured.evaluations[0].reference]["written"][0]
    query = {
        "problem": problem.slug,
        "evaluation": measured.evaluations[0].reference,
        "program": one["program"] or "none",
    }
    shown = client.get(address("study_program", measured.study, **query))
    fields = {"group", "size_bytes", "letter", "passed", "milliseconds", "most_milliseconds"}
    assert all(set(test) == fields for test in shown.json()["tests"])
    for response in (listed, shown):
        assert "input_text" not in response.content.decode()


def test_an_unknown_problem_and_another_studys_rows_are_not_found(measured: factories.Measured, client_of) -> None:
    client = client_of(factories.alice())
    assert client.get(address("study_programs", measured.study, problem="none-such")).status_code == 404
    other = factories.study("other", problems=2)
    foreign, evaluation = measured.study.held_out_set.problems.last().slug, measured.evaluations[0].reference
    assert client.get(address("study_programs", other, problem=foreign)).status_code == 404
    own = other.held_out_set.problems.first().slug
    query = {"problem": own, "evaluation": evaluation, "program": "none"}
    assert client.get(address("study_program", other, **query)).status_code == 404


def test_the_number_of_queries_does_not_grow_with_alphas_and_samples() -> None:
    counts = []
    for slug, samples, alphas in (("few", 1, (0.0, 1.0)), ("many", 8, (-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5))):
        made = factories.measured_study(slug, 3, samples, alphas)
        with CaptureQueriesContext(connection) as queries:
            problem_programs(made.study, a_problem(made), select(made.study, {}))
        counts.append(len(queries))
    assert counts[0] == counts[1]
