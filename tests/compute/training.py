"""Trainings of the tiny policy: configs, runs in this process, and runs that are killed."""

import io
import json
import os
import signal

from compute.configs import parse_config
from compute.events import EventWriter

TRAINERS = ("trl", "compact")
MEASURED = ("sampling_seconds", "judging_seconds", "learning_seconds", "judge_busy_seconds", "cache_hit_rate")


def training(place, policy, problem_set, trainer, **changes):
    return parse_config(
        {
            "kind": "train",
            "reference": "high",
            "initialisation": str(policy),
            "initialisation_reference": "start",
            "folder": str(place / trainer),
            "problems": problem_set,
            "coverage": 1.0,
            "steps": 2,
            "prompts_per_step": 3,
            "group": 12,
            "learning_rate": 0.02,
            "warmup_steps": 2,
            "max_tokens": 5,
            "micro_batch": 18,
            "trainer": trainer,
            "judge_cache": str(place / "verdicts.sqlite"),
        }
        | changes
    )


def trained(config, cancelled=lambda: False):
    from compute.training.grpo import run

    stream = io.StringIO()
    summary = run(config, EventWriter(stream), cancelled)
    return summary, [json.loads(line) for line in stream.getvalue().splitlines()]


class Pausing(EventWriter):
    """Says no more once it has sent the figures of step `after`."""

    def __init__(self, stream, after):
        super().__init__(stream)
        self.after = after

    def __call__(self, event):
        super().__call__(event)
        if event.type == "metric" and event.step == self.after:
            signal.pause()


def killed(config, after):
    """The events of a training in a process of its own, which gets SIGKILL when it has sent the figures of a step."""
    from compute.training.grpo import run

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            run(config, Pausing(os.fdopen(writing, "w"), after), lambda: False)
        finally:
            os._exit(1)
    os.close(writing)
    events = []
    with os.fdopen(reading) as stream:
        for line in stream:
            events.append(json.loads(line))
            if events[-1]["type"] == "metric" and events[-1]["step"] == after:
                os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    return events


def metrics(events):
    return [event["values"] for event in events if event["type"] == "metric"]


def of_kind(events, kind):
    return [event for event in events if event["type"] == kind]


def lines(events):
    return [event["line"] for event in of_kind(events, "log")]
