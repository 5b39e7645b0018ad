"""One evaluation's page, and the line that says what the study page's figures rest on."""

import re
from collections import Counter
from html import unescape

import factories
import pytest

from compute.events import EvaluationStarted, Finished, SampleRecord, Samples
from frontier_app.models import Evaluation, Problem, Sample
from frontier_app.numbers.collapse import SIGNS
from frontier_app.numbers.evaluation import letters_of, standings, troubled
from frontier_app.numbers.explorer import data_version, explorer_data
from frontier_app.numbers.placement import select
from frontier_app.numbers.problem import worst
from frontier_app.viewer import Viewer
from frontier_app.views.evaluations import ALARM_WORDS

pytestmark = pytest.mark.django_db


@pytest.fixture
def measured() -> factories.Measured:
    return factories.measured_study(problems=8, samples=4, alphas=(0.0, 0.5, 1.0))


@pytest.fixture
def spoiled(measured: factories.Measured) -> Evaluation:
    """An evaluation of which infrastructure spoiled one sample of the first problem and two of the second."""
    study = measured.study
    evaluation = factories.planned_evaluation(study, study.checkpoints.get(name="low"), samples=2)
    job = factories.hold(evaluation.job)
    started = EvaluationStarted(
        evaluation=evaluation.reference, checkpoint="miniature.low", problem_set=study.held_out_set.reference,
        alpha=None, setting="reasoning", samples_per_problem=2, isolation="none+rlimits", levels=5,
    )  # fmt: skip
    slugs = list(study.held_out_set.problems.values_list("slug", flat=True)[:2])
    letters = {
        (slugs[0], 0): "AAAAAAAAII",
        (slugs[0], 1): "AAAAAAAATT",
        (slugs[1], 0): "I" * 10,
        (slugs[1], 1): "I" * 10,
    }
    records = tuple(
        SampleRecord(problem=slug, index=index, letters=one, cpu_seconds=0.1, memory_bytes=1, tokens=1, program=None)
        for (slug, index), one in letters.items()
    )
    factories.tell(job, started, Samples(evaluation=evaluation.reference, samples=records), Finished())
    evaluation.refresh_from_db()
    return evaluation


def address(evaluation: Evaluation) -> str:
    return f"/studies/{evaluation.study.slug}/evaluations/{evaluation.reference}/"


def test_every_alarm_of_an_evaluation_is_told_in_words(client_of, measured):
    evaluation = measured.evaluations[0]
    evaluation.alarms = dict.fromkeys(SIGNS, 0.125)
    evaluation.setting = "tools"
    evaluation.save()

    shown = client_of(factories.vera()).get(address(evaluation)).context["alarms"]

    assert {words for words, _ in shown} == {ALARM_WORDS[name] for name in SIGNS}


def test_standings_add_up_over_difficulties(measured):
    evaluation = measured.evaluations[0]
    *each, whole = standings(evaluation)

    assert [one.difficulty for one in each] == ["easy", "medium", "hard"]
    assert whole.n == sum(one.n for one in each) == 32
    assert sum(reading.rate for reading in whole.rates.values()) == pytest.approx(1)
    assert whole.problems == whole.of == 8


def test_letters_count_every_test_and_every_sample_once_a_level(measured):
    evaluation = measured.evaluations[1]
    samples = list(Sample.objects.filter(evaluation=evaluation).values_list("letters", flat=True))

    found = letters_of(evaluation)

    assert found.tests == Counter("".join(samples))
    for verdicts in found.levels:
        own = [index for index, group in enumerate(factories.GROUPS) if group == verdicts.level]
        assert verdicts.letters == Counter(worst(letters[place] for place in own) for letters in samples)


def test_infrastructure_trouble_is_counted_apart_and_named_by_problem(client_of, spoiled):
    assert standings(spoiled)[-1].n == 1
    assert [(row.problem.slug, row.infrastructure, row.n) for row in troubled(spoiled)] == [
        ("001-squares", 2, 0),
        ("000-squares", 1, 1),
    ]
    page = client_of(factories.bob()).get(address(spoiled)).content.decode()
    assert "samples left out of n" in page
    assert "no isolation, resource limits" in page


def test_the_page_says_what_was_asked_and_how_it_was_judged(client_of, measured):
    evaluation = measured.evaluations[1]
    toolchain = {"interpreter": "/opt/secret/python", "cpp_flags": ["-O2", "-static"]}
    limits = {"cpu_seconds": 2.5, "memory_bytes": 1 << 30, "wall_factor": 10.0, "unsafe": True}
    evaluation.limits = limits | {"toolchain": toolchain}
    evaluation.save()

    page = client_of(factories.alice()).get(address(evaluation)).content.decode()

    assert "0.5 × low + 0.5 × high" in page
    for words in ("2.5 s", "1 GiB", "10 × the CPU limit", "unsafe was allowed", "-O2 -static", "another interpreter"):
        assert words in page, words
    assert "/opt/secret" not in page
    assert evaluation.job.get_absolute_url() in page


