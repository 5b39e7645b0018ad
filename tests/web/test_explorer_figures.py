"""Figures are made of numbers alone: what is drawn, where, and what is left out."""

import json
from dataclasses import replace

import numpy as np
import pytest

from frontier_app.figures.colours import ramp, token
from frontier_app.figures.composition import composition_figure
from frontier_app.figures.frontier import Difference, FrontierPoint, Reading, frontier_figure
from frontier_app.figures.thumbnail import thumbnail


def point(alpha: float | None, optimisation: float, correctness: float, mark: str = "merged") -> FrontierPoint:
    return FrontierPoint(
        key=f"at {alpha}",
        label="initialisation" if alpha is None else f"{alpha:g}",
        mark=mark,
        alpha=alpha,
        shade=alpha,
        solved=Reading(1 - optimisation - correctness, 0.05),
        optimisation=Reading(optimisation, 0.04),
        correctness=Reading(correctness, 0.03),
        no_answer=Reading(0.0, 0.0),
        covariance=np.array([[4e-4, -1e-4], [-1e-4, 2e-4]]),
        samples=160,
        problems=10,
    )


POINTS = [
    point(1.0, 0.1, 0.6, "trained"),
    point(None, 0.4, 0.3, "initialisation"),
    point(0.0, 0.6, 0.1, "trained"),
    point(1.5, 0.02, 0.9, "extrapolated"),
    point(0.5, 0.4, 0.28),
]


def marks(figure: dict) -> dict:
    return next(trace for trace in figure["data"] if trace.get("meta") == {"marks": True})


def segments(figure: dict) -> list[dict]:
    return [
        t for t in figure["data"] if t["mode"] == "lines" and t["line"]["color"].startswith("ramp") and "fill" not in t
    ]


def test_the_path_joins_measured_points_in_order_of_alpha_without_smoothing() -> None:
    drawn = [(tuple(trace["x"]), trace["line"].get("shape")) for trace in segments(frontier_figure(POINTS))]
    assert drawn == [((0.6, 0.4), None), ((0.4, 0.1), None), ((0.1, 0.02), None)]


def test_trained_points_are_filled_merges_open_and_extrapolated_ones_ringed() -> None:
    figure = frontier_figure(POINTS)
    found = marks(figure)
    colour = dict(zip(found["customdata"], found["marker"]["color"], strict=True))
    symbol = dict(zip(found["customdata"], found["marker"]["symbol"], strict=True))
    assert colour["at 1.0"] == ramp(1.0)
    assert colour["at 0.5"] == colour["at 1.5"] == token("card")
    assert symbol["at None"] == "square"
    rings = [trace["x"] for trace in figure["data"] if trace.get("marker", {}).get("symbol") == "circle-open"]
    assert rings == [[0.02]]


def test_every_point_with_an_interval_has_its_ellipse_and_one_without_has_none() -> None:
    lonely = replace(POINTS[4], covariance=None, key="alone")
    figure = frontier_figure([*POINTS[:4], lonely])
    drawn = {trace["meta"]["ellipse"] for trace in figure["data"] if "ellipse" in trace.get("meta", {})}
    assert drawn == {"at 1.0", "at None", "at 0.0", "at 1.5"}


def test_a_point_still_measured_is_pale_and_its_segments_dotted() -> None:
    figure = frontier_figure([replace(POINTS[4], partial=True), POINTS[0], POINTS[2]])
    found = marks(figure)
    assert dict(zip(found["customdata"], found["marker"]["opacity"], strict=True))["at 0.5"] == 0.5
    assert [trace["line"]["dash"] for trace in segments(figure)] == ["dot", "dot"]


