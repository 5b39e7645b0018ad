"""The verbs write rows that hang together, refuse what makes no sense beside its field, and start each thing once."""

from datetime import timedelta
from functools import partial
from pathlib import Path as FilePath

import factories
import pytest
from django.conf import settings
from django.utils import timezone

from compute.configs import ToolLimits, TrainConfig, parse_config
from compute.miniature.study import PLAN, SMALL
from frontier_app import launch
from frontier_app.jobs import queue
from frontier_app.launch import LaunchError, parse_numbers
from frontier_app.models import Checkpoint, Evaluation, Job, Path, ProblemSet, Run, Study
from frontier_app.planning import launches as planning
from frontier_app.planning.estimates import work_of

pytestmark = pytest.mark.django_db


def refusal(ask: object) -> LaunchError:
    with pytest.raises(LaunchError) as caught:
        ask()
    return caught.value


@pytest.fixture
def study() -> Study:
    return factories.study()


def ends(study: Study) -> tuple[Checkpoint, Checkpoint]:
    return study.checkpoints.get(name="low"), study.checkpoints.get(name="high")


def titles(jobs: object) -> list[str]:
    return [job.title for job in jobs]


def test_the_miniature_has_every_job_of_its_plan_in_an_order_that_works() -> None:
    study = launch.create_miniature_study(factories.alice())
    jobs = {job.title: job for job in study.jobs.all()}
    write = jobs["Write the problems and their tests"]
    low, high, mid = (
        jobs[f"Train {name}"] for name in ("low (coverage 0.4)", "high (coverage 1)", "mid (coverage 0.8)")
    )
    assert low.pk < high.pk < mid.pk
    assert {tuple(titles(job.needs.all())) for job in (low, high, mid)} == {(write.title,)}
    sweeps = [job for job in jobs.values() if job.title.startswith("Evaluate low → high")]
    assert len(sweeps) == launch.workers()
    for job in sweeps:
        assert set(job.needs.all()) == {write, low, high}
    assert set(jobs["Evaluate mid"].needs.all()) == {write, mid}
    assert set(jobs["Evaluate the base"].needs.all()) == {write}
    assert [job.queue for job in (write, low, sweeps[0])] == ["cpu", "gpu", "gpu"]
    assert list(Job.objects.ready()) == [write]
    assert len(jobs) == 4 + len(sweeps) + 2


def test_every_alpha_of_the_plan_is_one_evaluation_of_one_job() -> None:
    study = launch.create_miniature_study(factories.alice())
    on_path = Evaluation.objects.filter(study=study, path__isnull=False)
    assert sorted(on_path.values_list("alpha", flat=True)) == sorted(PLAN.alphas)
    assert study.evaluations.filter(path=None).count() == 2
    asked = [point["evaluation"] for job in study.jobs.filter(kind="evaluate") for point in job.config["points"]]
    assert sorted(asked) == sorted(study.evaluations.values_list("reference", flat=True))
    halfway = on_path.get(alpha=0.5)
    assert [(one.checkpoint.name, one.weight) for one in halfway.checkpoint.recipe.all()] == [
        ("low", 0.5),
        ("high", 0.5),
    ]
    assert on_path.get(alpha=0.0).checkpoint.name == "low"
    assert on_path.get(alpha=1.0).checkpoint.name == "high"


def test_the_configs_of_the_miniature_are_valid_and_agree_about_folders() -> None:
    study = launch.create_miniature_study(factories.alice(), plan=SMALL, seed=7)
    configs = [parse_config(job.config) for job in study.jobs.order_by("pk")]
    trained = {config.reference: config for config in configs if config.kind == "train"}
    assert {config.seed for config in trained.values()} == {7}
    home = FilePath(settings.FRONTIER_HOME)
    for config in configs:
        if config.kind == "evaluate":
            assert config.sampling.seed == 7
            assert config.problems.path == home / "problem_sets" / "miniature.held-out.jsonl"
            for point in config.points:
                for ingredient in point.ingredients:
                    if ingredient.reference in trained:
                        assert ingredient.folder == trained[ingredient.reference].folder
                assert sum(ingredient.weight for ingredient in point.ingredients) == pytest.approx(1)


def test_asking_for_the_miniature_twice_gives_the_same_study() -> None:
    first = launch.create_miniature_study(factories.alice(), plan=SMALL)
    count = Job.objects.count()
    assert launch.create_miniature_study(factories.alice(), plan=SMALL) == first
    assert Job.objects.count() == count


