"""The launch forms: the cost before it starts, errors beside the field, and what a click writes."""

import math

import factories
import pytest

from frontier_app.models import Checkpoint, Evaluation, Job, Run
from frontier_app.words import count

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    return factories.study(problems=2)


@pytest.fixture
def client(client_of, study):
    return client_of(factories.bob())


def sweep(study, **values):
    low, high = study.checkpoints.get(name="low"), study.checkpoints.get(name="high")
    return {"low": low.reference, "high": high.reference, "alphas": "0.5, 1.25", "samples": "4"} | values


def training(**values):
    return {
        "coverages": "0.4, 1",
        "seeds": "0",
        "steps": "5",
        "prompts_per_step": "2",
        "group": "2",
        "learning_rate": "0.001",
        "temperature": "1",
        "kl_coefficient": "0",
        "tests": "first",
        "trainer": "compact",
    } | values


def test_a_sweep_launches_its_points_and_shows_the_jobs(client, study):
    response = client.post(f"/studies/{study.slug}/launch/sweep/", sweep(study))

    assert response.status_code == 302
    planned = Evaluation.objects.filter(state=Evaluation.PLANNED)
    assert sorted(planned.values_list("alpha", flat=True)) == [0.5, 1.25]
    assert set(planned.values_list("job__launched_by__username", flat=True)) == {"bob"}


def test_an_alpha_of_x_is_refused_beside_its_field(client, study):
    response = client.post(f"/studies/{study.slug}/launch/sweep/", sweep(study, alphas="x"))

    page = response.content.decode()
    assert response.status_code == 422
    assert "is not a number: write for example 0, 0.5, 1" in page
    assert page.count('id="id_alphas_error"') == 1
    assert 'aria-invalid="true"' in page
    assert not Evaluation.objects.filter(state=Evaluation.PLANNED).exists()


def test_a_list_of_numbers_without_end_is_refused_beside_its_field(client, study):
    page = client.post(f"/studies/{study.slug}/launch/sweep/", sweep(study, alphas="0:1:0.005 " * 9000))
    assert page.status_code == 422
    assert "at most 4000 characters" in page.content.decode()


MISTAKES = [
    ({"alphas": "nan"}, "alphas", "not a finite number"),
    ({"alphas": "1e9"}, "alphas", "between -100 and 100"),
    ({"alphas": ""}, "alphas", "required"),
    ({"samples": "0"}, "samples", "greater than or equal to 1"),
    ({"samples": "many"}, "samples", "whole number"),
    ({"low": "nowhere"}, "low", "not in the study"),
    ({"high": "miniature.low"}, "high", "the same checkpoint"),
    ({"low": "other.base"}, "low", "not in the study"),
]


def test_every_mistake_in_a_sweep_gets_one_sentence_at_its_field(client, study):
    factories.empty_study("other")

    for values, field, sentence in MISTAKES:
        response = client.post(f"/studies/{study.slug}/launch/sweep/", sweep(study, **values))

        assert response.status_code == 422, values
        assert sentence in response.context["form"].errors[field][0], values


def test_a_refusal_of_the_verb_stands_at_its_field(client, study):
    client.post(f"/studies/{study.slug}/launch/sweep/", sweep(study))

    again = client.post(f"/studies/{study.slug}/launch/sweep/", sweep(study))

    assert again.status_code == 422
    assert "measured, or being measured" in again.context["form"].errors["alphas"][0]


def test_a_training_sweep_makes_a_run_for_each_coverage_and_seed(client, study):
    before = Run.objects.count()

    response = client.post(f"/studies/{study.slug}/launch/train/", training(seeds="0, 1", save_steps="2"))

    assert response.status_code == 302
    assert Run.objects.count() == before + 4
    assert all(run.config["save_steps"] == [2] for run in Run.objects.filter(steps=5))


