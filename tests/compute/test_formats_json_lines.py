"""Files of JSON lines: what can be read, and one sentence on everything that cannot."""

import gzip
import json

import pytest

from compute.problems.formats import Draft, Refusal
from compute.problems.formats.json_lines import Record, Unreadable, read_records, recognises, records, slug_of
from compute.problems.formats.suite import Suite
from compute.problems.problem import BlobStore


def written(tmp_path, data, name="set.jsonl"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def reasons(path, limit=1 << 20):
    return [item.reason for item in records(path, limit) if isinstance(item, Refusal)]


def test_lines_and_arrays_plain_and_gzipped_give_the_same_records(tmp_path):
    values = [{"a": 1}, {"a": "ü\u2028"}]
    lines = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()
    array = json.dumps(values).encode()
    paths = [
        written(tmp_path, lines),
        written(tmp_path, b"\xef\xbb\xbf" + lines.replace(b"\n", b"\r\n\n"), "windows.jsonl"),
        written(tmp_path, b" \n" + array, "array.json"),
        written(tmp_path, gzip.compress(lines), "lines.jsonl.gz"),
        written(tmp_path, gzip.compress(array), "array.json.gz"),
    ]
    for path in paths:
        assert [record.values for record in records(path)] == values


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b'{"a": 1', "is not JSON: Expecting"),
        (b'{"a": "\xff"}', "is not JSON: its byte 7 is not valid UTF-8"),
        (b"17", "is a number, not an object"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number of too many digits"),
        (b"[" * 1 + b'{"a": 1}', "is not JSON"),
        (b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deeply"),
    ],
)
def test_a_bad_line_is_named_and_costs_no_other(tmp_path, line, complaint):
    path = written(tmp_path, b'{"good": 1}\n' + line + b'\n{"good": 2}\n')
    found = list(records(path))
    assert [item.values["good"] for item in found if isinstance(item, Record)] == [1, 2]
    assert complaint in found[1].reason
    assert "set.jsonl, line 2" in found[1].reason


def test_missing_values_that_pandas_writes_as_nan_are_null(tmp_path):
    record = next(records(written(tmp_path, b'{"a": NaN, "b": Infinity}\n')))
    assert record.values == {"a": None, "b": None}


def test_a_line_without_end_stops_the_reading_with_a_reason(tmp_path):
    path = written(tmp_path, b'{"good": 1}\n{"a": "' + b"x" * 2000)
    assert reasons(path, limit=1000) == ["set.jsonl, line 2 is longer than 0 MiB; nothing after it was read."]


def test_truncated_compressed_data_is_refused(tmp_path):
    data = gzip.compress(json.dumps({"a": list(range(10_000))}).encode())
    assert reasons(written(tmp_path, data[:200], "a.jsonl.gz")) == [
        "a.jsonl.gz: the compressed data ends early or is damaged."
    ]
    assert reasons(written(tmp_path, b"plain", "b.jsonl.gz")) == [
        "b.jsonl.gz: the compressed data ends early or is damaged."
    ]


def test_an_array_with_strange_elements_keeps_the_others(tmp_path):
    found = list(records(written(tmp_path, b'[{"a": 1}, 3, {"a": 2}]', "a.json")))
    assert [item.values["a"] for item in found if isinstance(item, Record)] == [1, 2]
    assert found[1].reason == "a.json, element 2 is a number, not an object."


def test_an_empty_file_is_refused(tmp_path):
    items = list(read_records(written(tmp_path, b""), lambda record: pytest.fail("no record"), lambda record: "x"))
    assert items == [Refusal("set.jsonl", "set.jsonl is empty.")]


def test_a_second_record_of_the_same_name_is_refused(tmp_path):
    path = written(tmp_path, b'{"id": "x"}\n{"id": "y"}\n{"id": "x"}\n')
    items = list(read_records(path, lambda record: Draft(None), lambda record: record.filled("id")))
    assert [type(item) for item in items] == [Draft, Draft, Refusal]
    assert items[2].reason == "set.jsonl, line 3: the id 'x' stands on line 1 already."