def test_a_study_of_somebody_else_is_not_given_away() -> None:
    launch.create_miniature_study(factories.alice(), plan=SMALL)
    assert refusal(lambda: launch.create_miniature_study(factories.charlie())).field == "slug"


def test_two_miniatures_of_two_seeds_do_not_touch() -> None:
    launch.create_miniature_study(factories.alice(), slug="one", plan=SMALL)
    launch.create_miniature_study(factories.alice(), slug="two", plan=SMALL, seed=1)
    assert ProblemSet.objects.count() == 4
    assert Run.objects.count() == 4


def test_a_long_slug_still_gives_references_that_fit() -> None:
    study = launch.create_miniature_study(factories.alice(), slug="s" * 64, plan=SMALL)
    for job in study.jobs.all():
        parse_config(job.config)


def test_the_compute_part_is_installed_first_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "PARTS_OF_COMPUTE", ("a_package_that_is_not_there",))
    study = launch.create_miniature_study(factories.alice(), plan=SMALL)
    install = study.jobs.get(kind="install")
    assert list(Job.objects.ready()) == [install]
    assert all(install in job.needs.all() for job in study.jobs.exclude(pk=install.pk))
    assert (
        launch.create_miniature_study(factories.bob(), slug="other", plan=SMALL).jobs.filter(kind="install").count()
        == 0
    )


def test_a_training_sweep_is_one_run_for_each_coverage_and_seed(study: Study) -> None:
    launched = launch.launch_training(study, factories.bob(), [0.2, 0.6], [0, 1], 5, save_steps=[2])
    assert len(launched.jobs) == 4
    configs = [parse_config(job.config) for job in launched.jobs]
    assert {(config.coverage, config.seed) for config in configs} == {(0.2, 0), (0.2, 1), (0.6, 0), (0.6, 1)}
    assert len({config.folder for config in configs}) == 4
    assert all(config.save_steps == (2,) for config in configs)
    assert launched.jobs[0].launched_by == factories.bob()
    again = launch.launch_training(study, factories.bob(), [0.2], [0], 5)
    assert again.jobs[0].config["reference"] != launched.jobs[0].config["reference"]


def test_a_sweep_measures_only_what_is_not_measured_yet(study: Study) -> None:
    low, high = ends(study)
    first = launch.launch_sweep(study, factories.bob(), low, high, [0, 0.5], 4)
    assert sum(len(job.config["points"]) for job in first.jobs) == 2
    more = launch.launch_sweep(study, factories.bob(), low, high, [0, 0.5, 1.5], 4)
    assert [point["alpha"] for job in more.jobs for point in job.config["points"]] == [1.5]
    assert Path.objects.filter(low=low, high=high).count() == 1
    error = refusal(lambda: launch.launch_sweep(study, factories.bob(), low, high, [0.5], 4))
    assert error.field == "alphas"
    assert len(launch.launch_sweep(study, factories.bob(), low, high, [0.5], 8).jobs) == 1


def test_an_evaluation_and_a_sweep_run_on_the_engine_that_was_asked_for(study: Study) -> None:
    low, high = ends(study)
    (plain,) = launch.launch_evaluation(study, factories.bob(), study.base, 4).jobs
    (asked,) = launch.launch_evaluation(study, factories.bob(), low, 4, engine="vllm").jobs
    sweep = launch.launch_sweep(study, factories.bob(), low, high, [0.5], 4, engine="vllm")
    engines = [job.config["engine"] for job in (plain, asked, *sweep.jobs)]
    assert engines == ["transformers", "vllm", "vllm"]


def test_what_a_failed_job_did_not_measure_is_taken_up_again(study: Study) -> None:
    (job,) = launch.launch_evaluation(study, factories.bob(), study.base, 4).jobs
    assert refusal(lambda: launch.launch_evaluation(study, factories.bob(), study.base, 4)).field == "checkpoint"
    held = factories.hold(job)
    queue.finish(held.pk, held.token, Job.FAILED, error_kind="engine", error="No.")
    (again,) = launch.launch_evaluation(study, factories.bob(), study.base, 4).jobs
    assert Evaluation.objects.get(checkpoint=study.base).job == again


