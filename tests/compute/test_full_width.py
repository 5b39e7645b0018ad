"""Qwen 2.5 7B at full width and two layers through every stage of a study. Opt in with FRONTIER_FULL_WIDTH=1: it takes
minutes, 9 GB of memory and 4 GB of disk."""

import os

import pytest

pytest.importorskip("torch")
pytestmark = [
    pytest.mark.ml,
    pytest.mark.skipif(not os.environ.get("FRONTIER_FULL_WIDTH"), reason="FRONTIER_FULL_WIDTH is not set"),
]

from compute.checkpoints import describe  # noqa: E402
from compute.memory_plan import read_shape  # noqa: E402
from compute.stats.deltas import in_total  # noqa: E402
from tests.compute.full_width import ALPHAS, MERGED_ALPHA, run_stages  # noqa: E402

MOST_BYTES = 10 * 10**9


def samples(stage, evaluation):
    found = [
        s
        for event in stage.events
        if event["type"] == "samples"
        for s in event["samples"]
        if event["evaluation"] == evaluation
    ]
    return sorted((s["problem"], s["index"], s["program"], s["tokens"], s["letters"]) for s in found)


def test_a_real_architecture_goes_through_every_stage_within_memory(tmp_path):
    from compute.merging.geometry import pair_geometry

    stages = {stage.name: stage for stage in run_stages(tmp_path)}
    assert max(stage.resident_bytes for stage in stages.values()) < MOST_BYTES
    planned = read_shape(str(tmp_path / "start")).training_bytes
    for trainer in ("compact", "trl"):
        step = stages[f"one GRPO step, {trainer}"]
        (figures,) = [event["values"] for event in step.events if event["type"] == "metric"]
        assert figures["gradient_norm"] > 0
        assert planned < step.anonymous_bytes < 1.3 * planned
    geometry = in_total(pair_geometry(*(describe(tmp_path / name) for name in ("start", "low", "high"))).values())
    assert min(geometry.low_norm, geometry.high_norm, geometry.gap) > 0
    assert stages["merge"].anonymous_bytes < 512 << 20
    in_place = samples(stages["sweep"], f"s{ALPHAS.index(MERGED_ALPHA)}")
    assert in_place == samples(stages["evaluate"], "m")
    assert len(in_place) == 6
