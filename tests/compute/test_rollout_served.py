"""An engine behind HTTP, against a real server that refuses, stumbles, hangs and dies."""

import json
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from compute.configs import EvaluateConfig, Ingredient, Sampling, Served, parse_config
from compute.errors import Cancelled, ConfigError, EngineError
from compute.rollout.engines.openai_engine import OpenAIEngine
from compute.rollout.engines.pace import Pace
from compute.rollout.engines.server import backoff, retry_after
from tests.compute.model_server import KEY, MODEL, ModelServer, reply

ROOT = Path(__file__).parents[2]
PROMPTS = [[{"role": "user", "content": text}] for text in ("Add", "Sum")]
KEYS = ["sum-0", "sum-1"]


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("FRONTIER_KEY_TEST", KEY)


@pytest.fixture
def opened():
    """Starts servers and engines that are closed at the end of the test."""
    with ExitStack() as stack:

        def open_both(spool=None, server=None, **options):
            served = {name: options.pop(name) for name in list(options) if name in Served.model_fields}
            server = server or ModelServer(**options)
            stack.callback(server.stop)
            engine = OpenAIEngine(described(server, spool=spool, **served))
            return server, stack.enter_context(closing(engine))

        yield open_both


@contextmanager
def closing_server(server):
    try:
        yield server
    finally:
        server.stop()


def described(server, **options):
    defaults = {"model": MODEL, "key_variable": "FRONTIER_KEY_TEST", "first_wait_seconds": 0.01, "attempts": 4}
    return Served(base_url=server.url, **(defaults | options))


def drawn(engine, samples=2, seed=0, **more):
    return engine.generate(PROMPTS, KEYS, Sampling(samples=samples, seed=seed, max_tokens=9), **more)


def texts(groups):
    return [[completion.text for completion in group] for group in groups]


def test_answers_come_back_in_order_with_their_counts(opened):
    server, engine = opened(log_probabilities=True)
    groups = drawn(engine)
    assert [[text.split()[0] for text in group] for group in texts(groups)] == [["Add", "Add"], ["Sum", "Sum"]]
    assert groups[0][0][1:] == (3, "stop", (-0.5, -0.5, -0.5), 7)
    assert {(body["model"], body["max_tokens"], body["logprobs"]) for body in server.asked} == {(MODEL, 9, True)}


def test_the_seed_of_an_answer_hangs_on_seed_key_and_index_alone(opened):
    _, engine = opened()
    together = texts(drawn(engine, samples=3))
    alone = engine.generate(PROMPTS[1:], KEYS[1:], Sampling(samples=2, max_tokens=9))
    assert texts(alone)[0] == together[1][:2]
    everything = together[0] + together[1] + [text for group in texts(drawn(engine, seed=1)) for text in group]
    assert len(set(everything)) == len(everything)


def test_an_answer_cut_off_at_its_longest_length_says_so(opened):
    _, engine = opened(answer=lambda body: reply("```python", finish="length"))
    assert {one.finish for group in drawn(engine) for one in group} == {"length"}


@pytest.mark.parametrize(
    "trouble",
    [429, 500, 503, "cut", "cut midway", b"<html>Bad gateway</html>", b'{"choices": []}', b'{"choices": [{"a": 1}]}'],
)
def test_trouble_that_passes_is_met_with_another_try(opened, trouble):
    server, engine = opened(trouble=[trouble])
    assert len(texts(drawn(engine))) == 2
    assert len(server.asked) == 5


def test_no_more_requests_are_under_way_than_allowed(opened):
    server, engine = opened(concurrency=3, seconds=0.01)
    drawn(engine, samples=8)
    assert server.most_at_once == 3


def test_a_server_that_stays_troubled_is_given_up_with_its_words(opened):
    server, engine = opened(trouble=[500] * 100, concurrency=1)
    with pytest.raises(EngineError, match=r"gave no answer in 4 tries; the last brought status 500: not now"):
        drawn(engine)
    assert len(server.asked) == 4


def test_a_server_that_is_not_there_is_named(opened):
    server, engine = opened()
    server.stop()
    with pytest.raises(EngineError, match=rf"The server at {server.url} gave no answer in 4 tries; .*ConnectError"):
        drawn(engine)


