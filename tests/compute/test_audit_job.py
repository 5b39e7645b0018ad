"""The job of kind "audit": known programs in, figures out, with the real judge."""

import io
import json

import pytest

from compute.configs import AuditConfig
from compute.errors import Cancelled, ConfigError, MissingInput
from compute.events import EventWriter
from compute.problems.auditing import run
from compute.problems.problem import BlobStore, KnownProgram
from compute.problems.programs import read_known_programs, write_known_programs
from tests.compute.conftest import FAST, SLOW, WRONG


@pytest.fixture
def known(tmp_path, sums):
    """Known programs of the first problem, beside nothing: a config names their file."""
    blobs = BlobStore(sums["blobs"])

    def write(*programs, problem="sum-0"):
        path = tmp_path / "known.jsonl"
        described = [
            KnownProgram(
                problem=problem, name=name, language=language, source=blobs.put(text), declared=tuple(declared.split())
            )
            for name, language, text, declared in programs
        ]
        write_known_programs(path, described)
        assert read_known_programs(path) == described
        return {"problems": sums, "programs": str(path)}

    return write


THREE = (
    ("fast.py", "python", FAST.encode(), "AC"),
    ("slow.py", "python", SLOW.encode(), "TLE"),
    ("wrong.py", "python", WRONG.encode(), "WA"),
)


def audit(config, cancelled=lambda: False):
    stream = io.StringIO()
    summary = run(AuditConfig.model_validate(config), EventWriter(stream), cancelled)
    return summary, [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_problem_is_audited_and_then_the_set(compute_job, known):
    status, events = compute_job("audit", known(*THREE))
    assert status == 0
    audits = {event["slug"]: event["audit"] for event in events if event["type"] == "problem_audited"}
    assert list(audits) == ["sum-0", "sum-1", "sum-2"]
    first = audits["sum-0"]
    assert [program["judged"] for program in first["programs"]] == ["AC", "TLE", "WA"]
    assert [program["agrees"] for program in first["programs"]] == [True, True, True]
    assert first["slow_caught"] == [0, 0, 0, 1, 1]
    assert 0 < first["reference_share"] < 0.5
    assert first["suggested_cpu_seconds"] >= 5 * first["reference_seconds"]
    assert first["marks"] == []
    assert audits["sum-1"]["marks"] == ["no-slow-program", "no-accepted-program"]
    (whole,) = [event["audit"] for event in events if event["type"] == "audit"]
    assert whole["slow_caught_rate"] == [0, 0, 0, 1, 1]
    assert (whole["declared"], whole["agreeing"], whole["unstable"], whole["safety_factor"]) == (3, 3, 0, 5)
    assert "rlimits" in whole["isolation"]
    assert events[-1]["summary"] == {"problems": 3, "programs": 3, "repeats": 2, "passed_over": []}


def test_progress_counts_every_judging(known):
    _, events = audit(known(*THREE) | {"repeats": 3})
    last = [event for event in events if event["type"] == "progress"][-1]
    assert (last["done"], last["total"]) == (9, 9)


def test_programs_that_cannot_be_judged_are_named_and_passed_over(known):
    odd = (("a.cob", "cobol", b"STOP RUN.", "AC"), ("latin.py", "python", b"# \xe9\n", "AC"))
    summary, events = audit(known(*THREE[:1], *odd))
    assert [(slug, name) for slug, name, _ in summary["passed_over"]] == [("sum-0", "a.cob"), ("sum-0", "latin.py")]
    assert summary["programs"] == 1
    logged = [event["line"] for event in events if event["type"] == "log"]
    assert logged[0].startswith("The program a.cob of sum-0 is not judged: No language is called 'cobol'")
    assert logged[1].endswith("Its source is not UTF-8 text.")


def test_it_stops_between_two_programs(known):
    judged = 0

    def cancelled():
        nonlocal judged
        judged += 1
        return judged > 2

    with pytest.raises(Cancelled):
        audit(known(*THREE), cancelled)
    assert judged == 3


def test_the_limit_of_the_config_counts(known):
    _, events = audit(known(*THREE[1:2]) | {"limits": {"cpu_seconds": 0.02}, "repeats": 1})
    (figures,) = [event["audit"] for event in events if event.get("slug") == "sum-0"]
    assert figures["cpu_seconds"] == 0.02


def test_a_set_without_known_programs_is_audited_for_its_sizes(sums):
    summary, events = audit({"problems": sums})
    assert summary["programs"] == 0
    (whole,) = [event["audit"] for event in events if event["type"] == "audit"]
    assert whole["size_ratio_median"] > 100
    assert whole["slow_caught_rate"] is None


def test_a_file_of_programs_that_is_named_must_be_there(sums):
    with pytest.raises(MissingInput, match=r"There are no known programs at /nowhere\.jsonl"):
        audit({"problems": sums, "programs": "/nowhere.jsonl"})


def test_programs_of_another_set_are_refused(known):
    with pytest.raises(ConfigError, match="has a program of 'elsewhere', which is not in the problem set"):
        audit(known(*THREE, problem="elsewhere"))


def test_a_broken_line_of_programs_is_named(tmp_path, sums):
    path = tmp_path / "known.jsonl"
    path.write_text('{"problem": "sum-0"}\n')
    with pytest.raises(ConfigError, match=r"Line 1 of .*known\.jsonl is not a known program: The key 'name'"):
        audit({"problems": sums, "programs": str(path)})
