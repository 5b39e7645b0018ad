"""Imports, audits and new studies: what the verbs write, and the sentence beside the field when they refuse."""

import os
from pathlib import Path as FilePath

import factories
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from compute.configs import parse_config
from compute.events import AuditReady, Finished, ProblemAudited
from compute.problems.problem import KnownProgram
from compute.problems.programs import programs_beside, write_known_programs
from frontier_app import launch
from frontier_app.launch import LaunchError
from frontier_app.models import Job, Membership, Problem, ProblemSet, Study
from frontier_app.planning import problems
from frontier_app.planning.launches import needed_for_set
from frontier_app.viewer import Viewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def packages(tmp_path: FilePath) -> FilePath:
    folder = tmp_path / "packages"
    folder.mkdir()
    return folder


@pytest.fixture
def fresh() -> Study:
    return launch.create_study(factories.alice(), "Sorting in practice", question="Does coverage matter?")


def refusal(ask: object) -> LaunchError:
    with pytest.raises(LaunchError) as caught:
        ask()
    return caught.value


def imported(study: Study, job: Job, problems: int = 2) -> None:
    """What the importer says at the end."""
    factories.tell(factories.hold(job), *factories.problem_events(job.config["reference"], problems), Finished())
    study.refresh_from_db()


def written(study: Study, folder: FilePath, known: int = 1) -> ProblemSet:
    """The study's held-out set as files in `folder`: one line, and so many known programs beside it."""
    assert study.held_out_set is not None
    path = folder / f"{study.held_out_set.reference}.jsonl"
    path.write_text("{}\n")
    program = KnownProgram(problem="000-squares", name="a.py", language="python", source="0" * 64)
    write_known_programs(programs_beside(path), [program] * known)
    study.held_out_set.path = str(path)
    study.held_out_set.save()
    return study.held_out_set


def test_a_new_study_belongs_to_whoever_made_it(fresh: Study) -> None:
    assert fresh.slug == "sorting-in-practice"
    assert Membership.objects.get(study=fresh).role == Membership.OWNER
    assert list(Study.objects.writable_by(Viewer(user=factories.alice()))) == [fresh]
    assert not Study.objects.visible_to(Viewer(user=factories.bob())).exists()


@pytest.mark.parametrize(
    ("title", "slug", "field"),
    [
        ("Sorting in practice", "", "slug"),
        ("New", "", "slug"),
        ("…", "", "title"),
        ("x", "a/b", "slug"),
        ("", "x", "title"),
    ],
)
def test_a_study_that_cannot_have_its_address_is_refused_beside_the_field(
    fresh: Study, title: str, slug: str, field: str
) -> None:
    assert refusal(lambda: launch.create_study(factories.alice(), title, slug=slug)).field == field
    assert Study.objects.count() == 1


def test_an_import_writes_a_job_and_the_set_it_will_fill(fresh: Study, packages: FilePath) -> None:
    job = launch.launch_import(fresh, factories.alice(), str(packages), format="kattis", memory_mib=512).jobs[0]

    config = parse_config(job.config)
    assert (config.kind, config.path, config.format, config.dry_run) == ("import", packages, "kattis", False)
    assert config.memory_bytes == 512 << 20
    fresh.refresh_from_db()
    assert fresh.held_out_set.reference == config.reference
    assert not fresh.held_out_set.ready
    assert needed_for_set(fresh.held_out_set) == [job]


def test_imported_problems_keep_their_checker_level_names_and_limit_source(fresh: Study, packages: FilePath) -> None:
    job = launch.launch_import(fresh, factories.alice(), str(packages), use_as="training").jobs[0]
    event, *_, ready = factories.problem_events(job.config["reference"], 1)
    details = {"checker": "tokens case_insensitive", "level_names": ("sample", "big"), "limit_source": "computed"}
    factories.tell(factories.hold(job), event.model_copy(update=details), ready, Finished())

    problem = Problem.objects.get(problem_set__reference=job.config["reference"])
    assert (problem.checker, problem.level_names, problem.limit_source) == (
        "tokens case_insensitive", ["sample", "big"], "computed",
    )  # fmt: skip
    fresh.refresh_from_db()
    assert fresh.train_set == problem.problem_set
    assert fresh.held_out_set is None


def test_a_set_that_is_there_stays_until_the_new_one_is_written(fresh: Study, packages: FilePath) -> None:
    imported(fresh, launch.launch_import(fresh, factories.alice(), str(packages)).jobs[0])
    first = fresh.held_out_set
    again = launch.launch_import(fresh, factories.alice(), str(packages)).jobs[0]
    fresh.refresh_from_db()
    assert fresh.held_out_set == first
    imported(fresh, again)
    assert fresh.held_out_set.reference == again.config["reference"] != first.reference