def test_a_server_that_is_too_slow_is_asked_again(opened):
    _, engine = opened(seconds=0.3, timeout_seconds=0.05, attempts=2, concurrency=1)
    with pytest.raises(EngineError, match=r"in 2 tries; the last brought ReadTimeout"):
        drawn(engine)


def test_a_refused_key_is_final_and_never_repeated(opened, monkeypatch):
    monkeypatch.setenv("FRONTIER_KEY_TEST", "sk-old-secret")
    server, engine = opened(concurrency=1)
    with pytest.raises(EngineError, match=r"refused the key in FRONTIER_KEY_TEST \(status 401") as caught:
        drawn(engine)
    assert len(server.asked) == 1
    assert "sk-old-secret" not in str(caught.value)


def test_a_missing_key_is_told_before_anything_is_asked(opened, monkeypatch):
    monkeypatch.delenv("FRONTIER_KEY_TEST")
    with pytest.raises(EngineError, match=r"The environment variable FRONTIER_KEY_TEST holds no key"):
        opened()


def test_an_unknown_model_is_told_with_those_that_are_served(opened):
    _, engine = opened(model="polciy")
    with pytest.raises(EngineError, match=r"does not know 'polciy'; it serves policy: The model does not exist"):
        drawn(engine)


def test_a_request_that_is_refused_is_not_repeated(opened):
    server, engine = opened(trouble=[400] * 9, concurrency=1)
    with pytest.raises(EngineError, match=r"refused the request \(status 400: not now\)"):
        drawn(engine)
    assert len(server.asked) == 1


def test_a_server_that_wants_hours_of_rest_is_not_waited_for(opened):
    _, engine = opened(trouble=[(429, {"Retry-After": "86400"})])
    with pytest.raises(EngineError, match=r"wants to be left alone for 24\.0 hours: not now"):
        drawn(engine)


def test_a_cancelled_job_does_not_wait_for_a_slow_server(opened):
    release = threading.Event()
    server, engine = opened(answer=lambda body: release.wait(20) and reply("late"), concurrency=1)
    with pytest.raises(Cancelled):
        drawn(engine, cancelled=lambda: bool(server.asked))
    assert not release.is_set()
    release.set()


def test_what_was_answered_before_a_death_is_not_asked_again(opened, tmp_path):
    spool = tmp_path / "spool" / "answers.jsonl"
    server, engine = opened(spool=spool, trouble=[], concurrency=1, attempts=1)
    first = texts(engine.generate(PROMPTS[:1], KEYS[:1], Sampling(samples=2, max_tokens=9)))
    server.trouble = ["cut"]
    with pytest.raises(EngineError):
        drawn(engine, samples=3)
    spool.write_bytes(spool.read_bytes() + b'["cut off')
    again, resumed = opened(spool=spool)
    groups = drawn(resumed, samples=3)
    assert texts(groups)[0][:2] == first[0]
    assert len(again.asked) == 4
    assert len([json.loads(line) for line in spool.read_text().splitlines()]) == 6


def test_an_evaluation_that_was_killed_asks_for_no_finished_answer_again(sums, tmp_path):
    with closing_server(ModelServer(seconds=0.02)) as server:
        served = described(server, spool=tmp_path / "answers.jsonl", concurrency=1).model_dump(mode="json")
        config = evaluation() | {"problems": sums, "served": served, "sampling": {"samples": 10}}
        (tmp_path / "config.json").write_text(json.dumps(config))
        command = [sys.executable, "-m", "compute", "evaluate", str(tmp_path / "config.json")]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT)
        while len(server.asked) < 7 and child.poll() is None:
            time.sleep(0.005)
        child.kill()
        child.wait()
        before = len(server.asked)
        subprocess.run(command, stdout=subprocess.DEVNULL, cwd=ROOT, check=True)
        repeated = len(server.asked) - len({body["seed"] for body in server.asked})
    assert 7 <= before < 30
    assert len(server.asked) - repeated == 30
    assert repeated <= 1  # what was under way when it was killed