@pytest.mark.parametrize(
    ("values", "read", "complaint"),
    [
        ({}, lambda record: record.text("a"), "'a' is missing."),
        ({"a": None}, lambda record: record.text("a"), "'a' is null."),
        ({"a": 3}, lambda record: record.text("a"), "'a' is a number, not text."),
        ({"a": " "}, lambda record: record.filled("a"), "'a' is empty."),
        ({"a": True}, lambda record: record.number("a"), "'a' is true or false, not a number."),
        ({"a": 10**400}, lambda record: record.number("a"), "'a' is not a finite number."),
        ({"a": {}}, lambda record: record.items("a"), "'a' is an object, not a list."),
        ({"a": "{"}, lambda record: record.decoded("a"), "'a' is not JSON: Expecting"),
        ({"a": "\ud800"}, lambda record: record.data("a", record.values["a"]), "'a' is not valid Unicode."),
        ({"a": []}, lambda record: record.inside("a", []), "'a' holds a list where an object is wanted."),
    ],
)
def test_what_is_wrong_with_a_value_is_said_with_file_line_and_key(values, read, complaint):
    with pytest.raises(Unreadable) as error:
        read(Record(values, "set.jsonl, line 7", 7))
    assert str(error.value).startswith("set.jsonl, line 7: the key " + complaint.removesuffix("."))


def test_a_format_is_recognised_by_the_keys_of_the_first_record(tmp_path):
    path = written(tmp_path, b'{"a": 1, "b": null}\n')
    assert recognises(path, "a", "b")
    assert not recognises(path, "a", "c")
    assert not recognises(tmp_path / "absent.jsonl", "a")
    assert not recognises(written(tmp_path, b"\x00\x01", "binary.jsonl"), "a")
    assert not recognises(tmp_path, "a")


def test_slugs_are_references_and_differ_when_identifiers_do():
    identifiers = ["1873_A", "1873 A", "1873  A", "ü", "ö", "x" * 64, "x" * 65, "x" * 66, "\ud800"]
    slugs = [slug_of("lcb-", identifier) for identifier in identifiers]
    assert slugs[0] == "lcb-1873_A"
    assert slug_of("", "HumanEval/7") == "HumanEval-7"
    assert len(set(slugs)) == len(slugs)
    assert all(len(slug) <= 64 and slug.isascii() for slug in slugs)


def suite_of(tmp_path, tests, **options):
    suite = Suite(Record({}, "set.jsonl, line 1", 1), BlobStore(tmp_path / "blobs"), **options)
    for number, (given, output) in enumerate(tests):
        suite.add("tests", f"t{number}", given, output)
    return suite


def test_tests_come_in_size_order_with_levels(tmp_path):
    tests = suite_of(tmp_path, [(b"x" * size, b"1") for size in (9, 2, 7, 4, 5, 6)]).tests("tests")
    assert [test.size_bytes for test in tests] == [2, 4, 5, 6, 7, 9]
    assert [test.group for test in tests] == [1, 1, 2, 3, 4, 5]


def test_a_test_given_twice_is_kept_once_and_told(tmp_path):
    suite = suite_of(tmp_path, [(b"1", b"a b"), (b"1", b"a  b\n"), (b"2", b"c")])
    assert [test.identifier for test in suite.tests("tests")] == ["t0", "t2"]
    assert suite.notes == ["Tests left out because their input stood before: 1."]


def test_two_answers_to_one_input_need_a_checker(tmp_path):
    with pytest.raises(Unreadable, match="two outputs for one input"):
        suite_of(tmp_path, [(b"1", b"a"), (b"1", b"b")])
    assert len(suite_of(tmp_path, [(b"1", b"a"), (b"1", b"b")], one_answer=False).tests("tests")) == 1


@pytest.mark.parametrize(("tests", "complaint"), [([], "holds no tests"), ([(b"1", b" \n")], "expects no output")])
def test_suites_that_tell_nothing_are_refused(tmp_path, tests, complaint):
    with pytest.raises(Unreadable, match=complaint):
        suite_of(tmp_path, tests).tests("tests")


def test_a_tolerance_is_used_only_where_an_output_has_a_decimal_point(tmp_path):
    assert suite_of(tmp_path, [(b"1", b"100000000001")]).checker == "tokens"
    assert suite_of(tmp_path, [(b"1", b"1"), (b"2", b"0.50")]).checker == "tokens float_tolerance 1e-6"
    assert suite_of(tmp_path, [(b"1", b"v1.2")]).checker == "tokens"
