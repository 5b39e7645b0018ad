"""Study templates: the jobs of each, what is not repeated, what it promises to decide, and how a click starts one."""

import factories
import pytest
from django.test import Client

from frontier_app import launch
from frontier_app.jobs import queue
from frontier_app.launch import LaunchError
from frontier_app.models import Checkpoint, Evaluation, Job, Run, Study
from frontier_app.numbers.exploration.choice import scales_of

pytestmark = pytest.mark.django_db
LEVELS = {"coverages": [0.4, 0.8, 1.0], "seeds": [0, 1], "alphas": [-0.5, 0.5, 1.5], "samples": 4}


@pytest.fixture
def study() -> Study:
    """With a base, problems, and the trainings low and high, whose recipe is another than the templates'."""
    return factories.study()


def start(study: Study, template: str, **asked: object) -> launch.Launched:
    return launch.launch_template(study, factories.alice(), template, **asked)


def points(study: Study) -> set[tuple[str, float | None]]:
    rows = Evaluation.objects.filter(study=study, state=Evaluation.PLANNED)
    return {(one.checkpoint.name, one.alpha) for one in rows.select_related("checkpoint")}


def test_nested_levels_train_every_level_and_seed_and_sweep_each_seeds_path(study):
    launched = start(study, "levels", **LEVELS)

    runs = Run.objects.filter(job__in=launched.jobs)
    assert {(run.coverage, run.seed) for run in runs} == {(c, s) for c in (0.4, 0.8, 1.0) for s in (0, 1)}
    measured = points(study)
    for seed in (0, 1):
        path = f"coverage 0.4, seed {seed} → coverage 1, seed {seed}"
        assert {(f"{path} at {alpha:g}", alpha) for alpha in (-0.5, 0.5, 1.5)} <= measured
        assert {(f"coverage 0.4, seed {seed}", 0), (f"coverage 1, seed {seed}", 1)} <= measured
        assert (f"coverage 0.8, seed {seed}", None) in measured
    assert ("base", None) in measured
    assert len(measured) == 2 * (5 + 1) + 1
    assert launched.estimate.seconds == sum(job.cost_estimate_seconds for job in launched.jobs)


def test_every_evaluation_waits_for_the_trainings_that_it_reads(study):
    launched = start(study, "levels", **LEVELS)

    sweep = next(job for job in launched.jobs if job.kind == "evaluate" and "→" in job.title)
    needed = {job.title for job in sweep.needs.all()}
    assert needed in ({f"Train coverage {c:g}, seed {s}" for c in (0.4, 1.0)} for s in (0, 1))


def test_a_template_asks_only_for_what_is_missing(study):
    start(study, "levels", **LEVELS)
    with pytest.raises(LaunchError, match="All of this is trained and measured"):
        start(study, "levels", **LEVELS)

    more = start(study, "levels", **LEVELS | {"seeds": [0, 2], "alphas": [-0.5, 0.5, 1.5, 2.0]})

    assert [job.title for job in more.jobs if job.kind == "train"] == [
        f"Train coverage {c:g}, seed 2" for c in (0.4, 0.8, 1.0)
    ]
    again = [job.title for job in more.jobs if "seed 0" in job.title]
    assert again == ["Evaluate coverage 0.4, seed 0 → coverage 1, seed 0 at 2"]


def test_a_training_with_another_recipe_or_that_failed_is_not_taken_for_the_one_asked_for(study):
    launched = start(study, "seeds", coverages=[1.0], seeds=[0, 1], steps=5)
    job = next(job for job in launched.jobs if job.kind == "train")
    held = factories.hold(job)
    queue.finish(held.pk, held.token, Job.FAILED, error_kind="engine", error="No.")

    again = start(study, "seeds", coverages=[1.0], seeds=[0, 1], steps=5)
    other = start(study, "seeds", coverages=[1.0], seeds=[0, 1], steps=6)

    assert [one.title for one in again.jobs if one.kind == "train"] == [job.title]
    assert len([one for one in other.jobs if one.kind == "train"]) == 2


def test_the_random_control_says_which_nested_training_it_lacks(study):
    start(study, "levels", **LEVELS | {"seeds": [0]})

    launched = start(study, "random-tests", coverages=[0.4], seeds=[0, 7], samples=4)

    runs = Run.objects.filter(job__in=launched.jobs)
    assert {(run.config["tests"], run.seed) for run in runs} == {("random", 0), ("random", 7)}
    lacking = [sentence for sentence in launched.concludes if sentence.startswith("No nested training")]
    assert lacking == [
        "No nested training stands beside coverage 0.4, seed 7: launch it, with the same steps, to have something to "
        "compare with."
    ]


def test_each_end_is_carried_on_from_the_base(study):
    low, high = study.checkpoints.get(name="low"), study.checkpoints.get(name="high")

    start(study, "from-base", low=low, high=high, alphas=[1.5], samples=4)

    merges = Checkpoint.objects.filter(name__contains="at 1.5")
    assert study.paths.newest().low == low, "forms go on to offer the path between trained ends"
    weights = {one.name: dict(one.recipe.values_list("checkpoint__name", "weight")) for one in merges}
    assert weights == {
        "base → low at 1.5": {"base": -0.5, "low": 1.5},
        "base → high at 1.5": {"base": -0.5, "high": 1.5},
    }