def test_the_key_is_in_no_file(opened, tmp_path):
    _, engine = opened(spool=tmp_path / "answers.jsonl")
    drawn(engine)
    assert KEY not in (tmp_path / "answers.jsonl").read_text()
    assert KEY not in engine.served.model_dump_json()


def term(reference, weight):
    return Ingredient(reference=reference, folder="/none", weight=weight)


def test_only_the_served_checkpoint_can_be_answered_as(opened):
    _, engine = opened()
    engine.set_weights([term("low", 1), term("high", 0)])
    engine.set_weights([term("low", 1)])
    for others in ([term("low", 0.5), term("high", 0.5)], [term("high", 1)]):
        with pytest.raises(EngineError, match=r"answers as low alone and cannot become .*high"):
            engine.set_weights(others)


def test_an_average_is_refused_before_anything_is_asked(opened):
    _, engine = opened()
    with pytest.raises(EngineError, match=r"answers as 'policy' alone and cannot become 1\.5 x low \+ -0\.5 x high"):
        engine.set_weights([term("low", 1.5), term("high", -0.5)])


def test_requests_and_tokens_a_minute_are_spread_evenly():
    pace = Pace(requests=60, tokens=600, clock=lambda: 100.0)
    assert [pace.reserve(5) for _ in range(3)] == [0, 1, 2]
    pace.reserve(50)
    assert pace.reserve(0) == pytest.approx(8)
    pace.reserve(100)
    pace.give_back(100)
    assert pace.reserve(0) == pytest.approx(10)


def test_a_pause_that_the_server_asks_for_holds_everybody():
    pace = Pace(requests=None, tokens=None, clock=lambda: 100.0)
    pace.pause(30)
    pace.pause(5)
    assert [pace.reserve(1), pace.reserve(1)] == [30, 30]


def test_waits_double_up_to_a_minute():
    for attempt, most in ((1, 1), (2, 2), (4, 8), (50, 60)):
        assert most / 2 <= backoff(attempt, 1.0) <= most


def test_retry_after_is_read_as_seconds_or_a_date():
    assert retry_after("7") == 7
    assert 50 < retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=60))) <= 60
    assert [retry_after(value) for value in ("", "soon", "-3")] == [0, 0, 0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"base_url": "localhost:8000"}, "begins with http"),
        ({"base_url": "http://alice:secret@host/v1"}, "a key has no place in the address"),
        ({"key_variable": "SECRET_KEY"}, "served.key_variable"),
    ],
)
def test_a_server_is_described_without_secrets(change, sentence):
    served = {"base_url": "http://host/v1", "model": "m"} | change
    with pytest.raises(ConfigError, match=sentence):
        parse_config(evaluation() | {"served": served})


def test_the_openai_engine_without_a_server_is_refused():
    with pytest.raises(ConfigError, match=r"the openai engine needs a server"):
        parse_config(evaluation())


def evaluation():
    point = {"evaluation": "e", "checkpoint": "c", "ingredients": [{"reference": "c", "folder": "/none", "weight": 1}]}
    problems = {"reference": "sums", "path": "/none", "blobs": "/none"}
    return {"kind": "evaluate", "engine": "openai", "points": [point], "problems": problems}


def test_a_served_model_is_evaluated_like_any_other(opened, sums, tmp_path):
    import io

    from compute.events import EventWriter
    from compute.rollout.evaluate import run

    program = "```python\nprint(sum(map(int, input().split())))\n```"
    server, _ = opened(answer=lambda body: reply(program if "Add" in body["messages"][0]["content"] else "no idea"))
    served = described(server, spool=tmp_path / "answers.jsonl").model_dump(mode="json")
    config = parse_config(evaluation() | {"problems": sums, "served": served, "sampling": {"samples": 2}})
    assert isinstance(config, EvaluateConfig)
    stream = io.StringIO()
    run(config, EventWriter(stream), lambda: False)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    letters = {s["problem"]: s["letters"] for e in events if e["type"] == "samples" for s in e["samples"]}
    assert letters == {"sum-0": "AAAAA", "sum-1": "NNNNN", "sum-2": "NNNNN"}
