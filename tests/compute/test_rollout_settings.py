"""The settings with tools and with a workspace, end to end over scripted answers with the real sandbox and judge."""

import json

import pytest

from compute.rollout.transcript import ENDS, read_transcript
from tests.compute.test_rollout_evaluate import events_of, of_type, samples, scripted

RIGHT = "```python\nprint(sum(map(int, input().split())))\n```"
WRONG = "```python\nprint(0)\n```"
SLOW = "```python\nn = list(map(int, input().split()))\nfor _ in range(len(n) ** 3): pass\nprint(sum(n))\n```"
SUM = "print(sum(map(int, input().split())))"


def call(name, **arguments):
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


def python(code):
    return call("python", code=code)


def bash(command):
    return call("bash", command=command)


def answers(tmp_path, sums, setting, script, **limits):
    """What became of each list of turns, asked of one problem: (record, transcript) pairs."""
    config = scripted(tmp_path, sums, {"sum-0": script}, setting=setting, finished=("sum-1", "sum-2"))
    events = events_of(config | {"tools": {"call_seconds": 1.0} | limits, "limits": {"workers": 2}})
    texts = {key: text for event in of_type(events, "samples") for key, text in event["transcripts"].items()}
    records = samples(events, "e1")
    found = [records["sum-0", index] for index in range(len(script))]
    return [(record, read_transcript(texts[record["transcript"]])) for record in found]


def replies(transcript):
    return [step for step in transcript.steps[2:] if step.role != "assistant"]


def test_an_attempt_that_fails_its_samples_is_told_so_and_may_be_revised(tmp_path, sums):
    ends = answers(
        tmp_path, sums, "tools", [[RIGHT], [WRONG, RIGHT], [WRONG, WRONG, WRONG], [SLOW], ["I do not know."]]
    )
    letters = [record["letters"] for record, _ in ends]
    assert letters == ["AAAAA", "AAAAA", "WWWWW", "AAATT", "NNNNN"]
    assert [transcript.turns for _, transcript in ends] == [1, 2, 3, 1, 1]
    assert [t.ended for _, t in ends] == ["answered", "answered", "out of attempts", "answered", "answered"]
    (told,) = replies(ends[1][1])
    assert told.text.startswith("Sample 1: wrong answer\nexpected\n")
    assert told.text.endswith("got\n0\n")
    assert told.text.count("Sample") == 1, "the hidden tests are spoken of nowhere"
    assert ends[2][0]["tokens"] == 3 * len(WRONG.split()), "of all turns"


def test_python_runs_between_thoughts_and_its_output_comes_back(tmp_path, sums):
    ((record, transcript),) = answers(tmp_path, sums, "tools", [["Let me see. " + python("print(6 * 7)"), RIGHT]])
    assert (record["letters"], transcript.calls, transcript.turns) == ("AAAAA", 1, 2)
    (reply,) = replies(transcript)
    assert (reply.role, reply.tool, reply.text) == ("tool", "python", "42\n")
    assert transcript.steps[2].text == "Let me see."
    assert transcript.steps[2].calls[0].arguments == {"code": "print(6 * 7)"}


TEN = "".join(python(f"print({number})") for number in range(10))
BROKEN = '<tool_call>{"name": "python", "arguments": {"code": "print(</tool_call>'


@pytest.mark.parametrize("setting", ["tools", "agentic"])
def test_every_kind_of_misbehaviour_ends_with_a_stated_reason(tmp_path, sums, setting):
    run = python if setting == "tools" else bash
    hang, flood, fork = {
        "tools": ("while True: pass", "while True: print('x' * 10**6)", "import os\nwhile True: os.fork()"),
        "agentic": ("sleep 100 & while true; do :; done", "yes", ":(){ :|:& };:"),
    }[setting]
    turns = [[run(hang)], [run(flood)], [run(fork)], [run("1") for _ in range(40)], [TEN, TEN], [BROKEN] * 9]
    ends = answers(tmp_path, sums, setting, turns, turns=4)
    assert all(transcript.ended in ENDS for _, transcript in ends)
    last = "answered" if setting == "tools" else "malformed calls"
    # What is not in a script is an empty turn: no call and no program.
    assert [transcript.ended for _, transcript in ends[:3]] == [last] * 3
    assert ends[3][1].ended == "out of turns"
    assert ends[5][1].ended == "malformed calls"
    assert {record["letters"] for record, _ in ends} == {"NNNNN"}
    assert replies(ends[0][1])[0].ended == "stopped after 1 s"
    assert replies(ends[1][1])[0].ended == "stopped: it wrote too much"
    assert "cannot be read: its JSON is broken" in replies(ends[5][1])[0].text
    assert ends[5][1].steps[2].text == BROKEN
    problems = [made.problem for made in ends[4][1].steps[2].calls]
    if setting == "tools":
        assert "Resource temporarily unavailable" in replies(ends[2][1])[0].text
        assert problems == [""] * 4 + ["too many calls at once"] * 6
    else:
        assert problems == ["exactly one call a turn"] * 10
    assert len(replies(ends[1][1])[0].text) < 5000, "a flood is shown in part"