def test_a_soup_has_equal_weights_and_stands_beside_its_members(study):
    launched = start(study, "soup", samples=4)

    soup = Checkpoint.objects.get(name="soup of 2")
    assert dict(soup.recipe.values_list("checkpoint__name", "weight")) == {"low": 0.5, "high": 0.5}
    assert {name for name, _ in points(study)} == {"low", "high", "soup of 2"}
    assert len(launched.jobs) == 3
    with pytest.raises(LaunchError, match="All of this"):
        start(study, "soup", samples=4)


def test_what_was_measured_on_a_path_is_not_measured_again_for_a_template():
    study = factories.measured_study(problems=2, samples=4, alphas=(0.0, 1.0)).study
    sampling = {"samples": 4, "temperature": 1.0, "max_tokens": 160}

    soup = start(study, "soup", **sampling)
    low, high = study.checkpoints.get(name="low"), study.checkpoints.get(name="high")
    ends = start(study, "from-base", low=low, high=high, alphas=[1.5], **sampling)

    assert [job.title for job in soup.jobs] == ["Evaluate soup of 2"]
    assert [job.title for job in ends.jobs] == ["Evaluate base → low at 1.5", "Evaluate base → high at 1.5"]


REFUSED = [
    ("levels", {"coverages": [0.4]}, "coverages", "at least two coverages"),
    ("levels", {"coverages": [0.4, 1.2]}, "coverages", "less than or equal to 1"),
    ("levels", {"coverages": [0.4, 1.0], "alphas": [1e9]}, "alphas", "between -100 and 100"),
    ("seeds", {"coverages": [1.0], "seeds": [3]}, "seeds", "at least two seeds"),
    ("from-base", {"alphas": [2.0]}, "low", "Name both ends"),
    ("everything", {}, "template", "There is no template 'everything'"),
]


@pytest.mark.parametrize(("template", "asked", "field", "words"), REFUSED)
def test_what_makes_no_sense_is_refused_beside_its_field_and_leaves_no_row(study, template, asked, field, words):
    before = (Job.objects.count(), Run.objects.count(), Checkpoint.objects.count())
    with pytest.raises(LaunchError, match=words) as caught:
        start(study, template, **asked)
    assert caught.value.field == field
    assert (Job.objects.count(), Run.objects.count(), Checkpoint.objects.count()) == before


def test_the_page_lists_the_jobs_and_what_they_will_decide_before_anything_starts(client_of, study):
    page = client_of(factories.bob()).get(f"/studies/{study.slug}/launch/levels/")

    text = page.content.decode()
    assert page.status_code == 200
    assert "Train coverage 0.8, seed 2" in text
    assert "Whether averages of the two ends lie on that frontier" in text
    assert "a rate is known to ± " in text
    assert not Run.objects.filter(study=study, coverage=0.8).exists()


def test_one_click_starts_a_template(client_of, study):
    client = client_of(factories.bob())

    response = client.post(f"/studies/{study.slug}/launch/soup/", {"members": "", "samples": "4"})

    assert response.status_code == 302
    assert Evaluation.objects.filter(checkpoint__name="soup of 2", job__launched_by__username="bob").exists()
    assert client_of(factories.charlie()).get(f"/studies/{study.slug}/launch/soup/").status_code == 404


def test_a_template_comes_over_the_api_with_what_it_can_decide(study):
    token = factories.api_token(factories.bob())
    asked = {"coverages": [1.0], "seeds": [0, 1], "samples": 4, "dry_run": True}
    response = Client(headers={"authorization": f"Bearer {token}"}).post(
        f"/api/studies/{study.slug}/templates/seeds", asked, content_type="application/json"
    )

    assert response.status_code == 200
    assert "for k up to 8" in response.json()["concludes"][0]
    assert not Run.objects.filter(study=study, seed=1).exists()


def test_the_three_settings_measure_one_path_and_repeat_nothing(study):
    low, high = study.checkpoints.get(name="low"), study.checkpoints.get(name="high")
    launch.launch_sweep(study, factories.alice(), low, high, [0.5], 4)

    start(study, "settings", low=low, high=high, alphas=[0.5], samples=4)

    rows = Evaluation.objects.filter(study=study).values_list("setting", "alpha")
    assert sorted(rows) == sorted((s, a) for s in ("reasoning", "tools", "agentic") for a in (0.0, 0.5, 1.0))
    with pytest.raises(LaunchError, match="All of this"):
        start(study, "settings", low=low, high=high, alphas=[0.5], samples=4)


def test_a_second_scale_trains_the_levels_from_another_base(study):
    with pytest.raises(LaunchError, match="no base of another scale"):
        start(study, "scale", coverages=[0.4, 1.0], alphas=[0.5], samples=4)
    small = factories.checkpoint(study, "base-small", origin=Checkpoint.BASE)

    launched = start(study, "scale", coverages=[0.4, 1.0], alphas=[0.5], samples=4)

    runs = Run.objects.filter(job__in=launched.jobs)
    assert {run.initialisation for run in runs} == {small}
    assert ("base-small", None) in points(study)
    assert all(run.name.endswith(" (base-small)") for run in study.runs.filter(initialisation=small))
    evaluations = list(Evaluation.objects.filter(study=study, state=Evaluation.PLANNED, alpha=0.5))
    assert scales_of(study, evaluations) == ["base-small"]


def test_a_miniature_has_a_small_base_to_ask_for(study):
    study = launch.create_miniature_study(factories.alice(), slug="again")
    start(study, "scale", coverages=[0.4, 1.0], seeds=[0], samples=4)
    start(study, "scale", coverages=[0.4, 1.0], seeds=[1], samples=4)
    assert study.checkpoints.filter(name="base-small").count() == 1
