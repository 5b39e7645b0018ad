"""The figures of the ensembles page are made of numbers alone: what is drawn, in which order, and what is left out."""

import json

import numpy as np

from frontier_app.figures.complementarity import MOST_BARS, Overlap, SolvedSet, overlap_figure, upset_figure
from frontier_app.figures.ensembles import PassCurve, curves_figure

NAN = float("nan")


def curve(key: str, *rates: float, name: str = "") -> PassCurve:
    rate = np.array(rates)
    return PassCurve(key, name or key, None, rate, rate - 0.1, rate + 0.1, np.arange(1.0, len(rates) + 1))


def test_a_curve_stops_where_it_is_undefined_and_its_table_is_empty_there() -> None:
    figure = curves_figure([curve("ensemble", NAN, 0.5, 0.6, 0.7), curve("oracle", 0.3, 0.4, NAN, NAN)], [1, 2, 3, 4])
    lines = {trace["meta"]["line"]: trace for trace in figure["data"] if "line" in trace["meta"]}
    assert (lines["ensemble"]["x"], lines["oracle"]["x"]) == ([2, 3, 4], [1, 2])
    assert [row[4] for row in figure["table"] if row[0] == "oracle"] == [0.3, 0.4, None, None]
    assert json.loads(json.dumps(figure, allow_nan=False))


def test_a_curve_that_is_undefined_everywhere_is_not_drawn_and_an_empty_plot_says_so() -> None:
    figure = curves_figure([curve("ensemble", NAN, NAN)], [1, 2])
    assert figure["data"] == []
    assert "enough samples" in figure["layout"]["annotations"][0]["text"]


def test_names_are_shown_as_they_are() -> None:
    figure = curves_figure([curve("alone", 0.5, name="<b>%{x}")], [1])
    assert "&lt;b&gt;%\u200b{x}" in figure["data"][0]["hovertemplate"]


def test_every_pair_has_two_squares_and_an_undefined_one_a_dash() -> None:
    figure = overlap_figure([Overlap(0, 1, 0.25), Overlap(0, 2, NAN), Overlap(1, 2, 1.0)], ["a", "b", "c"])
    cells = figure["data"][0]
    found = dict(zip(map(tuple, cells["customdata"]), cells["text"], strict=True))
    assert found == {(0, 1): "0.25", (1, 0): "0.25", (0, 2): "—", (2, 0): "—", (1, 2): "1.00", (2, 1): "1.00"}
    assert figure["table"][2] == ["a", "c", None]


def test_bars_and_dots_say_who_solves_how_many() -> None:
    figure = upset_figure([SolvedSet("a", 5), SolvedSet("b", 3)], [((0, 1), 3), ((0,), 2), ((), 1)])
    bars = next(trace for trace in figure["data"] if trace.get("meta") == {"bars": True})
    dots = next(trace for trace in figure["data"] if trace.get("meta") == {"members": True})
    assert bars["y"] == [3, 2, 1]
    assert [words.split(":")[0] for words in bars["hovertext"]] == ["all of a, b", "only a", "no member"]
    assert list(zip(dots["x"], dots["y"], strict=True)) == [(0, 0), (0, 1), (1, 0)]
    assert figure["table"] == [["a", "b", "problems"], [1, 1, 3], [1, 0, 2], [0, 0, 1]]


def test_sets_without_room_are_counted_and_none_at_all_is_no_zero() -> None:
    many = [((place % 8,), 1) for place in range(MOST_BARS + 3)]
    assert upset_figure([SolvedSet("a", 1)] * 8, many)["layout"]["annotations"][0]["text"].startswith(
        "and 3 problems in 3"
    )
    empty = upset_figure([SolvedSet("a", None)], [])
    assert empty["layout"]["yaxis2"]["ticktext"] == ["a  —"]
    assert "enough samples" in empty["layout"]["annotations"][0]["text"]
