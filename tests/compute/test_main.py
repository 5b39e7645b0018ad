"""The child process: what it says on standard output, how it ends, and when."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compute.events import FINAL, parse_event

ROOT = Path(__file__).parents[2]
ENDLESS = "while True: pass\n"


def command(kind, path):
    return [sys.executable, "-m", "compute", kind, str(path)]


def failure(events):
    assert [event["type"] for event in events] == ["started", "failed"]
    return events[-1]["error_kind"], events[-1]["message"]


@pytest.fixture
def evaluation(tmp_path, sums):
    """A config whose scripted answers are `programs`; None stands for many slow ones."""

    def build(programs=None):
        script = tmp_path / "script.json"
        slow = [f"# {number}\n{ENDLESS}" for number in range(400)]
        script.write_text(json.dumps({"sum-0": [f"```python\n{text}```" for text in programs or slow]}))
        point = {
            "evaluation": "e",
            "checkpoint": "c",
            "ingredients": [{"reference": "c", "folder": "/none", "weight": 1}],
        }
        config = {"points": [point], "problems": sums, "engine": "scripted", "script": str(script)}
        return config | {"sampling": {"samples": len(programs or slow), "problems_per_batch": 1}}

    return build


def test_a_job_begins_with_started_and_ends_with_finished(compute_job, evaluation):
    status, events = compute_job("evaluate", evaluation(["print(1)"]))
    assert status == 0
    assert events[0]["type"] == "started"
    assert events[-1]["type"] == "finished"
    assert [event["sequence"] for event in events] == list(range(len(events)))
    assert sum(event["type"] in FINAL for event in events) == 1


def test_everything_on_standard_output_is_an_event(tmp_path, evaluation):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(evaluation(["print(1)"])))
    done = subprocess.run(command("evaluate", path), capture_output=True, cwd=ROOT, check=True)
    types = [parse_event(line).type for line in done.stdout.splitlines()]
    assert (types[0], types[-1]) == ("started", "finished")


def test_an_unknown_key_ends_with_one_sentence_and_status_two(compute_job, evaluation):
    status, events = compute_job("evaluate", evaluation(["print(1)"]) | {"smaples": 3})
    assert status == 2
    assert failure(events) == ("config", "Unknown key 'smaples'.")


def test_a_kind_that_does_not_exist_is_told_the_usage(compute_job):
    status, events = compute_job("dream", {})
    assert status == 2
    assert failure(events)[1].startswith("Usage: python -m compute KIND config.json")


def by_hand(*arguments, **keywords):
    return subprocess.run([sys.executable, "-m", "compute", *arguments], text=True, cwd=ROOT, check=False, **keywords)


def test_help_is_plain_text_and_no_failure():
    done = by_hand("--help", capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: python -m compute KIND config.json")


def test_without_arguments_the_usage_goes_to_standard_error():
    done = by_hand(capture_output=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: python -m compute KIND config.json")


def test_at_a_terminal_a_failure_is_also_a_sentence(tmp_path):
    ours, terminal = os.openpty()
    done = by_hand("merge", str(tmp_path / "no.json"), stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    assert json.loads(done.stdout.splitlines()[-1])["type"] == "failed"
    assert os.read(ours, 4096).decode().startswith(f"The config {tmp_path / 'no.json'} cannot be read")
    os.close(ours)


def test_a_missing_problem_set_has_its_own_kind_and_status(compute_job, evaluation):
    config = evaluation(["print(1)"])
    config["problems"] = config["problems"] | {"path": "/nowhere/set.jsonl"}
    status, events = compute_job("evaluate", config)
    assert status == 3
    assert failure(events) == ("missing_input", "There is no problem set at /nowhere/set.jsonl.")


def test_what_nobody_foresaw_is_internal_and_leaves_its_traceback_in_the_log(tmp_path, evaluation):
    config = evaluation(["print(1)"])
    config["problems"] = config["problems"] | {"path": str(tmp_path)}  # a folder where a file should be
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    done = subprocess.run(command("evaluate", path), capture_output=True, text=True, cwd=ROOT, check=False)
    last = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, last["type"], last["error_kind"]) == (1, "failed", "internal")
    assert "Traceback" in done.stderr


def test_a_full_disk_is_a_storage_error(tmp_path):
    from compute.__main__ import report_os_error

    class Spoken(list):
        __call__ = list.append

    spoken = Spoken()
    assert report_os_error(spoken, OSError(28, "No space left on device", "/data/x")) == 5
    assert (spoken[0].error_kind, spoken[0].message) == (
        "storage",
        "The disk is full at /data/x: free some space and retry.",
    )


def started(path, **keywords):
    child = subprocess.Popen(command("evaluate", path), stdout=subprocess.PIPE, cwd=ROOT, text=True, **keywords)
    for line in child.stdout:
        if '"type":"progress"' in line:  # it is sampling and judging now
            return child
    raise AssertionError("the child ended early")


def test_sigterm_cancels_and_is_acknowledged(tmp_path, evaluation):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(evaluation()))
    child = started(path)
    child.send_signal(signal.SIGTERM)
    try:
        rest, _ = child.communicate(timeout=60)
    finally:
        child.kill()
    assert json.loads(rest.splitlines()[-1])["type"] == "cancelled"
    assert child.returncode == 130


def test_the_child_dies_with_the_process_that_started_it(tmp_path, evaluation):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(evaluation()))
    script = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({command('evaluate', path)!r}, stdout=subprocess.PIPE, text=True)\n"
        "print(child.pid, flush=True)\n"
        "next(line for line in child.stdout if 'progress' in line)\n"
        "print('running', flush=True)\n"
        "time.sleep(600)\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    pid = int(worker.stdout.readline())
    assert worker.stdout.readline() == "running\n"
    worker.kill()
    worker.wait()
    assert gone_within(pid, 10)


def gone_within(pid, seconds):
    for _ in range(seconds * 20):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
            os.kill(pid, 0)
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def test_under_a_distributed_launcher_only_the_first_process_speaks(compute_job, evaluation):
    status, events = compute_job("evaluate", evaluation(["print(1)"]), env=os.environ | {"RANK": "1"})
    assert (status, events) == (0, [])
