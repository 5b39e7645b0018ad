"""Packages and records made to hang an import, to fill its memory, or to take the problems beside them down with it.

Inputs are as large as an attack needs to be seen; no time is measured, since without its bound none of them ends.
"""

import base64
import gzip
import io
import json
import os
import pickle
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from compute.configs import ImportConfig
from compute.errors import Cancelled, SandboxError
from compute.events import EventWriter
from compute.problems import importing
from compute.problems.formats import Draft, Recipe, Refusal, attempt, codecontests_plus, humaneval, livecodebench
from compute.problems.formats.generated_tests import read_commands
from compute.problems.formats.json_lines import Record, read_records, records
from compute.problems.formats.json_lines import recognises as first_record_has
from compute.problems.formats.json_scan import MOST_VALUES, elements, first_keys, has_more_values
from compute.problems.formats.kattis import FORMAT
from compute.problems.formats.kattis_programs import MOST_PATTERNS, MOST_SUBMISSIONS
from compute.problems.formats.kattis_statement import text_of_html, text_of_latex
from compute.problems.formats.package_files import MOST_FILES
from compute.problems.formats.packed_tests import unpack
from compute.problems.formats.suite import MOST_TESTS
from compute.problems.problem import RESERVED_NAMES, BlobStore, KnownProgram, SourceFile, Validator
from tests.compute.packages import ADD, MINIMAL, NEW, Files, write_package, zip_package
from tests.compute.records import write_records

CHECK = "import sys\nsys.exit(42)\n"
LETTERS = 300_000
"""Of a text that takes a quadratic reader minutes and a linear one no time."""


def imported(folder: Path, path: Path) -> dict[str, object]:
    """The summary of an import."""
    config = ImportConfig(reference="set", path=path, folder=folder / "sets", blobs=folder / "store")
    return importing.run(config, EventWriter(io.StringIO()), lambda: False)


def beside_a_good_one(folder: Path, changes: Files) -> str:
    """Imports a folder of two packages, the first with `changes`: why it was refused, the other being kept."""
    write_package(folder / "packages" / "bad", changes)
    write_package(folder / "packages" / "good")
    summary = imported(folder, folder / "packages")
    assert (summary["new"], summary["refused"]) == (1, 1)
    ((name, reason),) = summary["refusals"]
    assert name == "bad"
    return reason


# Time -------------------------------------------------------------------------------------------------------------


def test_links_to_folders_of_links_are_counted_while_they_are_walked(tmp_path: Path, refusal) -> None:
    folder = write_package(tmp_path / "add-two") / "bomb"
    for depth in range(7):
        (folder / f"d{depth}").mkdir(parents=True)
        for number in range(8):
            (folder / f"d{depth}" / f"l{number}").symlink_to(f"../d{depth + 1}")
    (folder / "d7").mkdir()
    assert refusal({}) == f"The package has more than {MOST_FILES} files and folders."


@pytest.mark.parametrize(
    ("pattern", "declared"),
    [("*" * 40 + "b", ()), ("*a" * 25 + "b", ()), ("a**a*.py", ("AC",)), ("a*.p", ()), ("**", ("AC",))],
)
def test_a_pattern_of_many_stars_is_matched_in_one_pass(draft, pattern: str, declared: tuple[str, ...]) -> None:
    known = draft(
        {
            "problem.yaml": NEW,
            "submissions/submissions.yaml": f'"mixed/{pattern}": {{permitted: [AC], required: [AC]}}\n',
            f"submissions/mixed/{'a' * 60}.py": ADD,
        }
    ).programs
    assert {one.name: one.declared for one in known}[f"mixed/{'a' * 60}.py"] == declared


@pytest.mark.parametrize(
    "yaml",
    [
        '"{a,a}' + "{a,a}" * 39 + '": {}\n',
        f'"{"x" * 400}": {{}}\n',
        "".join(f"p{number}: {{}}\n" for number in range(MOST_PATTERNS + 1)),
    ],
)
def test_patterns_that_mean_too_much_are_refused(refusal, yaml: str) -> None:
    assert refusal({"problem.yaml": NEW, "submissions/submissions.yaml": yaml}).startswith("submissions/submissions.ya")


