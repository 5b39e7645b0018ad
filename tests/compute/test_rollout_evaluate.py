"""Evaluation end to end with the real judge: what is sent, what is left out on a resume, what a sweep equals."""

import hashlib
import io
import json

import pytest

from compute.configs import parse_config
from compute.errors import Cancelled, MergeRefused, MissingInput
from compute.events import EventWriter

FENCED = "```python\n{}```"
FAST = "print(sum(map(int, input().split())))\n"
SLOW = "n = list(map(int, input().split()))\nfor _ in range(len(n) ** 3): pass\nprint(sum(n))\n"


def events_of(config, cancelled=lambda: False):
    from compute.rollout.evaluate import run

    stream = io.StringIO()
    run(parse_config({"kind": "evaluate"} | config), EventWriter(stream), cancelled)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def of_type(events, kind):
    return [event for event in events if event["type"] == kind]


def samples(events, evaluation):
    """(problem, index) -> record."""
    sent = [event for event in of_type(events, "samples") if event["evaluation"] == evaluation]
    return {(one["problem"], one["index"]): one for event in sent for one in event["samples"]}


def scripted(tmp_path, sums, answers, count=None, **more):
    script = tmp_path / "script.json"
    script.write_text(json.dumps(answers))
    point = {
        "evaluation": "e1",
        "checkpoint": "c1",
        "ingredients": [{"reference": "c1", "folder": "/none", "weight": 1}],
        "finished": more.pop("finished", ()),
    }
    sampling = {"samples": count or max(len(texts) for texts in answers.values()), "problems_per_batch": 2}
    return {
        "points": [point],
        "problems": sums,
        "sampling": sampling,
        "engine": "scripted",
        "script": str(script),
    } | more


def swept(tiny_policy, other_policy, sums, alphas, **more):
    points = [
        {
            "evaluation": f"a{alpha}",
            "checkpoint": f"merge-{alpha}",
            "alpha": alpha,
            "ingredients": [
                {"reference": "low", "folder": str(tiny_policy), "weight": 1 - alpha},
                {"reference": "high", "folder": str(other_policy), "weight": alpha},
            ],
        }
        for alpha in alphas
    ]
    return {"points": points, "problems": sums, "sampling": {"samples": 4, "max_tokens": 6}} | more


def test_every_test_is_run_and_has_its_letter(tmp_path, sums):
    texts = [FENCED.format(FAST), FENCED.format(SLOW), FENCED.format("print(0)\n"), "no idea"]
    found = samples(events_of(scripted(tmp_path, sums, {"sum-0": texts})), "e1")
    assert [found["sum-0", index]["letters"] for index in range(4)] == ["AAAAA", "AAATT", "WWWWW", "NNNNN"]


def test_a_problem_arrives_whole_and_programs_once(tmp_path, sums):
    answers = {f"sum-{place}": [FENCED.format(FAST)] * 3 for place in range(3)}
    events = events_of(scripted(tmp_path, sums, answers))
    sent = of_type(events, "samples")
    assert [sorted((s["problem"], s["index"]) for s in event["samples"]) for event in sent] == [
        [(f"sum-{place}", index) for index in range(3)] for place in range(3)
    ]
    identity = hashlib.sha256(FAST.encode()).hexdigest()
    assert [event["programs"] for event in sent] == [{identity: FAST}, {}, {}]
    assert {sample["program"] for event in sent for sample in event["samples"]} == {identity}


def test_progress_counts_samples_to_the_end(tmp_path, sums):
    events = of_type(events_of(scripted(tmp_path, sums, {"sum-0": ["", ""]})), "progress")
    assert [(event["done"], event["total"], event["unit"]) for event in events] == [
        (0, 6, "samples"),
        (2, 6, "samples"),
        (4, 6, "samples"),
        (6, 6, "samples"),
    ]


def test_a_resumed_evaluation_samples_only_what_is_missing(tmp_path, sums):
    config = scripted(tmp_path, sums, {"sum-0": [""]}, finished=["sum-0", "sum-2"])
    events = events_of(config)
    assert set(samples(events, "e1")) == {("sum-1", 0)}
    assert of_type(events, "progress")[0]["done"] == 2


def test_alarms_tell_how_many_answers_hold_no_program(tmp_path, sums):
    events = events_of(scripted(tmp_path, sums, {"sum-0": [FENCED.format(FAST), "a b c"]}))
    alarms = of_type(events, "evaluation_finished")[0]["alarms"]
    assert alarms["no_answer_rate"] == pytest.approx(5 / 6)
    assert alarms["mean_log_likelihood"] is None