def test_a_study_that_was_measured_meanwhile_keeps_its_problems(packages: FilePath) -> None:
    study = factories.study(problems=1)
    job = launch.launch_import(study, factories.alice(), str(packages)).jobs[0]
    factories.measure(study, study.base)
    before = study.held_out_set
    imported(study, job)
    assert study.held_out_set == before


def test_what_cannot_be_imported_is_refused_beside_its_field(fresh: Study, packages: FilePath) -> None:
    def ask(path: object = packages, study: Study = fresh, **values: object) -> LaunchError:
        return refusal(lambda: launch.launch_import(study, factories.alice(), str(path), **values))

    assert ask("/nowhere/at/all").message == "There is no file or folder /nowhere/at/all on the server."
    assert ask("packages").field == "path"
    assert ask("").field == "path"
    assert ask("/a\x00b").field == "path"
    assert ask(use_as="both").field == "use_as"
    assert ask(cpu_seconds=-1.0).field == "cpu_seconds"
    assert ask(memory_mib=1).field == "memory_mib"
    assert not Job.objects.exists()
    measured = factories.measured_study(problems=1, samples=1, alphas=(0.0,)).study
    assert "make a new study" in ask(study=measured).message
    assert "trained on its training" in ask(study=measured, use_as="training").message
    launch.launch_import(fresh, factories.alice(), str(packages))
    assert "being written by “Import packages (held-out)”" in ask().message


def test_a_dry_run_changes_nothing_in_the_study_and_leads_to_the_same_import(fresh: Study, packages: FilePath) -> None:
    tried = launch.launch_import(
        fresh, factories.alice(), str(packages), use_as="training", dry_run_only=True, cpu_seconds=3
    ).jobs[0]
    fresh.refresh_from_db()
    assert fresh.train_set is None
    assert not ProblemSet.objects.exists()
    assert "dry run that succeeded" in refusal(lambda: launch.import_for_real(tried, factories.alice())).message

    factories.tell(factories.hold(tried), *factories.problem_events(tried.config["reference"], 1), Finished())
    assert not Problem.objects.exists()
    tried.refresh_from_db()
    real = launch.import_for_real(tried, factories.alice())
    same = {name: value for name, value in tried.config.items() if name != "dry_run"}
    assert {name: real.config[name] for name in same} == same
    assert not real.config["dry_run"]
    fresh.refresh_from_db()
    assert fresh.train_set.reference == real.config["reference"]


def test_duplicates_are_looked_for_in_every_set_the_person_can_see(fresh: Study, packages: FilePath) -> None:
    mine, foreign = factories.study("mine", problems=1), factories.study("foreign", problems=1)
    Membership.objects.filter(study=foreign).delete()
    for study in (mine, foreign):
        written(study, packages)

    def known(compare: str) -> list[str]:
        asked = {"compare": compare, "dry_run_only": True}
        return launch.launch_import(fresh, factories.alice(), str(packages), **asked).jobs[0].config["known"]

    assert known("seen") == [mine.held_out_set.path]
    assert known("study") == []


def test_an_estimate_of_an_import_writes_nothing(fresh: Study, packages: FilePath) -> None:
    launched = launch.launch_import(fresh, factories.alice(), str(packages), dry_run=True)
    assert launched.estimate.seconds > 0
    assert not Job.objects.exists()
    assert not ProblemSet.objects.exists()


def test_an_audit_judges_the_known_programs_of_a_set_of_the_study(tmp_path: FilePath) -> None:
    study = factories.study(problems=1)
    held_out = written(study, tmp_path, known=3)
    launched = launch.launch_audit(study, factories.alice(), held_out, repeats=4, safety_factor=2.5)
    config = parse_config(launched.jobs[0].config)
    assert (config.kind, config.problems.reference, config.repeats) == ("audit", held_out.reference, 4)
    assert config.safety_factor == 2.5
    assert launched.estimate.seconds == pytest.approx(4 + 3 * 4)
    assert "audited already" in refusal(lambda: launch.launch_audit(study, factories.alice(), held_out)).message