def test_patterns_with_braces_mean_each_of_their_words(draft) -> None:
    known = draft(
        {
            "problem.yaml": NEW,
            "submissions/submissions.yaml": '"mixed/{ab,c{d,e}}*.py": {permitted: [AC], required: [AC]}\n',
            **{f"submissions/mixed/{name}.py": ADD for name in ("ab1", "cd", "ce2", "cf")},
        }
    ).programs
    assert [one.name for one in known if one.declared == ("AC",)] == [
        "accepted/add.py",
        "mixed/ab1.py",
        "mixed/cd.py",
        "mixed/ce2.py",
    ]


def test_more_submissions_than_anybody_writes_are_refused(refusal) -> None:
    many = {f"submissions/accepted/{number}.py": ADD for number in range(MOST_SUBMISSIONS + 1)}
    assert refusal(many) == f"submissions has {MOST_SUBMISSIONS + 3} programs, more than {MOST_SUBMISSIONS}."


@pytest.mark.parametrize(
    "text",
    [
        "a" + " " * LETTERS + "b",
        "\\includegraphics" + " " * LETTERS,
        "\\includegraphics[" * (LETTERS // 17),
        "\\begin{a}[" * (LETTERS // 10),
        "\\[" * (LETTERS // 2),
        "\\begin{verbatim}" * (LETTERS // 16),
        "\\begin{verbatim}[" * (LETTERS // 17) + "\\end{verbatim}",
        "%%" + " \n" * (LETTERS // 2),
    ],
    ids=lambda text: text[:18],
)
def test_latex_is_read_in_linear_time(text: str) -> None:
    assert len(text_of_latex(text, {})) <= len(text)


@pytest.mark.parametrize("mark", ["<!--", "</", "<a ", "<a b='", "<?", "<" + "a" * LETTERS, "&#" + "9" * 5000])
def test_html_is_read_in_linear_time(mark: str) -> None:
    assert len(text_of_html(mark * (LETTERS // len(mark) + 1))) <= LETTERS + len(mark)


def test_html_keeps_what_is_no_tag_and_loses_comments() -> None:
    text = "<head><title>no</title></head>1 < 2 &amp; 3 > 2 <!-- <p> --><br>&#x41;<b class='x'>bold</b><!DOCTYPE html>"
    assert text_of_html(text) == "1 < 2 & 3 > 2 \nAbold"


def test_formulas_and_listings_are_kept_as_they_were_written() -> None:
    text = r"50\% of $a_{i}\$ %$ and \[x\] \begin{verbatim}[a] {b} \end{verbatim} \( lost"
    assert text_of_latex(text.replace(" %", " "), {}) == r"50% of $a_{i}\$ $ and \[x\]  {b}  \( lost"


def test_an_old_file_of_settings_is_read_line_by_line(draft, refusal) -> None:
    settings = {"problem.yaml": "name: A\n", "domjudge-problem.ini": "\n" * 60_000 + " timelimit = '3'\n"}
    assert draft(settings).problem.cpu_seconds == 3
    assert "more than 65536" in refusal({**settings, "domjudge-problem.ini": "\n" * 300_000})


def test_yaml_files_are_bounded_together(refusal) -> None:
    groups = {f"data/secret/{number}/testdata.yaml": "#" * 60_000 for number in range(6)}
    assert refusal(groups).startswith("The package's YAML files have 36")


def test_groups_that_include_one_another_are_counted_as_they_are_collected(refusal) -> None:
    changes: dict[str, str | bytes | None] = {"problem.yaml": NEW}
    for number in range(150):
        changes |= {f"data/secret/{number:03d}/1.in": f"{number} 0\n", f"data/secret/{number:03d}/1.ans": f"{number}\n"}
        changes[f"data/secret/{number:03d}/test_group.yaml"] = f"require_pass: ['{max(0, number - 1):03d}']\n"
    assert "data has 10" in refusal(changes)


def test_a_zip_of_many_packages_finds_the_outermost_in_one_pass(tmp_path: Path, blobs: BlobStore) -> None:
    names = [f"{number:05d}/problem.yaml" for number in range(20_000)]
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for name in ("a/problem.yaml", "a/b/problem.yaml", "a-b/problem.yaml", *names):
            archive.writestr(name, "name: A\n")
    first, second = (item for item, _ in zip(FORMAT.read(tmp_path / "many.zip", blobs), range(2), strict=False))
    assert [first.name, second.name] == ["00000", "00001"]


def test_an_amount_among_spaces_is_no_amount(tmp_path: Path) -> None:
    from compute.problems.formats.apps import limits

    with pytest.raises(ValueError, match="not an amount with a unit"):
        limits(Record({"time_limit": "1" + " " * LETTERS + "!"}, "set.jsonl, line 1", 1))


def test_a_command_of_a_million_letters_is_passed_over() -> None:
    commands, notes = read_commands(["gen 1", "gen " + "x" * 1_000_000])
    assert commands == [["1"]]
    assert "is longer than 4000 letters" in notes[0]


# One costs no other ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ('name: !!bool "x"\n', "problem.yaml: the tag !!bool is not supported; write the value without it (line 1)."),
        ('limits: {time_limit: !!int ""}\n', "problem.yaml: the tag !!int is not supported"),
        ('limits: {time_limit: !!float ""}\n', "problem.yaml: the tag !!float is not supported"),
        ('name: A\nsource: !!timestamp "x"\n', "the tag !!timestamp is not supported; write the value without it (lin"),
        ('name: A\n"\\ud800": 1\n', "problem.yaml: '\\ud800' holds what is no Unicode character (line 2)."),
        ("a: &a {b: 1}\nc: {<<: *a}\n", "problem.yaml: the key << would merge maps, which is not supported (line 2)."),
        (f"name: 0x{'f' * 9000}\n", "problem.yaml: name must be a text or a map"),
        (f"constants: {{a: 0x{'f' * 9000}}}\n", "problem.yaml: constants must be a map"),
        (f"name: 1{':59' * 900}.5\n", "problem.yaml is not YAML that can be read"),
        (f"constants: {{a: {'x' * 1001}}}\n", "problem.yaml: constants.a has more than 1000 letters."),
        (f"validation: custom\nvalidator_flags: {'x' * 2001}\n", "problem.yaml: validator_flags: the flags have more"),
    ],
)
def test_yaml_that_trips_the_reader_is_refused_and_costs_no_other(tmp_path: Path, yaml: str, words: str) -> None:
    assert words in beside_a_good_one(tmp_path, {"problem.yaml": yaml, "output_validators/check.py": CHECK})


def test_a_plain_tag_is_no_trouble(draft) -> None:
    assert draft({"problem.yaml": "name: !!str 5\nlimits: {time_limit: 1}\n"}).problem.title == "5"


def test_constants_are_not_replaced_again_and_lengthen_no_text_without_bound(draft, refusal) -> None:
    constants = "constants: {a: '{{b}}{{b}}', b: '{{a}}{{a}}'}\n"
    statement = {"problem_statement/problem.en.tex": None, "problem_statement/problem.en.md": "{{a}} {{c}}"}
    assert draft({"problem.yaml": MINIMAL["problem.yaml"] + constants, **statement}).problem.statement.startswith(
        "{{b}}{{b}} {{c}}"
    )
    bomb = f"constants: {{a: {'x' * 1000}}}\n"
    statement["problem_statement/problem.en.md"] = "{{a}}" * 2000
    assert refusal({"problem.yaml": MINIMAL["problem.yaml"] + bomb, **statement}) == (
        "problem_statement/problem.en.md: constants make it more than 1048576 letters longer."
    )


@pytest.mark.parametrize(
    "names",
    [
        (b"data/secret/\xff.in", b"data/secret/\xff.ans"),
        (b"data/secret/\xff/1.in", b"data/secret/\xff/1.ans"),
        (b"submissions/accepted/\xff.py",),
        (b"submissions/\xff/a.py",),
        (b"submissions/accepted/a\nb.py",),
    ],
)
def test_a_name_that_is_no_text_refuses_its_package_alone(tmp_path: Path, names: tuple[bytes, ...]) -> None:
    bad = os.fsencode(write_package(tmp_path / "packages" / "bad"))
    for name in names:
        path = os.path.join(bad, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"1 2\n")
    reason = beside_a_good_one(tmp_path, {})
    assert "has a name that is not UTF-8 or holds a control character" in reason
    assert reason.startswith("The file ")
    assert reason.isprintable()


def damaged(folder: Path, method: int, damage: Callable[[bytes], bytes]) -> Path:
    """A zip whose packed tests are passed through `damage`, beside a good package."""
    write_package(folder / "packages" / "good")
    file = zip_package(folder / "packages" / "bad.zip", {"data/secret/2.in": None})
    with zipfile.ZipFile(file, "a", method) as archive:
        archive.writestr("add/data/secret/2.in", "10 20" * 200)
    file.write_bytes(damage(file.read_bytes()))
    return folder / "packages"


def test_a_zip_with_damaged_lzma_data_costs_no_other(tmp_path: Path) -> None:
    def damage(data: bytes) -> bytes:
        place = data.index(b"add/data/secret/2.in") + len(b"add/data/secret/2.in")
        return data[: place + 4] + b"\xff" * 8 + data[place + 12 :]

    summary = imported(tmp_path, damaged(tmp_path, zipfile.ZIP_LZMA, damage))
    assert (summary["new"], summary["refused"]) == (1, 1)
    assert "data/secret/2.in cannot be unpacked" in summary["refusals"][0][1]


def test_a_zip_whose_local_name_is_no_utf_8_costs_no_other(tmp_path: Path) -> None:
    def damage(data: bytes) -> bytes:
        start = data.index(b"add/data/secret/2.in") - 30
        assert data[start : start + 4] == b"PK\x03\x04"
        header = bytearray(data[start : start + 50])
        header[7] |= 0x08  # the flag for UTF-8
        header[30:32] = b"\xff\xff"
        return data[:start] + bytes(header) + data[start + 50 :]

    summary = imported(tmp_path, damaged(tmp_path, zipfile.ZIP_DEFLATED, damage))
    assert (summary["new"], summary["refused"]) == (1, 1)
    assert "data/secret/2.in cannot be unpacked" in summary["refusals"][0][1]


TASK = {
    "task_id": "Human/1",
    "prompt": "def add(a, b):\n",
    "entry_point": "add",
    "canonical_solution": "    return a + b\n",
    "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
}


def human(folder: Path, **changes: str) -> Recipe | Refusal:
    path = write_records(folder / "set.jsonl", TASK | changes, TASK | {"task_id": "Human/2"})
    first, second = humaneval.FORMAT.read(path, BlobStore(folder / "blobs"))
    assert isinstance(second, Recipe)
    assert not isinstance(first, Draft)
    return first


def test_an_assertion_as_deep_as_it_is_long_is_shown_without_going_down(tmp_path: Path) -> None:
    test = "def check(candidate):\n    assert candidate(1)" + "+1" * 500 + " < 5\n"
    item = human(tmp_path, test=test)
    assert isinstance(item, Refusal)
    assert "asserts more than that a result equals one value: candidate(1)+1+1" in item.reason


def test_a_check_of_a_megabyte_is_not_parsed(tmp_path: Path) -> None:
    item = human(tmp_path, test=TASK["test"] + "    1" + "+1" * 500_000)
    assert isinstance(item, Refusal)
    assert "letters, more than 262144" in item.reason


def test_an_id_that_is_no_text_is_named_by_its_line(tmp_path: Path) -> None:
    assert human(tmp_path, task_id="\ud800") == Refusal(
        "set.jsonl, line 1", "set.jsonl, line 1: its id is not text that can be stored."
    )


@pytest.mark.parametrize("validator", [5, "\ud800"])
def test_a_validator_that_is_no_text_refuses_its_record_before_anything_is_run(
    tmp_path: Path, validator: object
) -> None:
    record = {
        "id": "1_A",
        "description": "Add.",
        "time_limit": 1000,
        "memory_limit": 256,
        "checker": "int main() {}",
        "correct_submissions": [{"language": "cpp", "code": "int main() {}"}],
        "incorrect_submissions": [],
        "generator": "int main() {}",
        "generator_cmd": "./gen 1",
    }
    path = write_records(tmp_path / "set.jsonl", record | {"validator": validator}, record | {"id": "1_B"})
    bad, good = codecontests_plus.FORMAT.read(path, BlobStore(tmp_path / "blobs"))
    assert isinstance(good, Recipe)
    assert isinstance(bad, Refusal)
    assert "line 1: the key 'validator'" in bad.reason


def test_whatever_a_reader_raises_costs_its_record_alone(tmp_path: Path) -> None:
    path = write_records(tmp_path / "set.jsonl", {"id": "a"}, {"id": "b"})
    reader = {"a": lambda: {}["x\nsecond line"], "b": lambda: Recipe("b", lambda runner: Refusal("b", ""))}
    bad, good = read_records(path, lambda record: reader[record.text("id")](), lambda record: record.text("id"))
    assert isinstance(good, Recipe)
    assert bad == Refusal("set.jsonl, line 1", r"set.jsonl, line 1 could not be read: KeyError: 'x\nsecond line'.")


@pytest.mark.parametrize("error", [Cancelled("stop"), SandboxError("none"), OSError(28, "full"), MemoryError()])
def test_what_is_not_the_packages_fault_is_passed_on(error: Exception) -> None:
    def fail() -> Draft:
        raise error

    with pytest.raises(type(error)):
        attempt("name", fail)


def test_every_refusal_is_counted_and_as_many_kept_as_are_listed(tmp_path: Path) -> None:
    write_package(tmp_path / "packages" / "good")
    lines = ({"question_id": f"{number}", "question_content": 1} for number in range(importing.MOST_LISTED + 50))
    first = {"question_id": "x", "question_content": "", "public_test_cases": "", "private_test_cases": ""}
    path = write_records(tmp_path / "set.jsonl", first, *lines)
    with pytest.raises(Exception, match=rf"\({importing.MOST_LISTED + 50} more were refused\.\)"):
        imported(tmp_path, path)


# Memory -----------------------------------------------------------------------------------------------------------


def peak(make: Callable[[], object]) -> int:
    """The most bytes that Python held at once while `make` ran."""
    tracemalloc.start()
    try:
        make()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bomb(folder: Path, text: bytes) -> Path:
    path = folder / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(text))
    return path


def test_recognising_builds_nothing_of_a_record(tmp_path: Path) -> None:
    path = bomb(tmp_path, b'{"a": 1, "b": [' + b"[]," * (1 << 20) + b"1]}")
    assert peak(lambda: first_record_has(path, "a", "b")) < 32 << 20
    assert first_record_has(path, "a", "b")
    assert not first_record_has(path, "a", "c")
    assert not first_record_has(bomb(tmp_path, b"[" + b"[]," * (1 << 18) + b"1]"), "a")


def test_a_record_of_millions_of_values_is_refused_before_it_is_built(tmp_path: Path) -> None:
    path = bomb(tmp_path, b'{"a": [' + b"[]," * MOST_VALUES + b"1]}")
    found: list[Record | Refusal] = []
    assert peak(lambda: found.extend(records(path))) < 32 << 20
    assert found == [
        Refusal("bomb.jsonl.gz, line 1", f"bomb.jsonl.gz, line 1 is not JSON: it has more than {MOST_VALUES} values.")
    ]


def packed(text: str) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(text), 9)).decode()


def test_packed_tests_of_millions_of_values_are_refused_before_they_are_built(tmp_path: Path) -> None:
    record = {"question_id": "1", "question_content": "x", "public_test_cases": "[]"}
    tests = packed("[" + "{}," * MOST_VALUES + "1]")
    path = write_records(tmp_path / "set.jsonl", record | {"private_test_cases": tests})
    found: list[object] = []
    assert peak(lambda: found.extend(livecodebench.FORMAT.read(path, BlobStore(tmp_path / "blobs")))) < 32 << 20
    assert isinstance(found[0], Refusal)
    assert f"it has more than {MOST_VALUES} values" in found[0].reason


def test_packed_tests_that_repeat_one_thing_are_not_unpacked_to_their_end() -> None:
    with pytest.raises(ValueError, match="unpacks to more than 64 MiB"):
        unpack(packed("x" * (65 << 20)))


def test_more_tests_than_a_problem_may_have_are_refused_before_they_are_stored(tmp_path: Path) -> None:
    case = {"input": "1", "output": "1", "testtype": "stdin"}
    record = {"question_id": "1", "question_content": "x", "private_test_cases": "[]", "difficulty": "easy"}
    path = write_records(tmp_path / "set.jsonl", record | {"public_test_cases": json.dumps([case] * (MOST_TESTS + 1))})
    (item,) = livecodebench.FORMAT.read(path, BlobStore(tmp_path / "blobs"))
    assert isinstance(item, Refusal)
    assert f"holds {MOST_TESTS + 1} tests, more than {MOST_TESTS}" in item.reason
    assert not (tmp_path / "blobs").exists()


def test_a_compressed_file_of_endless_lines_is_read_as_far_as_is_believed(tmp_path: Path) -> None:
    path = bomb(tmp_path, (b" " * (1 << 20) + b"\n") * 66)
    (item,) = records(path)
    assert isinstance(item, Refusal)
    assert item.reason.endswith("line 64: the file unpacks to more than is believed; nothing from here on was read.")


def test_strings_hide_marks_from_the_count_of_values() -> None:
    texts = ['{"a": ",[{,[{,[{", "b\\\\": "\\",,,,"}', '["unclosed ,,,,,,,,', '"' + '\\"' * 50 + ",,,,,"]
    for text in texts:
        assert not has_more_values(text, 4)
        assert not has_more_values(text.encode(), 4)
    assert has_more_values("[1,2,3,4,5]", 4)
    assert has_more_values(b"[{},{},{}]", 4)
    assert has_more_values('"" "" "" "" ",,,,,"', 4)


def test_the_elements_of_an_array_are_told_apart_without_being_parsed() -> None:
    assert list(elements(b' [ {"a": [1, 2]}, "],", 3 ,{}]\n')) == [b' {"a": [1, 2]}', b' "],"', b" 3 ", b"{}"]
    assert list(elements(b"[ ]")) == []
    for text, words in ((b'[1, "a]', "ends early"), (b"[1] 2", "something follows its end at byte 3")):
        with pytest.raises(ValueError, match=words):
            list(elements(text))


def test_the_first_keys_are_those_of_the_outermost_object() -> None:
    for text in (b'{"a" : {"x": 1}, "b": [{"y": 2}], "c": "d"}\n{"z": 1}', b'[ {"a":1,"b":"},","c":[] }, {"z": 1}]'):
        assert list(first_keys(text)) == ["a", "b", "c"]
    assert list(first_keys(b'{"a": 1, "b": "cut off ')) == ["a", "b"]
    for text in (b'[["a", {"b": 1}]]', b"", b'"a": 1'):
        assert list(first_keys(text)) == []


# Files of validators ----------------------------------------------------------------------------------------------


def source(name: str) -> SourceFile:
    return SourceFile(name=name, sha256="0" * 64)


def test_a_validator_has_a_bounded_number_of_files_of_its_own_names() -> None:
    Validator(language="python", files=tuple(source(f"f{number}.py") for number in range(100)))
    for files in (
        tuple(source(f"f{number}.py") for number in range(101)),
        (source("a.py"), source("a.py")),
        *((source("a.py"), source(name)) for name in RESERVED_NAMES),
    ):
        with pytest.raises(ValidationError):
            Validator(language="python", files=files)


def test_a_package_whose_validator_cannot_be_run_is_refused_with_the_file(refusal) -> None:
    custom = {"problem.yaml": NEW, "output_validator/check.py": CHECK}
    many = {f"output_validator/f{number}.py": "" for number in range(100)}
    assert refusal({**custom, **many}) == "output_validator has a validator of 101 files, more than 100."


@pytest.mark.parametrize("name", ["feedback", "program"])
def test_a_validators_file_may_not_take_the_place_of_the_judges(refusal, name: str) -> None:
    custom = {"problem.yaml": NEW, "output_validator/check.py": CHECK}
    reason = refusal({**custom, f"output_validator/{name}": "x"})
    assert reason == f"output_validator/{name} has a name that the judge gives to a file of its own."


def test_the_source_of_a_validator_or_a_submission_is_bounded(draft, refusal) -> None:
    large = "#" * (1 << 20) + "\n"
    read = draft({"submissions/accepted/large.py": large})
    assert [program.name for program in read.programs] == ["accepted/add.py", "wrong_answer/constant.py"]
    assert "submissions/accepted/large.py: a submission of more than 1048576 bytes was passed over." in read.notes
    assert "output_validator/check.py has 1048577 bytes" in refusal(
        {"problem.yaml": NEW, "output_validator/check.py": large}
    )


def test_a_known_programs_name_is_one_line() -> None:
    for name in ("", "a\nb", "x" * 1001):
        with pytest.raises(ValidationError):
            KnownProgram(problem="a", name=name, language="python", source="0" * 64)