def test_a_cancelled_evaluation_stops(tmp_path, sums):
    with pytest.raises(Cancelled):
        events_of(scripted(tmp_path, sums, {"sum-0": [""]}), cancelled=lambda: True)


@pytest.mark.ml
def test_the_ends_of_a_sweep_answer_as_the_trained_checkpoints_do(tiny_policy, other_policy, sums):
    path = events_of(swept(tiny_policy, other_policy, sums, [0, 0.5, 1]))
    for evaluation, folder in (("a0", tiny_policy), ("a1", other_policy)):
        config = swept(tiny_policy, other_policy, sums, [])
        alone = {"reference": "alone", "folder": str(folder), "weight": 1}
        point = {"evaluation": evaluation, "checkpoint": "alone", "ingredients": [alone]}
        plain = samples(events_of(config | {"points": [point]}), evaluation)
        kept = ("tokens", "finish", "log_likelihood", "program")
        assert [[s[k] for k in kept] for s in samples(path, evaluation).values()] == [
            [s[k] for k in kept] for s in plain.values()
        ]
    assert samples(path, "a0") != samples(path, "a1")


@pytest.mark.ml
def test_weights_are_set_bit_for_bit_and_back(tiny_policy, other_policy):
    import torch

    from compute.checkpoints import read_tensors
    from compute.configs import Ingredient
    from compute.rollout.engines.transformers_engine import TransformersEngine, parameters_of

    engine = TransformersEngine(tiny_policy)
    low, high = read_tensors(tiny_policy), read_tensors(other_policy)
    for alpha in (1.0, 0.3, 0.0):
        ends = zip((tiny_policy, other_policy), (1 - alpha, alpha), strict=True)
        engine.set_weights([Ingredient(reference="x", folder=folder, weight=weight) for folder, weight in ends])
        for name, tensor in low.items():
            expected = {1.0: high[name], 0.0: tensor}.get(alpha, tensor * 0.7 + high[name] * 0.3)
            assert torch.equal(parameters_of(engine.model)[name], expected)


@pytest.mark.ml
def test_distance_and_cosine_are_measured_from_the_initialisation(tiny_policy, other_policy, sums):
    config = swept(tiny_policy, other_policy, sums, [0, 1], initialisation=str(tiny_policy))
    alarms = [event["alarms"] for event in of_type(events_of(config), "evaluation_finished")]
    assert alarms[0]["distance"] == 0
    assert alarms[1]["distance"] > 1
    assert alarms[0]["cosine"] is None  # one of the two deltas is zero
    assert alarms[0]["mean_log_likelihood"] < 0


@pytest.mark.ml
def test_an_initialisation_of_another_architecture_leaves_distance_and_cosine_undefined(
    tiny_policy, other_policy, sums, tmp_path
):
    import torch
    from safetensors.torch import save_file

    (tmp_path / "strange").mkdir()
    save_file({"strange": torch.zeros(3)}, tmp_path / "strange" / "model.safetensors")
    config = swept(tiny_policy, other_policy, sums, [0.5], initialisation=str(tmp_path / "strange"))
    alarms = of_type(events_of(config), "evaluation_finished")[0]["alarms"]
    assert (alarms["distance"], alarms["cosine"]) == (None, None)


@pytest.mark.ml
def test_a_missing_checkpoint_is_named(tiny_policy, sums, tmp_path):
    with pytest.raises(MissingInput, match="nowhere"):
        events_of(swept(tiny_policy, tmp_path / "nowhere", sums, [0.5]))


@pytest.mark.ml
def test_a_checkpoint_that_is_not_what_it_was_is_refused_before_anything_is_sampled(tiny_policy, sums, tmp_path):
    from compute.checkpoints import Manifest, read_tensors, write_checkpoint

    manifest = Manifest(reference="low", origin="trained")
    folder = write_checkpoint(tmp_path / "low", read_tensors(tiny_policy), manifest, files_from=tiny_policy).path
    ingredient = {"reference": "low", "folder": str(folder), "weight": 1, "sha256": "0" * 64}
    point = {"evaluation": "e", "checkpoint": "c", "ingredients": [ingredient]}
    with pytest.raises(MissingInput, match="is not what it was"):
        events_of({"points": [point], "problems": sums})


@pytest.mark.ml
def test_weights_that_are_no_average_are_refused(tiny_policy, sums):
    ingredient = {"reference": "low", "folder": str(tiny_policy), "weight": 0.5}
    point = {"evaluation": "e", "checkpoint": "c", "ingredients": [ingredient]}
    with pytest.raises(MergeRefused, match=r"sum to 0\.5"):
        events_of({"points": [point], "problems": sums})