def test_a_merge_with_alphas_of_its_own_for_some_parts_is_on_no_path(study: Study) -> None:
    low, high = ends(study)
    parts = {"model.layers.0.*": 0.25, "*.mlp.*": 1.5}
    (job,) = launch.launch_merge(study, factories.bob(), low, high, 0, parts=parts).jobs
    config = parse_config(job.config)
    assert [(one.pattern, one.weights) for one in config.parts] == [
        ("model.layers.0.*", (0.75, 0.25)),
        ("*.mlp.*", (-0.5, 1.5)),
    ]
    merge = Checkpoint.objects.get(made_by=job)
    assert merge.name == "low → high by linear (1, 0; model.layers.0.* 0.25; *.mlp.* 1.5)"
    assert (merge.recipe.exists(), merge.evaluations.exists()) == (False, False)
    many = {f"model.layers.{n}.*": 0.1 for n in range(9)}
    names = []
    for last in (0.5, 0.6):
        (job,) = launch.launch_merge(study, factories.bob(), low, high, 0, parts=many | {"norm": last}).jobs
        names.append(Checkpoint.objects.get(made_by=job).name)
    assert names[0] != names[1]
    assert max(map(len, names)) <= 120


def test_a_merge_by_another_method_is_on_no_path_and_is_evaluated_once_it_is_written(study: Study) -> None:
    low, high = ends(study)
    ask = partial(launch.launch_merge, study, factories.bob(), low, high, 0.5, method="dare", density=0.2)
    (job,) = ask(coefficients=[1, 1]).jobs
    config = parse_config(job.config)
    assert (config.method, config.density, config.seed) == ("dare", 0.2, study.seed)
    assert config.base.reference == study.base.reference
    assert [(one.reference, one.weight) for one in config.ingredients] == [(low.reference, 1), (high.reference, 1)]
    assert refusal(lambda: ask(coefficients=[1, 1])).message.endswith("is being written already.")
    (other,) = ask().jobs
    assert [one["weight"] for one in other.config["ingredients"]] == [0.5, 0.5]
    merge = Checkpoint.objects.get(made_by=job)
    assert not merge.recipe.exists()
    assert {one.name for one in merge.grown_from.all()} == {"low", "high", "base"}
    (evaluation,) = launch.launch_evaluation(study, factories.bob(), merge, 4).jobs
    assert job in evaluation.needs.all()
    assert [one["reference"] for one in evaluation.config["points"][0]["ingredients"]] == [merge.reference]


def test_what_one_engine_measured_is_another_question_for_the_other(study: Study) -> None:
    low, high = ends(study)
    ask = partial(launch.launch_sweep, study, factories.bob(), low, high, [0.5], 4)
    (first,) = ask(engine="transformers").jobs
    assert refusal(lambda: ask(engine="transformers")).field == "alphas"
    (other,) = ask(engine="vllm").jobs
    assert refusal(lambda: ask(engine="vllm")).field == "alphas"
    assert first.evaluations.get().reference != other.evaluations.get().reference
    queue.cancel(other.pk)
    assert ask(engine="vllm").jobs[0].evaluations.get().reference == other.config["points"][0]["evaluation"]


def test_a_merge_is_written_once_and_then_evaluated_from_its_folder(study: Study) -> None:
    low, high = ends(study)
    (job,) = launch.launch_merge(study, factories.bob(), low, high, 1.25).jobs
    config = parse_config(job.config)
    assert [(one.reference, one.weight) for one in config.ingredients] == [
        (low.reference, -0.25),
        (high.reference, 1.25),
    ]
    assert refusal(lambda: launch.launch_merge(study, factories.bob(), low, high, 1.25)).field == "alpha"
    merge = Checkpoint.objects.get(reference=config.reference)
    config.folder.mkdir(parents=True)
    Checkpoint.objects.filter(pk=merge.pk).update(folder=str(config.folder), sha256="5" * 64)
    merge.refresh_from_db()
    (job,) = launch.launch_evaluation(study, factories.bob(), merge, 4).jobs
    assert job.config["points"][0]["ingredients"] == [
        {"reference": merge.reference, "folder": str(config.folder), "weight": 1.0, "sha256": "5" * 64}
    ]


def test_the_control_run_says_in_its_name_that_its_tests_are_drawn_at_random(study: Study) -> None:
    launched = launch.launch_training(study, factories.alice(), [0.4], tests="random")
    run = Run.objects.get(job__in=launched.jobs)
    assert (run.name, run.config["tests"]) == ("coverage 0.4 at random, seed 0", "random")
    assert run.reference == f"{study.slug}.random0.4-seed0"


