"""Problems, their blobs and their files."""

from pathlib import Path

import pytest

from compute.errors import ConfigError, MissingInput
from compute.problems.problem import BlobStore, Problem, TestCase, read_problem_set, write_problem_set


def make_case(identifier: str, group: int, **changes: object) -> TestCase:
    fields = {"input": "0" * 64, "output": "1" * 64, "size_bytes": 10 * group, "reference_seconds": 0.001}
    return TestCase.model_validate(fields | {"identifier": identifier, "group": group} | changes)


def problem(**changes: object) -> Problem:
    fields = {
        "slug": "one",
        "title": "One",
        "statement": "Print the sum.\n",
        "difficulty": "hard",
        "cpu_seconds": 0.05,
        "memory_bytes": 1 << 28,
        "tests": (make_case("a", 1), make_case("b", 2)),
    }
    return Problem.model_validate(fields | changes)


def test_a_blob_comes_back_and_is_stored_once(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    first, second = store.put(b"1 2\n"), store.put(b"1 2\n")
    assert first == second
    assert store.get(first) == b"1 2\n"
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_a_blob_that_is_not_there_is_a_missing_input(tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        BlobStore(tmp_path).get("0" * 64)


def test_a_problem_set_survives_the_disk(tmp_path: Path) -> None:
    problems = [problem(), problem(slug="two", tags=("kind sum",))]
    sha256 = write_problem_set(tmp_path / "deep" / "set.jsonl", problems)
    assert read_problem_set(tmp_path / "deep" / "set.jsonl") == problems
    assert write_problem_set(tmp_path / "again.jsonl", problems) == sha256
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["set.jsonl"]


def test_a_statement_may_hold_every_kind_of_line_end(tmp_path: Path) -> None:
    problems = [problem(statement="one\u2028two\x85three\x0cfour\r\nfive\n")]
    write_problem_set(tmp_path / "set.jsonl", problems)
    assert read_problem_set(tmp_path / "set.jsonl") == problems


def test_an_absent_problem_set_is_a_missing_input(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="no problem set"):
        read_problem_set(tmp_path / "absent.jsonl")


def test_a_malformed_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(problem().model_dump_json() + "\n" + '{"slug": "two"}\n')
    with pytest.raises(ConfigError, match=r"Line 2 of .* is missing"):
        read_problem_set(path)


def test_the_content_hash_follows_what_solver_and_judge_see() -> None:
    same = problem(slug="two", title="Two", tests=(make_case("x", 1, reference_seconds=0.5), make_case("b", 2)))
    assert same.content_sha256 == problem().content_sha256
    for change in (
        {"statement": "Print the product.\n"},
        {"cpu_seconds": 0.1},
        {"tests": (make_case("a", 1),)},
        {"tests": (make_case("a", 1, output="2" * 64), make_case("b", 2))},
    ):
        assert problem(**change).content_sha256 != problem().content_sha256


@pytest.mark.parametrize("groups", [(2, 3), (1, 3), (2, 1)])
def test_groups_ascend_from_one_without_a_gap(groups: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        problem(tests=tuple(make_case(str(place), group) for place, group in enumerate(groups)))


def test_a_changed_copy_has_an_identity_of_its_own(sums: dict[str, str]) -> None:
    problem = read_problem_set(Path(sums["path"]))[0]
    before = problem.content_sha256
    assert problem.model_copy(update={"cpu_seconds": 9.0}).content_sha256 != before
    assert problem.model_copy(update={"slug": "another"}).content_sha256 == before