def test_a_policy_that_never_stops_is_cut_off_turn_by_turn(tmp_path, sums):
    endless = {"text": "```python\nwhile", "tokens": 64, "finish": "length"}
    ((record, transcript),) = answers(tmp_path, sums, "tools", [[endless]])
    assert (record["letters"], record["finish"], transcript.ended) == ("NNNNN", "length", "cut off")
    ((record, transcript),) = answers(tmp_path, sums, "agentic", [[endless] * 9])
    assert (record["letters"], transcript.ended, transcript.turns) == ("NNNNN", "malformed calls", 3)


def test_calls_beyond_the_cap_are_not_run(tmp_path, sums):
    ((_, transcript),) = answers(tmp_path, sums, "tools", [[TEN, python("print(1)"), RIGHT]], calls=2, calls_per_turn=4)
    problems = [made.problem for made in transcript.steps[2].calls]
    assert problems == ["", "", "no call is left", "no call is left"] + ["too many calls at once"] * 6
    assert (transcript.ended, transcript.calls) == ("answered", 2)


def test_a_conversation_that_grows_too_long_ends_with_the_last_attempt(tmp_path, sums):
    long = {"text": WRONG, "tokens": 5, "prompt_tokens": 500}
    ((record, transcript),) = answers(tmp_path, sums, "tools", [[long, RIGHT]], context_tokens=600)
    assert (record["letters"], transcript.ended) == ("WWWWW", "out of tokens")


def test_a_workspace_keeps_its_files_from_call_to_call_and_submits_one(tmp_path, sums):
    turns = [
        call("create", path="main.py", text="print(0)"),
        bash("python3 run_samples.py main.py; ls samples"),
        call("edit", path="main.py", old="print(0)", new=SUM),
        bash("python3 run_samples.py main.py && cp main.py answer.py"),
        call("submit", path="answer.py"),
        bash("echo never"),
    ]
    ((record, transcript),) = answers(tmp_path, sums, "agentic", [turns])
    assert (record["letters"], transcript.ended, transcript.turns) == ("AAAAA", "submitted", 5)
    wrote, first, edited, second = replies(transcript)
    assert wrote.text.startswith("Wrote main.py.\n[127 turns, ")
    assert "Sample 1: wrong answer" in first.text
    assert "1.in\n1.out\n" in first.text
    assert edited.text.startswith("Edited main.py.")
    assert second.text.startswith("Sample 1: passed\n")
    assert [step.turns_left for step in (wrote, first, edited, second)] == [127, 126, 125, 124]


def test_the_workspace_says_what_it_refuses(tmp_path, sums):
    turns = [
        call("create", path="../main.py", text="x"),
        call("create", path="samples", text="x"),
        call("edit", path="run_samples.py", old="nowhere", new="x"),
        call("edit", path="none.py", old="a", new="b"),
        call("submit", path="none.py"),
        call("create", path="big.txt", text="x" * (1 << 21)),
        call("create", path="é" * 60, text="x"),
        call("open", path="a"),
        call("create", path="main.py"),
        bash("exit 3"),
        bash("kill -9 -1"),
        call("create", path="main.py", text=SUM),
        call("submit", path="main.py"),
    ]
    ((record, transcript),) = answers(tmp_path, sums, "agentic", [turns])
    told = [reply.text.splitlines()[-2] for reply in replies(transcript)]
    assert [line.removeprefix("Error: ") for line in told] == [
        "'../main.py' is no path inside the workspace.",
        "samples cannot be a file and a folder.",
        "the piece to replace occurs 0 times in run_samples.py, not once.",
        "there is no file none.py.",
        "there is no file none.py.",
        "the workspace is full.",
        f"{'é' * 50!r} is no path inside the workspace.",
        "there is no tool 'open', only create, edit, bash, submit.",
        "create needs path and text, each a text.",
        "[exit status 3]",
        "[ended by signal 9]",
        "Wrote main.py.",
    ]
    assert (record["letters"], transcript.ended) == ("AAAAA", "submitted")