def test_what_a_training_does_at_scale_is_asked_for_under_more_settings(client, study):
    url = f"/studies/{study.slug}/launch/train/"
    values = training(
        coverages="1", trainer="trl", mask_truncated="on", lora_rank="8", measure_every="2", patience="3",
        resume_every="4", sampler="vllm", vllm_server="http://gpu-7:8000",
    )  # fmt: skip

    assert client.post(url, values).status_code == 302

    config = Run.objects.latest("pk").config
    assert config["mask_truncated"]
    assert config["lora"] == {"rank": 8, "alpha": 16, "targets": ["all-linear"]}
    measured = config["held_out"]
    assert measured["problems"]["reference"] == study.held_out_set.reference
    assert (measured["every"], measured["most"], measured["patience"]) == (2, 32, 3)
    assert (config["resume_every"], config["sampler"], config["vllm_server"]) == (4, "vllm", "http://gpu-7:8000")


def test_a_training_that_repairs_its_failures_says_so_before_and_after_it_starts(client, study):
    url = f"/studies/{study.slug}/launch/train/"
    values = training(coverages="1", repairs_per_step="3", measure_every="2")
    plan = client.get(url, values).content.decode()
    assert client.post(url, values).status_code == 302
    run = Run.objects.latest("pk")
    assert run.config["repairs_per_step"] == 3
    asked = run.config["prompts_per_step"] + 3
    assert f"{run.config['prompts_per_step']} problems and 3 repairs × {run.config['group']} answers" in plan
    held_out = min(32, study.held_out_set.problems.count())
    measured = math.ceil(run.config["steps"] / 2) * run.config["held_out"]["samples"] * held_out
    answers = run.config["steps"] * asked * run.config["group"] + measured
    assert f"and the held-out problems: {count(answers)} programs to judge" in plan


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"repairs_per_step": "1", "trainer": "trl", "sampler": "vllm"}, "repairs_per_step", "needs the cached"),
        ({"patience": "2"}, "patience", "say every how many steps"),
        ({"sampler": "vllm"}, "sampler", "needs the trl trainer"),
        ({"vllm_server": "http://gpu-7"}, "vllm_server", "of no use without the vllm sampler"),
        ({"trainer": "trl", "sampler": "vllm", "vllm_server": "gpu-7"}, "vllm_server", "begins with http"),
        ({"lora_rank": "0"}, "lora_rank", "greater than or equal to 1"),
    ],
)
def test_what_does_not_go_together_gets_one_sentence_at_its_field(client, study, values, field, words):
    response = client.post(f"/studies/{study.slug}/launch/train/", training(**values))

    assert response.status_code == 422
    assert words in response.context["form"].errors[field][0]


def test_an_early_checkpoint_after_the_last_step_is_refused(client, study):
    response = client.post(f"/studies/{study.slug}/launch/train/", training(save_steps="6"))

    assert response.status_code == 422
    assert "save_steps" in response.context["form"].errors


def test_a_coverage_above_one_is_refused(client, study):
    response = client.post(f"/studies/{study.slug}/launch/train/", training(coverages="0.4, 1.5"))

    assert response.status_code == 422
    assert "coverages" in response.context["form"].errors


def test_a_merge_is_written_as_a_job(client, study):
    values = sweep(study, alpha="0.5")

    response = client.post(f"/studies/{study.slug}/launch/merge/", values)

    job = Job.objects.get(kind="merge")
    assert response.url == f"/jobs/{job.reference}/"
    assert Checkpoint.objects.get(made_by=job).origin == Checkpoint.MERGED


def test_a_merge_takes_a_method_with_a_coefficient_for_each_end(client, study):
    chosen = sweep(study, alpha="0.5", method="task_arithmetic", coefficients="1, 1")

    client.post(f"/studies/{study.slug}/launch/merge/", chosen)

    config = Job.objects.get(kind="merge").config
    assert (config["method"], [one["weight"] for one in config["ingredients"]]) == ("task_arithmetic", [1, 1])


def test_a_merge_takes_an_alpha_for_single_parts_a_line_each(client, study):
    lines = "model.layers.0.* = 0.25\n\n  *.mlp.* = −0.5 "
    client.post(f"/studies/{study.slug}/launch/merge/", sweep(study, alpha="0.5", parts=lines))
    parts = Job.objects.get(kind="merge").config["parts"]
    assert [(part["pattern"], part["weights"]) for part in parts] == [
        ("model.layers.0.*", [0.75, 0.25]),
        ("*.mlp.*", [1.5, -0.5]),
    ]


