"""The vocabulary of events on the wire."""

import io
import json
import threading

import pytest

from compute.errors import ConfigError
from compute.events import EventWriter, Log, Metric, Progress, parse_event


def test_an_event_survives_the_wire():
    stream = io.StringIO()
    EventWriter(stream)(Progress(stage="train", done=3, total=25, unit="steps"))
    assert parse_event(stream.getvalue()) == Progress(sequence=0, stage="train", done=3, total=25, unit="steps")


def test_events_are_numbered_from_zero_also_across_threads():
    stream = io.StringIO()
    write = EventWriter(stream)
    threads = [threading.Thread(target=lambda: [write(Log(line="x" * 500)) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [json.loads(line)["sequence"] for line in stream.getvalue().splitlines()] == list(range(200))


def test_a_line_break_inside_a_text_stays_inside_its_line():
    stream = io.StringIO()
    EventWriter(stream)(Log(line="two\nlines"))
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("line", ["", "hello", "{}", '{"type":"dream"}', '{"type":"log","line":"a","more":1}', "[]"])
def test_a_line_that_is_no_event_is_refused_in_one_sentence(line):
    with pytest.raises(ConfigError, match=r"^Not an event: .*The line begins"):
        parse_event(line)


def test_a_line_that_is_not_utf8_is_refused():
    with pytest.raises(ConfigError):
        parse_event(b'{"type":"log","line":"\xff"}')


def test_a_number_that_json_does_not_know_never_reaches_the_wire():
    with pytest.raises(ValueError, match="finite"):
        Metric(run="low", step=1, values={"loss": float("nan")})