def test_what_is_no_file_is_never_read_for_programs(tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch) -> None:
    study = factories.study(problems=1)
    held_out, pipe = written(study, tmp_path, known=3), tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, "/dev/zero"):
        found = refusal(lambda path=path: launch.launch_audit(study, factories.alice(), held_out, programs=str(path)))
        assert (found.field, "is no file" in found.message) == ("programs", True)
    monkeypatch.setattr(problems, "COUNTED_BYTES", 100)  # of a long file the beginning tells how many there are
    long = tmp_path / "long.jsonl"
    long.write_text("a program\n" * 40)
    launched = launch.launch_audit(study, factories.alice(), held_out, repeats=1, programs=str(long), dry_run=True)
    assert launched.estimate.seconds == pytest.approx(4 + 40)


def test_what_cannot_be_audited_is_refused_beside_its_field(tmp_path: FilePath) -> None:
    study, other = factories.study(problems=1), factories.empty_study("other")
    held_out = written(study, tmp_path)
    programs_beside(FilePath(held_out.path)).unlink()

    def ask(problem_set: ProblemSet = held_out, of: Study = study, **values: object) -> LaunchError:
        return refusal(lambda: launch.launch_audit(of, factories.alice(), problem_set, **values))

    assert "No programs are known" in ask().message
    assert "belongs to another study" in ask(other.held_out_set).message
    assert "not written yet" in ask(other.held_out_set, of=other).message
    empty = tmp_path / "none.jsonl"
    empty.write_text("\n")
    assert ask(programs=str(empty)).field == "programs"
    written(study, tmp_path)
    assert ask(repeats=0).field == "repeats"
    assert ask(safety_factor=1.0).field == "safety_factor"


def test_an_audit_is_kept_with_its_problems_and_adds_to_the_figures_of_the_set() -> None:
    study = factories.study(problems=3)
    ProblemSet.objects.filter(pk=study.held_out_set_id).update(audit={"size_ratio_median": 1.0, "told_before": 7})
    factories.audit(study)
    study.refresh_from_db()
    assert study.held_out_set.audit["told_before"] == 7
    assert study.held_out_set.audit["problems"] == 3
    assert all(one.audit["slug"] == one.slug for one in study.held_out_set.problems.all())


def test_a_job_audits_only_the_set_it_was_asked_to() -> None:
    study = factories.study(problems=1)
    job = factories.audit(study)
    stranger = factories.hold(factories.planned_evaluation(study, study.base).job)
    held_out = study.held_out_set.reference
    factories.tell(
        stranger,
        ProblemAudited(problem_set=held_out, slug="000-squares", audit={"slug": "forged"}),
        AuditReady(problem_set=held_out, audit={"problems": -1}),
        *factories.problem_events(held_out, 2),
    )
    study.held_out_set.refresh_from_db()
    assert study.held_out_set.audit["problems"] == 1
    assert study.held_out_set.problems.get().audit["slug"] == "000-squares"
    assert job.kind == "audit"


def test_an_audit_of_a_problem_that_is_not_there_costs_no_other(tmp_path: FilePath) -> None:
    study = factories.study(problems=1)
    held_out = written(study, tmp_path)
    job = factories.hold(launch.launch_audit(study, factories.alice(), held_out).jobs[0])
    events = [ProblemAudited(problem_set=held_out.reference, slug=slug, audit={"slug": slug, "marks": ["\x00"]})
              for slug in ("missing", "000-squares")]  # fmt: skip
    factories.tell(job, *events, Finished())
    assert held_out.problems.get().audit == {"slug": "000-squares", "marks": ["␀"]}


def test_the_command_launches_as_the_page_does(packages: FilePath, capsys: pytest.CaptureFixture[str]) -> None:
    factories.alice()
    call_command("import", str(packages), study="sorts", new="Sorts", user="alice", dry_run=True, use_as="training")
    assert "Launched import-" in capsys.readouterr().out
    job = Job.objects.get(kind="import")
    assert job.config["dry_run"]
    assert job.config["reference"].startswith("sorts.training")
    assert job.launched_by == factories.alice()
    with pytest.raises(CommandError, match="is not a member of a study 'elsewhere'"):
        call_command("import", str(packages), study="elsewhere", user="alice")
    with pytest.raises(CommandError, match="There is no file or folder"):
        call_command("import", "/nowhere", study="more", new="More", user="alice")
    assert not Study.objects.filter(slug="more").exists()


def test_files_of_a_study_that_was_deleted_are_not_written_over(packages: FilePath) -> None:
    left = FilePath(settings.FRONTIER_HOME) / "problem_sets" / "gone.held-out.jsonl"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text("")
    study = launch.create_study(factories.alice(), "Gone")
    job = launch.launch_import(study, factories.alice(), str(packages)).jobs[0]
    assert job.config["reference"].startswith("gone.held-out-")
