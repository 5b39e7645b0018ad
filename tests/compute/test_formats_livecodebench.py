"""LiveCodeBench: both kinds of problems, packed tests, and pickles that want to be more than a string."""

import base64
import json
import pickle
import struct
import zlib
from contextlib import suppress
from functools import partial

import pytest

from compute.problems.formats import Draft, Refusal
from compute.problems.formats.livecodebench import FORMAT
from compute.problems.formats.packed_tests import string_in_pickle, unpack
from compute.problems.problem import BlobStore, Call
from tests.compute.records import read_records

STDIN = [{"input": f"{number}\n", "output": f"{2 * number}\n", "testtype": "stdin"} for number in (1, 22, 333)]
FUNCTIONAL = [{"input": '[1, 2]\n"ab"', "output": '"x"', "testtype": "functional"}]
STARTER = "class Solution:\n    def mix(self, numbers: List[int], word: str) -> str:\n        "


def packed(tests, protocol=4):
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(tests), protocol))).decode()


def record(**changes):
    return {
        "question_title": "Double",
        "question_content": "Print the double.",
        "platform": "atcoder",
        "question_id": "abc301_a",
        "contest_id": "abc301",
        "contest_date": "2023-05-13T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": json.dumps(STDIN[:1]),
        "private_test_cases": packed(STDIN[1:]),
        "metadata": "{}",
    } | changes


read = partial(read_records, FORMAT)


def test_a_stdin_problem_is_read_with_public_and_packed_private_tests(tmp_path):
    (draft,) = read(tmp_path, record())
    problem, blobs = draft.problem, BlobStore(tmp_path / "blobs")
    assert (problem.slug, problem.title, problem.difficulty) == ("lcb-abc301_a", "Double", "easy")
    assert problem.tags == ("atcoder", "2023-05-13")
    assert [(blobs.get(test.input), blobs.get(test.output), test.public) for test in problem.tests] == [
        (b"1\n", b"2\n", True),
        (b"22\n", b"44\n", False),
        (b"333\n", b"666\n", False),
    ]
    assert (problem.cpu_seconds, problem.memory_bytes, problem.checker, problem.call) == (6.0, 1 << 30, "tokens", None)
    assert problem.limit_source == "the 6 s of LiveCodeBench's own grader; no memory limit is stated"
    assert (draft.states_time, draft.states_memory) == (False, False)
    assert draft.limit_rule is None


def test_a_functional_problem_becomes_a_call(tmp_path):
    changes = {"public_test_cases": json.dumps(FUNCTIONAL), "private_test_cases": "[]", "starter_code": STARTER}
    (draft,) = read(tmp_path, record(metadata='{"func_name": "mix"}', **changes))
    blobs = BlobStore(tmp_path / "blobs")
    assert draft.problem.call == Call(function="mix", class_name="Solution")
    assert draft.problem.checker == "json"
    assert json.loads(blobs.get(draft.problem.tests[0].input)) == [[1, 2], "ab"]
    assert json.loads(blobs.get(draft.problem.tests[0].output)) == "x"
    assert "def mix" in draft.problem.statement


def test_private_tests_may_be_plain_json(tmp_path):
    (draft,) = read(tmp_path, record(private_test_cases=json.dumps(STDIN[1:])))
    assert len(draft.problem.tests) == 3


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"question_id": ""}, "question_id"),
        ({"question_content": 5}, "question_content"),
        ({"question_content": "\ud800"}, "statement"),
        ({"difficulty": "brutal"}, "difficulty"),
        ({"public_test_cases": "[", "private_test_cases": "[]"}, "public_test_cases"),
        ({"public_test_cases": "[3]"}, "public_test_cases"),
        ({"public_test_cases": '[{"input": "1"}]'}, "output"),
        ({"public_test_cases": "[]", "private_test_cases": "[]"}, "public_test_cases"),
        ({"private_test_cases": json.dumps(FUNCTIONAL)}, "private_test_cases"),
        ({"private_test_cases": "not packed!"}, "private_test_cases"),
        ({"private_test_cases": packed(STDIN)[:-20] + "AAAA"}, "private_test_cases"),
        ({"public_test_cases": json.dumps(FUNCTIONAL), "private_test_cases": "[]"}, "metadata"),
    ],
)
def test_a_bad_record_is_refused_by_key_and_costs_no_other(tmp_path, changes, key):
    good = record(question_id="abc301_b")
    items = read(tmp_path, good | {"question_id": "first"}, record(**changes), good)
    assert [type(item) for item in items] == [Draft, Refusal, Draft]
    assert "set.jsonl, line 2" in items[1].reason
    assert key in items[1].reason
    assert items[1].reason.isprintable()


def test_a_functional_output_is_one_value(tmp_path):
    two = [{"input": "1", "output": "1\n2", "testtype": "functional"}]
    changes = {"public_test_cases": json.dumps(two), "private_test_cases": "[]", "starter_code": STARTER}
    (refusal,) = read(tmp_path, record(**changes))
    assert "holds 2 JSON values, not one" in refusal.reason


# Packed tests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("text", ["", "short", "ü" * 300, "x" * 200_000])
def test_what_pickle_writes_for_a_string_is_read(protocol, text):
    assert string_in_pickle(pickle.dumps(text, protocol)) == text


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


@pytest.mark.parametrize(
    "value", [Bomb(), ["text"], ("a", "b"), {"a": "b"}, b"bytes", 5, None, True, 1.5, ["a", Bomb()], {"a"}]
)
@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_any_other_pickle_is_refused_unloaded(value, protocol):
    with pytest.raises(ValueError, match="pickle"):
        string_in_pickle(pickle.dumps(value, protocol))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"\x80\x04.",
        pickle.dumps("text")[:-1],
        pickle.dumps("text")[:-4],
        pickle.dumps("text") + b"N.",
        b"\x80\x04\x8c\x01a\x8c\x01b.",
        b"\x80\x09\x8c\x01a.",
        b"\x80\x04X\xff\xff\xff\xffa.",
        b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"a.",
        b"\x80\x04\x8c\x01\xff.",
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x04\x8c\x01a0.",
        b"\x80\x04\x8c\x01aB\x00\x00\x00\x00.",
    ],
)
def test_damaged_and_forged_pickles_are_refused(data):
    with pytest.raises(ValueError, match="pickle"):
        string_in_pickle(data)


def test_every_single_changed_byte_is_refused_or_still_a_string():
    data = pickle.dumps('[{"input": "1"}]')
    for place in range(len(data)):
        for value in range(256):
            changed = data[:place] + bytes([value]) + data[place + 1 :]
            with suppress(ValueError):
                assert isinstance(string_in_pickle(changed), str)


def test_a_decompression_bomb_is_refused():
    bomb = base64.b64encode(zlib.compress(pickle.dumps("0" * (8 << 20)), 9)).decode()
    assert len(bomb) < 20_000
    with pytest.raises(ValueError, match="unpacks to more than 1 MiB"):
        unpack(bomb, limit=1 << 20)
    assert len(unpack(bomb, limit=9 << 20)) == 8 << 20


def test_compressed_data_that_ends_early_is_refused():
    whole = zlib.compress(pickle.dumps("text" * 1000))
    with pytest.raises(ValueError, match="ends early"):
        unpack(base64.b64encode(whole[:-6]).decode())