@pytest.mark.parametrize("line", ["model.layers.0.*", "= 0.5", "norm = half", "norm ="])
def test_a_line_that_is_no_part_is_told_beside_the_field(client, study, line):
    response = client.post(f"/studies/{study.slug}/launch/merge/", sweep(study, alpha="0.5", parts=line))
    assert response.status_code == 422
    assert response.context["form"].errors["parts"][0].startswith("Write a pattern and its alpha")


def test_a_pattern_that_stands_in_two_lines_is_told_beside_the_field(client, study):
    again = sweep(study, alpha="0.5", parts="a* = 0.3\n*b = 0.5\na* = 0.7")
    response = client.post(f"/studies/{study.slug}/launch/merge/", again)
    assert response.status_code == 422
    assert response.context["form"].errors["parts"][0].startswith("The pattern a* stands in two lines")


def test_a_method_that_lacks_its_density_is_told_beside_the_field(client, study):
    response = client.post(f"/studies/{study.slug}/launch/merge/", sweep(study, alpha="0.5", method="ties"))

    assert response.status_code == 422
    assert "needed for the method ties" in response.context["form"].errors["density"][0]


def test_a_merge_takes_exactly_one_alpha(client, study):
    response = client.post(f"/studies/{study.slug}/launch/merge/", sweep(study, alpha="0.5, 0.6"))

    assert response.context["form"].errors["alpha"] == ["Write one number, for example 0.5."]


def test_an_evaluation_launches_for_one_checkpoint(client, study):
    values = {"checkpoint": study.checkpoints.get(name="low").reference, "samples": "8"}

    response = client.post(f"/studies/{study.slug}/launch/evaluate/", values)

    assert response.status_code == 302
    assert Evaluation.objects.get(state=Evaluation.PLANNED).samples_per_problem == 8


def test_the_estimate_stands_on_the_page_before_anything_starts(client, study):
    factories.queued(queue="gpu")
    factories.queued(queue="gpu", remote=True)  # takes nobody's place here
    before = Job.objects.count()

    page = client.get(f"/studies/{study.slug}/launch/sweep/").content.decode()

    assert "estimated cost" in page
    assert "1 job ahead of it" in page
    assert "9 points × 2 problems × 16 samples = 288 programs" in page
    assert Job.objects.count() == before


def test_the_estimate_follows_the_form_and_writes_nothing(client, study):
    before = Job.objects.count(), Evaluation.objects.count(), Checkpoint.objects.count()

    response = client.post(f"/studies/{study.slug}/launch/sweep/estimate/", sweep(study))

    part = response.content.decode()
    assert "2 points × 2 problems × 4 samples = 16 programs" in part
    assert "<html" not in part
    assert (Job.objects.count(), Evaluation.objects.count(), Checkpoint.objects.count()) == before


def test_the_estimate_of_an_unfinished_form_is_a_sentence_and_no_error(client, study):
    response = client.post(f"/studies/{study.slug}/launch/sweep/estimate/", sweep(study, alphas="0.5, -"))

    assert response.status_code == 200
    assert "is not a number" in response.content.decode()


def test_every_form_opens_with_an_estimate_or_a_reason(client, study):
    for kind in ("train", "merge", "evaluate"):
        cost = client.get(f"/studies/{study.slug}/launch/{kind}/").context
        assert cost["estimate"] or cost["no_estimate"], kind


def test_the_address_fills_the_form_in(client, study):
    page = client.get(f"/studies/{study.slug}/launch/sweep/?alpha=1.12&samples=32").context["form"]

    assert page["alphas"].value() == "1.12"
    assert page["samples"].value() == "32"
    assert page["low"].value() == "miniature.low"


def test_a_kind_that_does_not_exist_is_not_found(client, study):
    assert client.get(f"/studies/{study.slug}/launch/coffee/").status_code == 404


def test_a_newcomer_starts_the_miniature_study_from_the_empty_page(client_of):
    client = client_of(factories.person("dora"))

    assert "Create the miniature study" in client.get("/").content.decode()
    response = client.post("/studies/new/miniature/")

    assert response.status_code == 302
    assert client.get(response.url).status_code == 200