def test_an_evaluation_that_nobody_began_says_so(client_of, measured):
    planned = factories.planned_evaluation(measured.study, measured.study.base, samples=7)

    page = client_of(factories.alice()).get(address(planned)).content.decode()

    assert "Not measured yet" in page
    assert "See its job" in page


def test_rights_are_those_of_the_study(client_of, measured):
    evaluation = measured.evaluations[0]
    other = factories.study("other", problems=1)

    assert client_of(factories.charlie()).get(address(evaluation)).status_code == 404
    assert client_of(None).get(address(evaluation)).status_code == 302
    assert (
        client_of(factories.alice()).get(f"/studies/{other.slug}/evaluations/{evaluation.reference}/").status_code
        == 404
    )
    reader = factories.reader(measured.study, "evaluation", f"@reference={evaluation.reference}")
    page = reader.get(address(evaluation))
    assert page.status_code == 200
    assert "/jobs/" not in page.content.decode()


def test_a_member_goes_on_to_samples_failures_and_a_comparison_with_its_path(client_of, measured):
    one, client = measured.evaluations[1], client_of(factories.vera())
    base = measured.study.evaluations.get(checkpoint=measured.study.base)
    agentic = factories.measure(measured.study, measured.study.base, 2)
    Evaluation.objects.filter(pk=agentic.pk).update(setting="agentic")
    page = client.get(address(one)).content.decode()
    ways = [unescape(way) for way in re.findall(r'href="([^"]*(?:samples|failures|compare)/\?[^"]*)"', page)]
    compare = f"/studies/miniature/compare/?a={{}}&b={one.reference}"
    assert ways == [
        f"/studies/miniature/failures/samples/?evaluation={one.reference}",
        f"/studies/miniature/failures/?at={one.reference}",
        *(compare.format(other.reference) for other in (measured.evaluations[0], measured.evaluations[2], base)),
        f"/studies/miniature/compare/?b={one.reference}",
    ]
    assert {client.get(way).status_code for way in ways} == {200}
    assert "failures/?setting=agentic&amp;at=" in client.get(address(agentic)).content.decode()
    reader = factories.reader(measured.study, "evaluation", f"@reference={one.reference}")
    assert "/compare/" not in reader.get(address(one)).content.decode()


def test_checkpoints_problems_and_jobs_lead_to_evaluations(client_of, measured):
    client, wanted = client_of(factories.alice()), address(measured.evaluations[2])

    for page in ("/studies/miniature/checkpoints/", "/studies/miniature/problems/000-squares/",
                 measured.evaluations[2].job.get_absolute_url()):  # fmt: skip
        assert wanted in client.get(page).content.decode(), page


def words(study, **query: str) -> list[str]:
    found = explorer_data(study, select(study, query), Viewer(user=factories.alice()))
    return [one["words"] for one in found["conditions"]]


def test_the_study_page_says_what_its_figures_rest_on(measured):
    study = measured.study

    assert words(study) == [
        "judged under resource limits",
        "CPU 50 ms a test",
        "memory 256 MiB",
        "nothing lost to infrastructure",
        "tests not audited",
    ]
    factories.audit(study)
    hard = study.held_out_set.problems.filter(difficulty="hard")
    marked = sum(any(not mark.startswith("no-") for mark in one.audit["marks"]) for one in hard)
    assert words(study)[-1] == f"audit: {marked} of 4 hard problems marked"


def test_mixed_isolation_limits_and_lost_samples_are_said(measured, spoiled):
    study = measured.study
    Problem.objects.filter(slug="001-squares").update(cpu_seconds=2.0, difficulty="easy")
    Problem.objects.filter(slug="000-squares").update(difficulty="easy")

    found = explorer_data(study, select(study, {"difficulty": "easy"}), Viewer(user=factories.alice()))["conditions"]

    assert found[0]["words"] == "judged under resource limits" or found[0]["words"] == "judged under 2 isolation levels"
    assert found[1]["words"] == "CPU 50 ms to 2.0 s a test"
    Evaluation.objects.filter(pk=measured.evaluations[0].pk).update(
        isolation="none+rlimits", limits={"cpu_seconds": 4.0}
    )
    found = explorer_data(study, select(study, {"difficulty": "easy"}), Viewer(user=factories.alice()))["conditions"]
    assert (found[0]["words"], found[0]["grave"]) == ("judged under 2 isolation levels", True)
    assert found[1]["words"] == "CPU 4.0 s a test"
    assert "1 of 4 evaluations" in found[1]["title"]


def test_the_data_of_the_study_page_is_new_after_an_audit(measured):
    study, selection = measured.study, select(measured.study, {})
    before = data_version(study, selection)
    factories.audit(study)
    study.refresh_from_db()
    assert data_version(study, selection) != before
