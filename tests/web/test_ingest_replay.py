"""A run from its files means the same rows as one that was watched."""

import io
from pathlib import Path

import factories
import pytest
from django.core.management import CommandError, call_command

from compute.configs import EvaluateConfig, EvaluationPoint, Ingredient, Sampling
from compute.events import CheckpointWritten, EvaluationFinished, Event, EventWriter, Finished, Metric
from frontier_app.importers import replay
from frontier_app.launch import LaunchError
from frontier_app.models import Checkpoint, Evaluation, Job, MetricPoint, Rollup, Sample, Study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return factories.study()


def printed(*events: Event) -> io.BytesIO:
    stream = io.StringIO()
    emit = EventWriter(stream)
    for event in events:
        emit(event)
    return io.BytesIO(stream.getvalue().encode())


def written(config: object, folder: Path) -> Path:
    path = folder / "config.json"
    path.write_text(config.model_dump_json())
    return path


def evaluation_elsewhere(study: Study, folder: Path, alpha: float = 0.25) -> tuple[Path, Evaluation]:
    """The config of a sweep that this installation knows nothing of."""
    low, high = study.checkpoints.get(name="low"), study.checkpoints.get(name="high")
    config = EvaluateConfig(
        points=(
            EvaluationPoint(
                evaluation="elsewhere-1",
                checkpoint="elsewhere-merge",
                alpha=alpha,
                ingredients=(
                    Ingredient(reference=low.reference, folder=Path("/far/low"), weight=1 - alpha),
                    Ingredient(reference=high.reference, folder=Path("/far/high"), weight=alpha),
                ),
            ),
        ),
        problems=factories.source(study.held_out_set),
        sampling=Sampling(samples=2),
    )
    return written(config, folder), Evaluation(reference="elsewhere-1", alpha=alpha)


def test_an_evaluation_from_its_files_is_a_point_on_the_path(study: Study, tmp_path: Path) -> None:
    config, named = evaluation_elsewhere(study, tmp_path)
    answers = [factories.sample_event(named, f"{n:03d}-squares", 10, 2) for n in range(4)]
    events = printed(*answers, EvaluationFinished(evaluation=named.reference), Finished())
    job = replay(study, factories.bob(), "evaluate", config, events)
    assert (job.state, job.launched_by, job.remote) == (Job.SUCCEEDED, factories.bob(), True)
    evaluation = Evaluation.objects.get(reference="elsewhere-1")
    assert (evaluation.state, evaluation.alpha, evaluation.samples_done) == (Evaluation.COMPLETE, 0.25, 8)
    assert evaluation.path == study.paths.get()
    assert [(one.checkpoint.name, one.weight) for one in evaluation.checkpoint.recipe.all()] == [
        ("low", 0.75),
        ("high", 0.25),
    ]
    assert Rollup.objects.filter(evaluation=evaluation).count() == 4 * 5


def test_a_file_that_stops_early_keeps_what_it_has_and_the_whole_file_adds_the_rest(
    study: Study, tmp_path: Path
) -> None:
    config, named = evaluation_elsewhere(study, tmp_path)
    answers = [factories.sample_event(named, f"{n:03d}-squares", 10, 2) for n in range(4)]
    job = replay(study, factories.bob(), "evaluate", config, printed(*answers[:2]))
    assert (job.state, job.error_kind, job.error) == (Job.FAILED, "incomplete", "The file ends before the run does.")
    assert Sample.objects.count() == 4
    whole = printed(*answers, EvaluationFinished(evaluation=named.reference), Finished())
    assert replay(study, factories.bob(), "evaluate", config, whole).state == Job.SUCCEEDED
    assert Sample.objects.count() == 8
    assert set(Rollup.objects.values_list("n", "infrastructure")) == {(2, 0)}


def test_a_training_from_its_files_has_its_curves_and_its_checkpoint(study: Study, tmp_path: Path) -> None:
    config = factories.training_config(study, "far", 0.6)
    events = (
        Metric(run=config.reference, step=1, values={"reward": 0.5}),
        CheckpointWritten(
            checkpoint=config.reference, origin="trained", folder="/far/away", sha256="4" * 64, size_bytes=9,
            run=config.reference, step=3, coverage=0.6,
        ),
    )  # fmt: skip
    path = written(config, tmp_path)
    assert replay(study, factories.bob(), "train", path, printed(events[0])).state == Job.FAILED
    assert replay(study, factories.bob(), "train", path, printed(*events, Finished())).state == Job.SUCCEEDED
    assert Checkpoint.objects.get(reference=config.reference).folder == "/far/away"
    assert MetricPoint.objects.get(run__reference=config.reference).value == 0.5
    with pytest.raises(LaunchError, match="already"):
        replay(study, factories.bob(), "train", path, printed(*events, Finished()))


def test_what_the_study_does_not_have_is_named(study: Study, tmp_path: Path) -> None:
    other = factories.study("other")
    config, _ = evaluation_elsewhere(other, tmp_path)
    before = Job.objects.count()
    with pytest.raises(LaunchError, match=r"This study has no problem set 'other\.held-out'"):
        replay(study, factories.bob(), "evaluate", config, printed(Finished()))
    assert Job.objects.count() == before


def test_noise_between_the_lines_is_told_and_costs_nothing(study: Study, tmp_path: Path) -> None:
    config, named = evaluation_elsewhere(study, tmp_path)
    answers = [factories.sample_event(named, f"{n:03d}-squares", 10, 2) for n in range(4)]
    good = printed(*answers, Finished()).getvalue()
    job = replay(study, factories.bob(), "evaluate", config, io.BytesIO(b"Loading weights 100%\n\n" + good))
    assert (job.state, Sample.objects.count()) == (Job.SUCCEEDED, 8)
    assert "Not an event" in job.log_path.read_text()


def test_the_command_imports_for_members_only(study: Study, tmp_path: Path) -> None:
    config, named = evaluation_elsewhere(study, tmp_path)
    lines = tmp_path / "events.jsonl"
    answers = [factories.sample_event(named, f"{n:03d}-squares", 10, 2) for n in range(4)]
    lines.write_bytes(printed(*answers, Finished()).getvalue())
    factories.charlie()
    with pytest.raises(CommandError, match="charlie is not a member"):
        call_command("replay", "miniature", "evaluate", config, lines, "--user", "charlie")
    call_command("replay", "miniature", "evaluate", config, lines, "--user", "bob")
    assert Sample.objects.count() == 8