def test_an_evaluation_waits_for_the_training_of_its_checkpoint(study: Study) -> None:
    (training,) = launch.launch_training(study, factories.bob(), [0.6]).jobs
    planned = Checkpoint.objects.get(made_by=training)
    (job,) = launch.launch_evaluation(study, factories.bob(), planned).jobs
    assert training in job.needs.all()
    assert job.config["points"][0]["ingredients"][0]["folder"] == training.config["folder"]
    queue.cancel(training.pk)
    planned.refresh_from_db()
    assert "has no weights" in refusal(lambda: launch.launch_evaluation(study, factories.bob(), planned, 8)).message


def test_what_makes_no_sense_is_refused_beside_its_field(study: Study) -> None:
    bob = factories.bob()
    low, high = ends(study)
    foreign = factories.study("other").base
    gone = factories.checkpoint(study, "gone")
    FilePath(gone.folder).rmdir()
    cases = [
        (lambda: launch.launch_training(study, bob, [1.4]), "coverages"),
        (lambda: launch.launch_training(study, bob, []), "coverages"),
        (lambda: launch.launch_training(study, bob, [0.4], []), "seeds"),
        (lambda: launch.launch_training(study, bob, [0.4], [-1]), "seeds"),
        (lambda: launch.launch_training(study, bob, [0.4], steps=0), "steps"),
        (lambda: launch.launch_training(study, bob, [0.4], steps=5, save_steps=[9]), "save_steps"),
        (lambda: launch.launch_training(study, bob, [0.4], learning_rate=0), "learning_rate"),
        (lambda: launch.launch_training(study, bob, [0.4], trainer="magic"), "trainer"),
        (lambda: launch.launch_sweep(study, bob, low, low, [0.5]), "high"),
        (lambda: launch.launch_sweep(study, bob, low, high, []), "alphas"),
        (lambda: launch.launch_sweep(study, bob, low, high, [float("nan")]), "alphas"),
        (lambda: launch.launch_sweep(study, bob, low, high, [1e9]), "alphas"),
        (lambda: launch.launch_sweep(study, bob, low, high, [0.5], 0), "samples"),
        (lambda: launch.launch_sweep(study, bob, low, foreign, [0.5]), "high"),
        (lambda: launch.launch_sweep(study, bob, gone, high, [0.5]), "low"),
        (lambda: launch.launch_merge(study, bob, low, high, 1), "alpha"),
        (lambda: launch.launch_merge(study, bob, low, high, float("inf")), "alpha"),
        (lambda: launch.launch_merge(study, bob, low, high, 1, method="slerp"), "alpha"),
        (lambda: launch.launch_merge(study, bob, low, high, 0.5, method="ties"), "density"),
        (lambda: launch.launch_merge(study, bob, low, high, 0.5, method="dare", density=2), "density"),
        (lambda: launch.launch_merge(study, bob, low, high, 1.5, method="ties", density=0.2), "alpha"),
        (lambda: launch.launch_merge(study, bob, low, high, 0.5, coefficients=[1, 1]), "coefficients"),
        (lambda: launch.launch_merge(study, bob, low, high, 0.5, parts={"*": 101.0}), "parts"),
        (lambda: launch.launch_merge(study, bob, low, high, 0.5, parts={"": 1.0}), "parts"),
        (
            lambda: launch.launch_merge(
                study, bob, low, high, 0.5, method="task_arithmetic", coefficients=[1, 1], parts={"*": 0.5}
            ),
            "parts",
        ),
        (
            lambda: launch.launch_merge(study, bob, low, high, 0.5, method="ties", density=0.2, parts={"*": 1.5}),
            "parts",
        ),
        (lambda: launch.launch_merge(study, bob, low, high, 0.5, parts={"norm\x00": 1.0}), "parts"),
        (lambda: launch.launch_merge(study, bob, low, high, 0.5, method="magic"), "method"),
        (lambda: launch.launch_evaluation(study, bob, foreign), "checkpoint"),
    ]
    before = (Job.objects.count(), Checkpoint.objects.count(), Path.objects.count())
    for ask, field in cases:
        error = refusal(ask)
        assert (error.field, error.message[-1]) == (field, "."), error.message
    assert (Job.objects.count(), Checkpoint.objects.count(), Path.objects.count()) == before


def test_an_estimate_leaves_nothing_behind(study: Study) -> None:
    low, high = ends(study)
    before = (Job.objects.count(), Checkpoint.objects.count(), Evaluation.objects.count())
    launched = launch.launch_sweep(study, factories.bob(), low, high, [0.25, 0.75], dry_run=True)
    assert launched.estimate.seconds > 0
    assert launched.estimate.basis == "a default for a laptop core"
    assert (Job.objects.count(), Checkpoint.objects.count(), Evaluation.objects.count()) == before