def test_hidden_tests_secrets_and_the_network_are_out_of_reach(tmp_path, sums):
    looks = [
        f"cat {sums['path']} {sums['blobs']}/*/*; env; ls / /tmp /root",
        "exec 3<>/dev/tcp/127.0.0.1/80",
        "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 80))'",
        "cat samples/*; ls samples; touch /usr/bin/x /box/../etc/x; find / -name '*.jsonl' 2>/dev/null",
    ]
    ((_, transcript),) = answers(tmp_path, sums, "agentic", [[bash(look) for look in looks]])
    said = "".join(reply.text for reply in replies(transcript))
    assert "sum-0" not in said
    assert "FRONTIER" not in said
    assert "SECRET" not in said
    assert said.count("Function not implemented") >= 2
    assert "1.in\n1.out\n[" not in said.replace("ls: ", "")
    assert "2.in" not in said, "of five tests one is public"


def test_a_sandbox_that_fails_twice_costs_a_sample_and_not_the_job(tmp_path, sums, monkeypatch):
    from compute.judge.sandbox import SandboxLost
    from compute.rollout import tool_rooms

    class Lost:
        def __init__(self, layer, *more):
            pass

        def run(self, *order):
            raise SandboxLost("gone")

        def restart(self):
            pass

        close = restart

    monkeypatch.setattr(tool_rooms, "Sandbox", Lost)
    ends = answers(tmp_path, sums, "tools", [[python("print(1)"), RIGHT], [RIGHT]])
    assert [record["letters"] for record, _ in ends] == ["IIIII", "AAAAA"]
    assert ends[0][1].ended == "sandbox trouble"


def test_alarms_count_turns_and_calls(tmp_path, sums):
    config = scripted(
        tmp_path, sums, {"sum-0": [[python("1"), RIGHT], [RIGHT]]}, setting="tools", finished=("sum-1", "sum-2")
    )
    (finished,) = of_type(events_of(config), "evaluation_finished")
    assert (finished["alarms"]["mean_turns"], finished["alarms"]["mean_calls"]) == (1.5, 0.5)


WRONG_FILE = call("create", path="main.py", text="print(0)")
SUBMITTED = call("submit", path="main.py")
FORGED = '{"status":0,"timed_out":false,"left_out":0,"files":{"../x":"YQ==","ok.txt":"YQ=="}}'


@pytest.mark.parametrize(
    "command",
    [
        "rmdir ../feedback",
        "rm -rf ../*",
        "mkdir ../workspace.json",
        "kill -INT 1; kill -9 $PPID",
        "echo '[[[[' > ../workspace.json; kill -9 $PPID",
        """echo '{"status":0,"left_out":0,"files":{}}' > ../workspace.json; kill -9 $PPID""",
    ],
)
def test_breaking_the_sandbox_hides_no_failure(tmp_path, sums, command):
    ((record, transcript),) = answers(tmp_path, sums, "agentic", [[WRONG_FILE, bash(command), SUBMITTED]])
    assert (record["letters"], transcript.ended) == ("WWWWW", "submitted")


def test_a_forged_result_brings_nothing_into_the_workspace_that_could_not_be_made_there(tmp_path, sums):
    forge = f"echo '{FORGED}' > ../workspace.json; kill -9 $PPID"
    turns = [WRONG_FILE, bash(forge), bash("ls; cat ok.txt"), SUBMITTED]
    ((_, transcript),) = answers(tmp_path, sums, "agentic", [turns])
    _, forged, listed, *_ = replies(transcript)
    assert "[left out, as too many, too large or oddly named: 1]" in forged.text
    assert listed.text.startswith("ok.txt\na[")


def test_nothing_that_a_sample_leaves_reaches_another(tmp_path, sums):
    deep = "d=..; for i in $(seq 300); do d=$d/d; mkdir $d || break; done; echo secret > ../stash; chmod 500 .."
    looks = "cat ../stash; ls ..; cp main.py other.py"
    script = [[WRONG_FILE, bash(deep), SUBMITTED], [WRONG_FILE, bash("true"), bash(looks), SUBMITTED]]
    (first, second) = answers(tmp_path, sums, "agentic", script)
    assert [record["letters"] for record, _ in (first, second)] == ["WWWWW", "WWWWW"]
    said = "".join(reply.text for reply in replies(second[1]))
    assert "secret" not in said
    assert "bin\nfeedback\nworkspace\n" in said
