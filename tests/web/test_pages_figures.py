"""Training curves, growth curves, and how numbers are written."""

from datetime import timedelta

import factories
import pytest
from django.utils import timezone

from frontier_app.figures.curves import Curve, curves_figure
from frontier_app.figures.growth import Growth, growth_figure
from frontier_app.models import MetricPoint
from frontier_app.templatetags.frontier import ago, letters, mix, rate
from frontier_app.words import about, alpha, count, seconds, size


def test_an_undefined_step_breaks_the_curve():
    line = curves_figure([Curve("low", 0.0, 0, [1, 2, 3], [0.1, None, 0.3])], longest=10)["data"][0]

    assert line["y"] == [0.1, None, 0.3]
    assert line["connectgaps"] is False


def test_seeds_differ_in_their_dashes_and_coverages_in_their_colour():
    curves = [Curve(f"{shade}-{seed}", shade, seed, [1, 2], [0.1, 0.2]) for shade in (0.0, 1.0) for seed in (3, 7)]

    lines = curves_figure(curves, longest=2)["data"]

    assert [line["line"]["dash"] for line in lines] == ["solid", "dash", "solid", "dash"]
    assert lines[0]["line"]["color"] == lines[1]["line"]["color"] != lines[2]["line"]["color"]


def test_a_few_runs_are_named_at_the_ends_of_their_lines_in_order_and_apart():
    ends = {"high": 0.31, "mid": 0.3, "low": 0.02}
    curves = [Curve(name, 0.0, 0, [1, 2], [0.1, last]) for name, last in ends.items()]

    notes = curves_figure(curves, longest=2)["layout"]["annotations"]

    assert [note["text"] for note in notes] == ["low", "mid", "high"]
    assert notes[2]["y"] - notes[1]["y"] > 0.02
    assert curves_figure(curves * 3, longest=2)["layout"]["annotations"] == []
    assert curves_figure(curves, longest=2, named=False)["layout"]["annotations"] == []


def test_a_metric_that_is_always_zero_says_so():
    layout = curves_figure([Curve("low", 0.0, 0, [1, 2], [0.0, 0.0])], longest=2)["layout"]

    assert [note["text"] for note in layout["annotations"]] == ["0 at every step of every run"]


def test_a_run_without_a_defined_value_makes_an_empty_figure():
    figure = curves_figure([Curve("low", 0.0, 0, [1], [None])], longest=5)

    assert figure["layout"]["xaxis"]["range"] == [0, 5]


def test_verdicts_show_as_shapes_and_the_limit_as_a_line():
    growth = Growth("low", 0.0, [10, 100, 1000], [1.0, 20.0, 50.0], ["A", "T", "W"])

    figure = growth_figure([growth], limit_seconds=0.05)

    assert figure["data"][0]["marker"]["symbol"] == ["circle", "triangle-up", "x"]
    assert figure["layout"]["shapes"][0]["y0"] == 50


@pytest.mark.django_db
def test_long_runs_are_thinned_before_they_leave_the_database(client_of):
    study = factories.study(problems=1)
    run = study.runs.first()
    run.steps = 8000
    run.save()
    MetricPoint.objects.bulk_create(MetricPoint(run=run, step=step, name="loss", value=step) for step in range(8000))

    figures = client_of(factories.alice()).get("/studies/miniature/runs/curves.json").json()

    assert 390 <= len(figures["loss"]["data"][0]["x"]) <= 410


@pytest.mark.django_db
def test_curves_come_one_figure_a_metric_with_the_reward_first(client_of):
    study = factories.study(problems=1)
    MetricPoint.objects.create(run=study.runs.first(), step=1, name="entropy", value=1.0)

    figures = client_of(factories.alice()).get("/studies/miniature/runs/curves.json").json()

    assert list(figures) == ["reward", "entropy"]
    MetricPoint.objects.create(run=study.runs.first(), step=1, name="judging_seconds", value=1.0)
    about_machine = client_of(factories.alice()).get("/studies/miniature/runs/curves.json?machine").json()
    assert list(about_machine) == ["judging_seconds"]
    assert [line["name"] for line in figures["reward"]["data"]] == ["low", "high"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (rate(0.6123, 0.0211, 880), '<span class="rate">0.612<em> ± 0.021 (n = 880)</em></span>'),
        (rate(None), '<span class="rate">—</span>'),
        (rate(float("nan"), 0.1, 3), '<span class="rate">—</span>'),
        (count(18432), "18\u202f432"),
        (count(None), "—"),
        (alpha(-0.25), "−0.25"),
        (alpha(1.0), "1"),
        (seconds(0.0384), "38 ms"),
        (seconds(0.9996), "1.0 s"),
        (seconds(59.97), "1 min 00 s"),
        (seconds(3599.6), "1 h 00 min"),
        (seconds(None), "—"),
        (about(63), "65 s"),
        (about(200), "3 min"),
        (size(512), "512 B"),
        (size(3 << 20), "3 MiB"),
        (size((3 << 20) + (1 << 19)), "3.5 MiB"),
    ],
)
def test_numbers_are_written_one_way_everywhere(written, expected):
    assert written == expected


@pytest.mark.django_db
def test_a_long_run_that_begins_has_curves(client_of):
    factories.study(problems=1).runs.update(steps=1_000_000)

    figures = client_of(factories.alice()).get("/studies/miniature/runs/curves.json").json()

    assert [line["x"] for line in figures["reward"]["data"]] == [[1], [1]]


def test_a_bar_fills_its_width_and_says_its_counts():
    shown = mix({"n": 16, "solved": 8, "optimisation": 4, "correctness": 3, "no_answer": 1})

    assert sum(bar["width"] for bar in shown["bars"]) == pytest.approx(100)
    assert shown["label"] == "8 solved, 4 too slow, 3 wrong, 1 no program, of 16"


def test_verdict_letters_are_read_out_and_grouped_by_level():
    written = letters("AAT-", [1, 1, 2, 2])

    assert 'aria-label="AAT-"' in written
    assert written.count(" first") == 1
    assert "test 3: time limit" in written


def test_a_moment_is_relative_and_exact():
    written = ago(timezone.now() - timedelta(minutes=3))

    assert "3 min ago" in written
    assert "UTC" in written
