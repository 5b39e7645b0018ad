"""The deltas of a pair: sums against numpy, predictions against written merges, and the command."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from merging import checkpoint, config, run, tensors  # noqa: E402

from compute.__main__ import main  # noqa: E402
from compute.checkpoints import describe, read_tensors  # noqa: E402
from compute.configs import GeometryConfig  # noqa: E402
from compute.events import Event, GeometryMeasured  # noqa: E402
from compute.merging import geometry, pieces  # noqa: E402
from compute.merging.geometry import pair_geometry  # noqa: E402
from compute.stats.deltas import Geometry, by_layer, in_total  # noqa: E402

pytestmark = pytest.mark.ml
TIED = {"tie_word_embeddings": True}


@pytest.fixture
def three(tmp_path: Path) -> Path:
    for seed, name in enumerate(("base", "low", "high")):
        content = tensors(seed)
        if name == "high":
            content |= {"lm_head.weight": content["model.embed_tokens.weight"].clone()}
        checkpoint(tmp_path / name, content, config=TIED)
    return tmp_path


def test_norms_and_cosines_by_tensor_are_those_of_numpy(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 40)
    start, low, high = (read_tensors(three / name) for name in ("base", "low", "high"))
    found = pair_geometry(*(describe(three / name) for name in ("base", "low", "high")))
    assert found.keys() == {name for name in start if start[name].is_floating_point()}
    for name, one in found.items():
        d1, d2 = (np.ravel(end[name].numpy() - start[name].numpy()) for end in (low, high))
        assert one.low_norm == pytest.approx(np.linalg.norm(d1))
        assert one.high_norm == pytest.approx(np.linalg.norm(d2))
        assert one.gap == pytest.approx(np.linalg.norm(d2 - d1))
        if one.count:
            assert one.cosine == pytest.approx(float(np.corrcoef([*d1, *-d1], [*d2, *-d2])[0, 1]))


@pytest.mark.parametrize("alpha", [-0.5, 0.3, 1.0, 1.7])
def test_the_predicted_distance_is_that_of_the_written_merge(three: Path, alpha: float) -> None:
    predicted = in_total(pair_geometry(*(describe(three / n) for n in ("base", "low", "high"))).values()).distance(
        alpha
    )
    run(config(three, "linear", ("low", 1 - alpha), ("high", alpha)))
    merged, start = read_tensors(three / "merged"), read_tensors(three / "base")
    squares = [np.square(merged[n].numpy() - start[n].numpy()).sum() for n in start if merged[n].is_floating_point()]
    assert predicted == pytest.approx(np.sqrt(sum(squares)), rel=1e-5)


def test_tensors_of_a_layer_add_up() -> None:
    one = Geometry(1.0, 4.0, -2.0, 3)
    names = ["model.layers.3.mlp.up.weight", "model.layers.3.norm.weight", "model.norm.weight", "transformer.h.3.a"]
    layers = by_layer(dict.fromkeys(names, one))
    assert layers == {"model.layers.3": one + one, "model.norm": one, "transformer.h.3": one}
    assert (one + one).cosine == pytest.approx(-1)


def test_a_delta_of_nothing_has_no_cosine() -> None:
    assert Geometry(0.0, 4.0, 0.0, 3).cosine is None


def test_the_command_prints_a_table_and_the_same_figures_as_json(
    three: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["geometry", str(three / "low"), str(three / "high"), "--base", str(three / "base")]
    assert main([*asked, "--alphas", "-1:1:0.5", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert [one["alpha"] for one in figures["distances"]] == [-1, -0.5, 0, 0.5, 1]
    assert figures["distances"][-1]["distance"] == pytest.approx(figures["total"]["high_norm"])
    assert main([*asked, "--alphas", "1"]) == 0
    printed = capsys.readouterr().out
    for name, one in figures["layers"].items():
        cosine = "—" if one["cosine"] is None else f"{one['cosine']:.4f}"
        (line,) = [line for line in printed.splitlines() if line.startswith(f"{name} ")]
        assert cosine in line.split()


def test_the_job_sends_the_same_sums_layer_by_layer(three: Path) -> None:
    ends = {name: {"reference": name, "folder": str(three / name)} for name in ("base", "low", "high")}
    events: list[Event] = []
    summary = geometry.run(GeometryConfig.model_validate(ends), events.append, lambda: False)
    (said,) = [event for event in events if isinstance(event, GeometryMeasured)]
    sums = pair_geometry(*(describe(three / name) for name in ("base", "low", "high")))
    assert {one.layer: Geometry(one.low_square, one.high_square, one.product, one.count) for one in said.layers} == (
        by_layer(sums)
    )
    assert summary == {"layers": len(said.layers), "tensors": len(sums)}


def test_a_start_in_another_type_gives_the_same_sums(three: Path) -> None:
    halves = {
        name: tensor.bfloat16()
        for name, tensor in read_tensors(three / "base").items()
        if tensor.dtype.is_floating_point
    }
    checkpoint(three / "narrow", halves, config=TIED)
    checkpoint(three / "wide", {name: tensor.float() for name, tensor in halves.items()}, config=TIED)
    folders = {name: describe(three / name) for name in ("narrow", "wide", "low", "high")}
    assert geometry.fits(folders["narrow"], folders["low"])
    sums = [pair_geometry(folders[start], folders["low"], folders["high"]) for start in ("narrow", "wide")]
    assert sums[0] == sums[1]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["low", "high", "--base", "nowhere"], 3, "is not there"),
        (["low", "high"], 2, "required: --base"),
        (["low", "high", "--base", "base", "--alphas", "0:1:0"], 2, "'0:1:0' is not a list such as 0,0.5,1"),
        (["low", "other", "--base", "base"], 4, "tensors' names differ, model.norm.weight only in"),
    ],
)
def test_the_command_refuses_in_one_sentence(
    three: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    sentence: str,
) -> None:
    checkpoint(three / "other", {n: t for n, t in tensors(5).items() if n != "model.norm.weight"}, config=TIED)
    monkeypatch.chdir(three)
    assert main(["geometry", *arguments]) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line
