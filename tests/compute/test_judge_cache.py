"""Verdicts that are remembered: in a file that stays small, and never for what was judged in another way."""

import sqlite3

import pytest

from compute.configs import JudgeLimits
from compute.judge.cache import VerdictCache
from compute.judge.judge import Judge, Submission
from compute.judge.outcome import Outcome
from compute.problems.problem import Call, SourceFile, Validator
from tests.compute.judging import PYTHON_SUM, problem_of

ACCEPTED = Outcome("A", 0.1, 0.2, 1000)
BOTH = "def add(a, b): return a + b\ndef subtract(a, b): return a - b\n"
SAYS_YES, SAYS_NO = "raise SystemExit(0)\n", "raise SystemExit(1)\n"


def test_the_cache_forgets_what_is_oldest_instead_of_growing(tmp_path):
    path = tmp_path / "verdicts.sqlite"
    cache = VerdictCache(path, most_bytes=200_000)
    with sqlite3.connect(path, isolation_level=None) as connection:
        for batch in range(40):
            connection.execute("UPDATE verdicts SET added = added - 10")  # as if time had passed
            cache.put((b"%d" % batch, "setting", b"%d" % test, ACCEPTED) for test in range(100))
            assert len(cache.get(b"%d" % batch, "setting")) == 100
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    assert pages * size < 600_000
    kept = [batch for batch in range(40) if cache.get(b"%d" % batch, "setting")]
    assert 1 < len(kept) < 40
    assert kept == list(range(kept[0], 40))
    cache.close()


def test_a_quarter_is_forgotten_however_many_were_added_at_once(tmp_path):
    cache = VerdictCache(tmp_path / "verdicts.sqlite", most_bytes=200_000)
    cache.put((b"program", "setting", b"%d" % test, ACCEPTED) for test in range(4000))
    assert len(cache.get(b"program", "setting")) == 3000
    cache.close()


def test_a_cache_of_an_earlier_layout_is_begun_anew(tmp_path):
    path = tmp_path / "verdicts.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE verdicts (program BLOB, letter TEXT)")
    cache = VerdictCache(path)
    cache.put([(b"p", "s", b"t", Outcome("T", 1.0, 2.0, 3, "cpu"))])
    assert cache.get(b"p", "s") == {b"t": Outcome("T", 1.0, 2.0, 3, "cpu")}
    cache.close()


@pytest.fixture
def asked(tmp_path, blobs):
    """Judge a program with a judge of its own on the one cache file: its letters, and how many runs they took."""

    def ask(problem, program=PYTHON_SUM, **limits):
        with Judge(JudgeLimits(**limits), blobs, cache=tmp_path / "verdicts.sqlite") as judge:
            return judge.judge([Submission(program, problem)])[0].letters, judge.executions

    return ask


@pytest.mark.parametrize("other", [{"wall_factor": 20}, {"output_bytes": 1 << 20}, {"memory_bytes": 1 << 30}])
def test_under_another_limit_nothing_is_answered_from_memory(blobs, asked, other):
    problem = problem_of(blobs)
    assert [asked(problem), asked(problem), asked(problem, **other)] == [("AAA", 3), ("AAA", 0), ("AAA", 3)]


def test_by_another_validator_nothing_is_answered_from_memory(blobs, asked):
    yes, no = (
        Validator(
            language="python",
            files=(SourceFile(name="check.py", sha256=blobs.put(text.encode())),),
            convention="testlib",
        )
        for text in (SAYS_YES, SAYS_NO)
    )
    first, second = (problem_of(blobs, checker="validator", validator=validator) for validator in (yes, no))
    assert [asked(first), asked(first), asked(second)] == [("AAA", 3), ("AAA", 0), ("WWW", 3)]


def test_of_another_function_nothing_is_answered_from_memory(blobs, asked):
    add, subtract = (
        problem_of(blobs, [(b"[1, 2]", b"3")], call=Call(function=name, class_name=None), checker="json")
        for name in ("add", "subtract")
    )
    found = [asked(add, BOTH), asked(add, BOTH), asked(subtract, BOTH)]
    assert found == [("A", 1), ("A", 0), ("W", 1)]
