"""Lists: the same number of queries for few rows and many, parts for HTMX, paging, filters."""

import factories
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from frontier_app.models import Checkpoint, Job, MergeIngredient, Problem
from frontier_app.numbers.explorer import standings
from frontier_app.numbers.placement import select

pytestmark = pytest.mark.django_db

PAGES = ("problems/", "audit/", "audit/figures.json", "runs/", "runs/curves.json", "checkpoints/",
         "checkpoints/?sort=-solve_rate", "evaluations/", "evaluations/?sort=-solve_rate", "evaluations/?group=alpha",
         "runs/?group=coverage", "checkpoints/?group=seed&baseline=%220%22", "jobs/")  # fmt: skip


def queries(client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def grow(measured) -> None:
    """Many more of everything that lists show."""
    study, path = measured.study, measured.path
    for alpha in (0.125, 0.375, 0.625, 0.875, 1.5, 2.0):
        factories.measure(study, factories.point_on(path, alpha), samples=2, alpha=alpha, path=path)
    for number in range(4):
        factories.trained_run(study, f"more-{number}", 0.5 + number / 10)
        factories.planned_evaluation(study, study.base, samples=3 + number)
    copied = study.held_out_set.problems.first().audit
    Problem.objects.bulk_create(
        Problem(
            problem_set=study.held_out_set,
            slug=f"more-{number}",
            position=1000 + number,
            title=f"More {number}",
            statement="-",
            difficulty="hard",
            cpu_seconds=1,
            memory_bytes=1,
            content_sha256="",
            tests=[],
            audit=copied,
        )
        for number in range(200)
    )
    merges = Checkpoint.objects.bulk_create(
        Checkpoint(reference=f"bulk-{number}", name=f"bulk {number}", study=study, origin=Checkpoint.MERGED)
        for number in range(200)
    )
    MergeIngredient.objects.bulk_create(
        MergeIngredient(merge=merge, checkpoint=end, weight=0.5) for merge in merges for end in (path.low, path.high)
    )


def test_a_list_costs_the_same_queries_for_few_rows_and_many(client_of):
    measured = factories.measured_study(problems=3, samples=2, alphas=(0.0, 0.5, 1.0))
    factories.audit(measured.study)
    problem = Problem.objects.filter(problem_set=measured.study.held_out_set).first()
    addresses = [
        "/",
        "/jobs/",
        f"/studies/miniature/problems/{problem.slug}/",
        f"/studies/miniature/problems/{problem.slug}/sizes.json",
        f"/studies/miniature/evaluations/{measured.evaluations[1].reference}/",
        *(f"/studies/miniature/{page}" for page in PAGES),
    ]
    # One or two studies are told in more detail on the first page; a list begins with the third.
    for number in range(2):
        factories.study(f"early-{number}", problems=1)
    client = client_of(factories.alice())
    few = {address: queries(client, address) for address in addresses}

    grow(measured)
    for number in range(3):
        factories.study(f"another-{number}", problems=1)

    many = {address: queries(client, address) for address in addresses}
    assert many == few
    assert max(few.values()) <= 25


PARTS = [
    ("/", "queue"),
    ("/", "last"),
    ("/", "studies"),
    ("/jobs/", "rows"),
    ("/studies/miniature/problems/", "rows"),
    ("/studies/miniature/audit/", "head"),
    ("/studies/miniature/audit/", "rows"),
    ("/studies/miniature/audit/", "programs"),
    ("/studies/miniature/runs/", "rows"),
    ("/studies/miniature/checkpoints/", "rows"),
    ("/studies/miniature/evaluations/", "rows"),
    ("/studies/miniature/jobs/", "rows"),
]


def test_htmx_gets_the_part_it_asks_for_and_caches_keep_them_apart(client_of):
    factories.audit(factories.study(problems=1))
    client = client_of(factories.alice())

    for address, part in PARTS:
        response = client.get(address, headers={"HX-Request": "true", "HX-Target": part})
        assert "<html" not in response.content.decode()
        assert f'id="{part}"' in response.content.decode()
        assert "HX-Target" in response.headers["Vary"]
        unknown = client.get(address, headers={"HX-Request": "true", "HX-Target": "elsewhere"})
        assert "<html" in unknown.content.decode()


def test_a_long_list_has_pages_and_a_wrong_number_shows_the_nearest(client_of):
    study = factories.study(problems=1)
    grow(factories.Measured(study, study.paths.get(), []))
    client = client_of(factories.alice())

    first = client.get("/studies/miniature/checkpoints/").content.decode()
    last = client.get("/studies/miniature/checkpoints/?page=999").content.decode()

    assert 'rel="next"' in first
    assert 'rel="prev"' in last
    assert client.get("/studies/miniature/checkpoints/?page=x").status_code == 200


def test_filters_are_in_the_address_and_kept_by_paging(client_of):
    study = factories.study(problems=1)
    grow(factories.Measured(study, study.paths.get(), []))

    page = client_of(factories.alice()).get("/studies/miniature/problems/?difficulty=hard&q=more").content.decode()

    assert "difficulty=hard" in page.partition('rel="next"')[0].rpartition("<a ")[2]
    assert "more-0" in page
    assert "squares" not in page


def test_lineage_shows_runs_merges_and_their_weights(client_of):
    measured = factories.measured_study(problems=1, samples=1, alphas=(0.0, 0.25, 1.0, 1.5))

    lines = client_of(factories.alice()).get("/studies/miniature/checkpoints/").context["lines"]

    merges = {line.name: line.row for line in lines if line.row.checkpoint.origin == "merged"}
    quarter, beyond = merges["low → high at 0.25"], merges["low → high at 1.5"]
    assert (quarter.alpha, quarter.low, quarter.high) == (0.25, measured.path.low, measured.path.high)
    assert [part.weight for part in beyond.ingredients] == [-0.5, 1.5]
    assert [line.row.run_heading.name for line in lines if line.row.run_heading] == ["low", "high"]
    assert [line.depth for line in lines] == [0, 2, 2, 2, 2]


def test_a_queued_job_shows_its_place_and_what_it_waits_for(client_of):
    study = factories.study(problems=1)
    first = factories.planned_evaluation(study, study.base, samples=2).job
    second = factories.planned_evaluation(study, study.base, samples=3).job
    second.needs.add(first)

    rows = {job.pk: job for job in Job.objects.for_lists()}

    assert (rows[first.pk].position, rows[first.pk].has_unmet_needs) == (1, False)
    assert (rows[second.pk].position, rows[second.pk].has_unmet_needs) == (2, True)
    page = client_of(factories.alice()).get("/jobs/?state=active").content.decode()
    assert "next in the queue" in page
    assert "waits for another job" in page


def test_empty_lists_say_the_next_step(client_of):
    factories.empty_study()
    client = client_of(factories.alice())

    assert "Launch a training sweep" in client.get("/studies/miniature/runs/").content.decode()
    assert "are not written yet" in client.get("/studies/miniature/problems/").content.decode()
    assert "appears here" in client.get("/studies/miniature/jobs/").content.decode()


def test_a_single_study_is_told_with_the_figures_of_its_points(client_of):
    measured = factories.measured_study(problems=8, samples=4, alphas=(0.0, 1.0, 1.5))
    solved = standings(measured.study, select(measured.study, {}))[-1].rates["solved"]

    page = client_of(factories.alice()).get("/").content.decode()

    assert f"{solved.rate:.3f}<em> ± {solved.half_width:.3f}</em>" in page
    assert any(f">{verdict}</td>" in page for verdict in ("extends", "stays", "collapses"))
    factories.study("another", problems=1)
    factories.study("third", problems=1)
    assert "95 % intervals" not in client_of(factories.alice()).get("/").content.decode()