@pytest.mark.parametrize(("most", "measured"), [(None, 4), (9, 4), (3, 3)])
def test_the_work_of_a_training_has_its_held_out_measurements(study: Study, most: int | None, measured: int) -> None:
    plain = factories.training_config(study, "low", 0.4, steps=5)
    source = factories.source(study.held_out_set)
    held_out = {"problems": source, "every": 2, "samples": 6, "most": most}
    watched = TrainConfig.model_validate(plain.model_dump() | {"held_out": held_out})
    more = work_of(watched.model_dump(mode="json")) - work_of(plain.model_dump(mode="json"))
    assert more == 3 * 6 * measured  # after steps 2, 4 and the last


def test_an_estimate_learns_from_past_jobs(study: Study) -> None:
    past = study.runs.get(name="low").job
    Job.objects.filter(kind="train").update(started=timezone.now() - timedelta(seconds=108), ended=timezone.now())
    work = past.config["steps"] * past.config["prompts_per_step"] * past.config["group"]
    estimate = launch.launch_training(study, factories.bob(), [0.4], steps=3, dry_run=True).estimate
    assert estimate.basis == "the last 2 jobs of this kind"
    assert estimate.seconds == pytest.approx(108, rel=0.01)
    double = launch.launch_training(study, factories.bob(), [0.4], steps=6, dry_run=True).estimate
    assert double.seconds == pytest.approx(201, rel=0.01)
    assert work == 432


def test_cancel_and_retry_refuse_what_they_cannot_do(study: Study) -> None:
    job = factories.queued(study)
    assert "cannot be retried: it is queued" in refusal(lambda: launch.retry(job, factories.bob())).message
    assert launch.cancel(job, factories.bob()).state == Job.CANCELLED
    assert "nothing to cancel" in refusal(lambda: launch.cancel(job, factories.bob())).message
    again = launch.retry(job, factories.bob())
    assert f"retried by {again.reference}" in refusal(lambda: launch.retry(job, factories.bob())).message


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0.5", [0.5]),
        ("0, 1 -0.25", [0, 1, -0.25]),
        ("-0.5:1.5:0.5", [-0.5, 0, 0.5, 1, 1.5]),
        ("0:0.3:0.1, 2", [0, 0.1, 0.2, 0.3, 2]),
        ("", []),
    ],
)
def test_numbers_and_ranges_are_read(text: str, numbers: list[float]) -> None:
    assert parse_numbers(text, "alphas") == pytest.approx(numbers)


def test_no_more_numbers_are_read_than_can_be_launched() -> None:
    assert "more than 5000 numbers" in refusal(lambda: parse_numbers("0:1:0.005 " * 30, "alphas")).message


@pytest.mark.parametrize("text", ["x", "0.5:1", "1:0:0.1", "0:1:0", "nan", "inf", "0:1e9:0.001", "1:2:3:4"])
def test_what_is_no_number_is_named(text: str) -> None:
    error = refusal(lambda: parse_numbers(text, "alphas"))
    assert error.field == "alphas"
    assert text in error.message


def test_a_setting_with_tools_is_measured_apart_and_by_its_limits(study: Study) -> None:
    low, high = ends(study)
    launch.launch_sweep(study, factories.bob(), low, high, [0.5], 4)
    (plain,) = launch.launch_sweep(study, factories.bob(), low, high, [0.5], 4, setting="tools").jobs
    (fewer,) = launch.launch_sweep(
        study, factories.bob(), low, high, [0.5], 4, setting="tools", tools=ToolLimits(attempts=1)
    ).jobs
    assert [job.config["setting"] for job in (plain, fewer)] == ["tools", "tools"]
    assert [job.config["tools"]["attempts"] for job in (plain, fewer)] == [3, 1]
    assert plain.evaluations.get().limits["tools"]["attempts"] == 3
    with pytest.raises(launch.LaunchError, match="are measured, or being measured"):
        launch.launch_sweep(study, factories.bob(), low, high, [0.5], 4, setting="tools")


def test_an_answer_of_several_turns_is_estimated_by_its_own_kind(study: Study) -> None:
    low, high = ends(study)
    seconds = {
        setting: launch.launch_sweep(
            study, factories.bob(), low, high, [0.5], 16, setting=setting, dry_run=True
        ).estimate.seconds
        for setting in ("reasoning", "tools", "agentic")
    }
    assert seconds["reasoning"] < seconds["tools"] < seconds["agentic"]
