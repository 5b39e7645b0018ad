"""The `import` runner: what it writes, counts and announces, and that it leaves nothing when it does not finish."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from compute.configs import ImportConfig, JudgeLimits
from compute.errors import Cancelled, ConfigError, MissingInput
from compute.events import AnyEvent, EventWriter, ProblemAdded, ProblemSetReady, Progress, parse_event
from compute.judge.judge import Judge
from compute.problems import importing
from compute.problems.formats import UNKNOWN_DIFFICULTY, Draft, LimitRule
from compute.problems.limits import computed_limit, limit_by
from compute.problems.packages import open_problem
from compute.problems.problem import BlobStore, read_problem_set
from compute.problems.programs import read_known_programs
from compute.problems.staging import move_in, remove_abandoned, staged_blobs
from tests.compute.packages import ADD, CONSTANT, CRASH, Files, write_package, zip_package

NO_LIMIT = "name: Add Two\n"


class Imported:
    """Runs imports below one folder. `events` are those of the last one."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.sets, self.blobs = folder, folder / "home" / "sets", folder / "home" / "blobs"
        self.events: list[AnyEvent] = []

    def __call__(
        self, path: Path, reference: str = "set", cancelled: Callable[[], bool] = lambda: False, **settings: object
    ) -> dict[str, object]:
        fields = {"reference": reference, "path": path, "folder": self.sets, "blobs": self.blobs}
        stream = io.StringIO()
        try:
            return importing.run(ImportConfig.model_validate(fields | settings), EventWriter(stream), cancelled)
        finally:
            self.events = [parse_event(line) for line in stream.getvalue().splitlines()]

    def problems(self, reference: str = "set"):
        return read_problem_set(self.sets / f"{reference}.jsonl")

    def left(self) -> list[str]:
        """Every file and folder below home."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.glob("home*/**/*"))


@pytest.fixture
def imported(tmp_path: Path) -> Imported:
    return Imported(tmp_path)


def package(tmp_path: Path, name: str = "add", changes: Files | None = None) -> Path:
    return write_package(tmp_path / "packages" / name, changes or {})


def other(number: int) -> Files:
    return {"data/secret/2.in": f"{number} 0\n", "data/secret/2.ans": f"{number}\n"}


def test_an_import_writes_the_set_its_programs_and_its_blobs(tmp_path: Path, imported: Imported) -> None:
    summary = imported(package(tmp_path))
    assert summary == {
        "new": 1,
        "duplicates": 0,
        "refused": 0,
        "refusals": [],
        "notes": [f"add: {UNKNOWN_DIFFICULTY}"],
        "format": "kattis",
        "dry_run": False,
    }
    (problem,) = imported.problems()
    programs = read_known_programs(imported.sets / "set.programs.jsonl")
    assert [(one.problem, one.name, one.declared) for one in programs] == [
        ("add", "accepted/add.py", ("AC",)),
        ("add", "wrong_answer/constant.py", ("WA",)),
    ]
    store = BlobStore(imported.blobs)
    assert [store.get(test.output) for test in problem.tests] == [b"3\n", b"7\n", b"30\n"]
    assert store.get(programs[0].source) == ADD.encode()
    assert not [path for path in imported.left() if ".import-" in path or ".partial-" in path]


def test_an_import_is_announced_with_public_tests_alone(tmp_path: Path, imported: Imported) -> None:
    imported(package(tmp_path))
    added, ready = (event for event in imported.events if not isinstance(event, Progress))
    assert isinstance(added, ProblemAdded)
    assert isinstance(ready, ProblemSetReady)
    assert (added.slug, added.position, added.levels, added.checker) == ("add", 0, 3, "tokens case_insensitive")
    assert [test.input_text for test in added.tests] == ["1 2\n", None, None]
    assert (ready.problems, ready.path) == (1, str(imported.sets / "set.jsonl"))
    assert any(isinstance(event, Progress) for event in imported.events)


def test_a_dry_run_counts_the_same_and_writes_nothing(tmp_path: Path, imported: Imported) -> None:
    package(tmp_path, "a", {"problem.yaml": NO_LIMIT})
    package(tmp_path, "b", {"problem.yaml": NO_LIMIT})
    package(tmp_path, "c", {"data/secret/1.ans": None})
    dry = imported(tmp_path / "packages", dry_run=True)
    assert imported.left() == []
    assert {type(event) for event in imported.events} <= {Progress}
    assert (dry["new"], dry["duplicates"], dry["refused"], dry["dry_run"]) == (1, 1, 1, True)
    real = imported(tmp_path / "packages")
    assert real == dry | {"dry_run": False}


def test_a_dry_run_without_anything_new_still_reports(tmp_path: Path, imported: Imported) -> None:
    summary = imported(package(tmp_path, "add", {"data/secret/1.ans": None}), dry_run=True)
    assert (summary["new"], summary["refused"]) == (0, 1)


def test_a_refused_problem_costs_no_other(tmp_path: Path, imported: Imported) -> None:
    package(tmp_path, "a", {"data/secret/1.ans": None})
    package(tmp_path, "b")
    summary = imported(tmp_path / "packages")
    assert summary["refusals"] == [["a", "data/secret/1.ans is missing, the answer to data/secret/1.in."]]
    assert [problem.slug for problem in imported.problems()] == ["b"]
    assert len([path for path in imported.blobs.rglob("*") if path.is_file()]) == 8  # six of tests, two programs


def test_problems_of_known_sets_and_repeated_ones_are_duplicates(tmp_path: Path, imported: Imported) -> None:
    imported(package(tmp_path, "a", other(1)), "first")
    package(tmp_path, "b", other(2))
    package(tmp_path, "c", other(2))
    summary = imported(tmp_path / "packages", "second", known=(imported.sets / "first.jsonl",))
    assert (summary["new"], summary["duplicates"]) == (1, 2)
    assert [problem.slug for problem in imported.problems("second")] == ["b"]


def test_a_problem_whose_limit_was_computed_is_known_whatever_the_machine_measured(
    tmp_path: Path, imported: Imported
) -> None:
    path = package(tmp_path, "a", {"problem.yaml": NO_LIMIT})
    imported(path, "first")
    file = imported.sets / "first.jsonl"
    slower = json.loads(file.read_text()) | {"cpu_seconds": 4.0}
    file.write_text(json.dumps(slower) + "\n")
    summary = imported(path, "second", known=(file,), dry_run=True)
    assert (summary["new"], summary["duplicates"]) == (0, 1)


def test_slugs_become_unique_and_valid(tmp_path: Path, imported: Imported) -> None:
    long = "x" * 70
    for place, name in enumerate(("add two", "add-two", f"{long}a", f"{long}b")):
        package(tmp_path, name, other(place))
    imported(tmp_path / "packages")
    slugs = [problem.slug for problem in imported.problems()]
    assert slugs == ["add-two", "add-two-2", "x" * 64, "x" * 62 + "-2"]
    programs = read_known_programs(imported.sets / "set.programs.jsonl")
    assert {program.problem for program in programs} == set(slugs)


# Limits -----------------------------------------------------------------------------------------------------------


def test_a_limit_that_is_not_stated_is_computed(tmp_path: Path, imported: Imported) -> None:
    imported(package(tmp_path, "add", {"problem.yaml": NO_LIMIT}))
    (problem,) = imported.problems()
    assert problem.cpu_seconds >= 1
    assert problem.cpu_seconds == int(problem.cpu_seconds)
    assert problem.limit_source.startswith("slowest accepted (accepted/add.py) 0.")
    assert problem.limit_source.endswith(f" s x 5, rounded up to {problem.cpu_seconds:g} s")
    (added,) = (event for event in imported.events if isinstance(event, ProblemAdded))
    assert added.limit_source == problem.limit_source


def test_given_limits_serve_problems_that_state_none(tmp_path: Path, imported: Imported) -> None:
    package(tmp_path, "a", {"problem.yaml": NO_LIMIT, "submissions/accepted/add.py": CRASH})
    package(tmp_path, "b", {"problem.yaml": "name: B\nlimits: {time_limit: 2, memory: 64}\n"})
    imported(tmp_path / "packages", cpu_seconds=3, memory_bytes=32 << 20)
    limits = [(problem.cpu_seconds, problem.memory_bytes, problem.limit_source) for problem in imported.problems()]
    assert limits == [(3.0, 32 << 20, "given for problems that state none"), (2.0, 64 << 20, "")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"submissions/accepted/add.py": None}, "there is no accepted program to compute one from"),
        (
            {"submissions/accepted/add.py": CONSTANT},
            "accepted/add.py is declared accepted but gets WA on the test secret",
        ),
        (
            {"submissions/accepted/bad.py": CRASH},
            "accepted/bad.py is declared accepted but gets RE on the test sample/1",
        ),
    ],
)
def test_a_limit_that_cannot_be_computed_refuses_the_problem(
    tmp_path: Path, imported: Imported, changes: Files, words: str
) -> None:
    with pytest.raises(ConfigError, match=r"^add was refused: ") as refused:
        imported(package(tmp_path, "add", {"problem.yaml": NO_LIMIT, **changes}))
    assert words in str(refused.value)
    assert imported.left() == []


CHECK = "import sys\nsys.exit(43 if int(open(sys.argv[2]).read()) > int(sys.stdin.read()) + int(sys.argv[4]) else 42)\n"


def test_accepted_programs_are_those_that_the_packages_own_validator_accepts(
    tmp_path: Path, imported: Imported
) -> None:
    files = {"output_validators/check.py": CHECK, "submissions/accepted/add.py": ADD.replace("print(", "print(-1 + ")}
    yaml = "name: A\nvalidation: custom\nvalidator_flags: '{}'\n"
    imported(package(tmp_path, "a", files | {"problem.yaml": yaml.format(1)}))
    assert imported.problems()[0].validator is not None
    with pytest.raises(ConfigError, match=r"accepted/add\.py is declared accepted but gets WA"):
        imported(package(tmp_path, "b", files | {"problem.yaml": yaml.format(0)}), "other")
    with pytest.raises(ConfigError, match=r"accepted/add\.py is declared accepted but gets JE \(validator"):
        imported(package(tmp_path, "c", files | {"problem.yaml": yaml.format("x")}), "other")


def test_limits_are_rounded_up_to_the_resolution() -> None:
    assert limit_by(LimitRule(5.0, 1.0), 0.31) == 2.0
    assert limit_by(LimitRule(5.0, 1.0), 0.2) == 1.0
    assert limit_by(LimitRule(5.0, 1.0), 0.0) == 1.0
    assert limit_by(LimitRule(2.0, 0.1), 0.15) == 0.3
    assert limit_by(LimitRule(2.0, 0.1), 0.1501) == 0.4


def test_a_stated_limit_runs_nothing(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    draft = open_problem(package(tmp_path), blobs)
    with Judge(JudgeLimits(), blobs) as judge:
        assert computed_limit(draft, judge, blobs) is draft.problem
        computed_limit(Draft(draft.problem, draft.programs, LimitRule(2.0, 1.0)), judge, blobs)
        assert judge.executions == 3


# Nothing half-imported --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data/secret/2.ans": None}, "data/secret/2.ans is missing, the answer to data/secret/2.in."),
        (
            {"problem.yaml": "limits: {memory: x}\n"},
            "problem.yaml: limits.memory must be a number above 0, not 'x'.",
        ),
        (
            {"problem.yaml": "validation: custom interactive\n"},
            "Interactive problems are not supported yet (problem.yaml: validation).",
        ),
    ],
)
def test_a_package_that_is_refused_leaves_nothing(
    tmp_path: Path, imported: Imported, changes: Files, sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        imported(package(tmp_path, "add", changes))
    assert str(refused.value) == f"add was refused: {sentence}"
    assert imported.left() == []
    assert {type(event) for event in imported.events} <= {Progress}


def test_a_hostile_zip_leaves_nothing(tmp_path: Path, imported: Imported) -> None:
    file = zip_package(tmp_path / "add.zip", {"../../evil": "x"})
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ConfigError, match=r"^add was refused: The zip has an entry with the unsafe name"):
        imported(file)
    assert sorted(tmp_path.iterdir()) == before


def test_a_cancelled_import_leaves_nothing(tmp_path: Path, imported: Imported) -> None:
    package(tmp_path, "a", other(1))
    package(tmp_path, "b", other(2))
    for calls in range(3):  # before either problem, and before the writing
        left = iter([False] * calls)
        with pytest.raises(Cancelled):
            imported(tmp_path / "packages", cancelled=lambda left=left: next(left, True))
        assert imported.left() == []
        assert not any(isinstance(event, ProblemAdded) for event in imported.events)


def test_a_folder_that_cannot_be_written_leaves_no_blobs(tmp_path: Path, imported: Imported) -> None:
    imported(package(tmp_path, "a", other(1)), "first")
    before = imported.left()
    with pytest.raises(OSError, match="directory"):
        imported(package(tmp_path, "b", other(2)), "second", folder=imported.sets / "first.jsonl" / "below")
    assert imported.left() == before


def test_moving_in_takes_back_what_it_moved_when_a_blob_is_missing(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "home" / "blobs")
    with staged_blobs(store) as staged:
        there = staged.put(b"there")
        with pytest.raises(MissingInput):
            move_in(staged, store, [there, "0" * 64])
    assert list(tmp_path.iterdir()) == []


def test_a_blob_that_is_stored_already_stays_when_an_import_fails(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs")
    kept = store.put(b"kept")
    with staged_blobs(store) as staged, pytest.raises(MissingInput):
        move_in(staged, store, [staged.put(b"kept"), staged.put(b"new"), "0" * 64])
    assert store.get(kept) == b"kept"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [store.path(kept)]


def test_what_a_killed_import_left_goes_with_the_next_and_a_held_one_stays(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    abandoned = tmp_path / ".import-old"
    (abandoned / "00").mkdir(parents=True)
    os.utime(abandoned, (0, 0))
    with staged_blobs(store) as held:
        os.utime(held.root, (0, 0))
        remove_abandoned(tmp_path)
        assert held.root.is_dir()
        assert not abandoned.exists()


def test_the_same_import_can_be_repeated_but_not_over_another_set(tmp_path: Path, imported: Imported) -> None:
    first, second = package(tmp_path, "a", other(1)), package(tmp_path, "b", other(2))
    imported(first)
    before = imported.left()
    imported(first)
    assert imported.left() == before
    with pytest.raises(ConfigError, match="Another problem set lies at"):
        imported(second)
    assert imported.left() == before
    assert [problem.slug for problem in imported.problems()] == ["a"]


# Refusing the whole -----------------------------------------------------------------------------------------------


def test_an_import_of_nothing_new_says_why(tmp_path: Path, imported: Imported) -> None:
    path = package(tmp_path)
    imported(path, "first")
    with pytest.raises(ConfigError, match=r"^Nothing new was found: all 1 problems are known already\.$"):
        imported(path, "second", known=(imported.sets / "first.jsonl",))
    assert not (imported.sets / "second.jsonl").exists()


def test_paths_that_are_missing_are_told(tmp_path: Path, imported: Imported) -> None:
    with pytest.raises(MissingInput, match="no problem package at"):
        imported(tmp_path / "nowhere")
    with pytest.raises(MissingInput, match="no problem set at"):
        imported(package(tmp_path), known=(tmp_path / "nowhere.jsonl",))
    with pytest.raises(ConfigError, match="No problem format is called"):
        imported(package(tmp_path), format="magic")
    assert imported.left() == []


def test_an_import_runs_as_a_job(tmp_path: Path, imported: Imported, compute_job) -> None:
    config = {"reference": "set", "folder": imported.sets, "blobs": imported.blobs}
    status, events = compute_job("import", config | {"path": package(tmp_path)})
    assert status == 0
    assert events[-1]["type"] == "finished"
    assert events[-1]["summary"]["new"] == 1
    status, events = compute_job("import", config | {"path": tmp_path / "nowhere", "reference": "other"})
    assert status == MissingInput.exit_status
    assert events[-1]["error_kind"] == "missing_input"