def test_diagonals_join_equal_solve_rates_and_every_second_is_named() -> None:
    figure = frontier_figure(POINTS)
    diagonals = [trace for trace in figure["data"] if trace.get("line", {}).get("color") == token("line-strong")]
    for trace in diagonals:
        sums = np.add(trace["x"], trace["y"])
        assert sums[0] == pytest.approx(sums[1], abs=1e-3)
        assert sums[0] * 10 == pytest.approx(round(sums[0] * 10), abs=1e-2)
    assert {note["text"] for note in figure["layout"]["annotations"]} <= {
        f"solved {s:g}" for s in (0, 0.2, 0.4, 0.6, 0.8)
    }


def test_no_two_labels_cover_each_other_where_many_points_lie_together() -> None:
    crowd = [point(a / 8, 0.3 + a / 400, 0.3 - a / 400) for a in range(24)]
    shown = [text for text in marks(frontier_figure(crowd))["text"] if text]
    assert 1 <= len(shown) < 24


def test_numbers_without_an_interval_are_written_without_one() -> None:
    assert str(Reading(0.5, float("nan"))) == "0.500"
    assert str(Reading(0.24, 0.0812)) == "0.240 ± 0.081"


def test_a_skewed_interval_excludes_zero_by_its_ends():
    assert Difference(0.02, 0.03, 0.001, 0.061).excludes_zero
    assert not Difference(0.04, 0.03, -0.001, 0.059).excludes_zero
    assert not Difference(0.04, float("nan"), float("nan"), float("nan")).excludes_zero


def test_figures_without_points_are_empty_axes_and_valid_json() -> None:
    for figure in (frontier_figure([]), composition_figure([]), frontier_figure(POINTS), composition_figure(POINTS)):
        assert json.loads(json.dumps(figure, allow_nan=False)) == json.loads(json.dumps(figure))
    assert frontier_figure([])["layout"]["xaxis"]["range"][1] > 0.9


def test_shares_stack_to_one_in_order_of_alpha_and_leave_out_points_apart() -> None:
    bands = composition_figure(POINTS)["data"]
    assert [band["name"] for band in bands] == ["solved", "too slow", "wrong", "no program"]
    assert bands[0]["x"] == [0.0, 0.5, 1.0, 1.5]
    assert np.sum([band["y"] for band in bands], axis=0) == pytest.approx(np.ones(4))


def test_labels_of_close_alphas_neither_collide_nor_tilt() -> None:
    figure = composition_figure([point(alpha, 0.2, 0.2) for alpha in (-0.5, 0.0, 0.5, 1.0, 1.12, 1.25, 1.5)])
    axis = figure["layout"]["xaxis"]
    assert axis["tickvals"] == [-0.5, 0.0, 0.5, 1.0, 1.25, 1.5]
    assert axis["tickangle"] == 0


def test_a_band_too_thin_for_its_name_goes_without() -> None:
    names = {note["text"] for note in composition_figure(POINTS)["layout"]["annotations"]}
    assert "no program" not in names
    assert {"too slow", "wrong"} <= names


def test_a_thumbnail_draws_each_point_once_and_nothing_for_none() -> None:
    rows = [
        {"alpha": a, "optimisation_failure_rate": o, "correctness_failure_rate": c}
        for a, o, c in ((0.0, 0.6, 0.1), (0.5, 0.4, 0.3), (1.0, 0.1, 0.6), (None, 0.4, 0.3))
    ]
    drawn = thumbnail(rows)
    assert (drawn.count("<circle"), drawn.count("<rect")) == (3, 1)
    assert drawn.startswith("<svg ")
    assert "<script" not in drawn
    assert thumbnail([]) == ""


def test_planned_alphas_hold_their_place_and_a_single_point_is_a_column() -> None:
    figure = composition_figure([point(0.0, 0.6, 0.1, "trained")], planned=[-0.5, 1.5])
    assert figure["layout"]["xaxis"]["range"] == [-0.5, 1.5]
    assert figure["layout"]["xaxis"]["tickvals"] == [-0.5, 0.0, 1.5]
    solved = figure["data"][0]
    assert solved["x"] == pytest.approx([-0.06, 0.06])
    assert solved["y"] == pytest.approx([0.3, 0.3])
