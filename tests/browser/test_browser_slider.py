"""The alpha slider's comparisons, programs, playback and second family, under a hand."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from compute.stats.flips import mcnemar_exact
from frontier_app.models import Checkpoint, Evaluation, Path, Sample
from frontier_app.numbers.explorer import explorer_data
from frontier_app.numbers.placement import select
from frontier_app.numbers.programs_written import problem_programs
from frontier_app.viewer import Viewer
from tests import factories
from tests.browser.visitor import Visitors, alpha_of, study_page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def two_paths(measured: factories.Measured) -> Path:
    """A second path with two points; the first stays the one that the page opens with."""
    factories.trained_run(measured.study, "mid", 0.7)
    mid = Checkpoint.objects.get(study=measured.study, name="mid")
    path = measured.study.paths.create(name="low to mid", low=measured.path.low, high=mid)
    for alpha in (0.5, 1.0):
        factories.measure(measured.study, factories.point_on(path, alpha), 4, alpha=alpha, path=path, seed=5)
    return path


def data_of(measured: factories.Measured, **query: str) -> dict:
    return explorer_data(measured.study, select(measured.study, query), Viewer(user=factories.alice()))


def at(data: dict, alpha: float) -> dict:
    return next(one for one in data["evaluations"] if one["alpha"] == alpha)


def written(value: float) -> str:
    return f"{value:.3f}"


def test_won_lost_and_unchanged_stand_beside_their_tests_against_any_baseline(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = study_page(visitor(alice), measured.study, "?a=1.5&difficulty=all")
    page.locator("#baseline").select_option("-0.5")
    expect(page.locator("#moved .label")).to_have_text("won and lost against a = −0.5")
    found = at(data_of(measured, difficulty="all", baseline="-0.5"), 1.5)["point"]
    flips = found["flips"]
    expect(page.locator("#moved b")).to_contain_text(f"+{flips['won']}−{flips['lost']}{flips['unchanged']} unchanged")
    p, q = (written(flips[name]) for name in "pq")
    expect(page.locator("#moved p")).to_have_text(f"McNemar p {p}, q {q}")
    cells = page.locator("#against tr.current td").all_text_contents()
    assert cells[2:5] == [str(flips["unchanged"]), p, q]
    assert cells[6:8] == [written(value) for value in found["tests"]["solved"]]
    page.locator("#against tbody tr", has_text="a = 0.5").click()
    expect(page.locator("#alpha")).to_have_value("0.5")
    page.go_back()
    expect(page.locator("#alpha")).to_have_value("1.5")
    page.go_back()
    expect(page.locator("#moved .label")).to_have_text("won and lost against a = 0")


def test_the_strip_sorts_by_the_q_of_the_flip(visitor: Visitors, alice: User, measured: factories.Measured) -> None:
    page = study_page(visitor(alice), measured.study, "?a=1.5&difficulty=all&sort=q")
    data = data_of(measured, difficulty="all")
    values = at(data, 1.5)["point"]["flips"]["problem_q"]
    slugs = data["problems"]["slug"]
    rows = sorted(page.locator(".strip-row").all(), key=lambda row: (row.bounding_box() or {"y": 0})["y"])
    names = [(row.locator(".name").text_content() or "").split()[0] for row in rows]
    assert names == [slugs[place] for place in sorted(range(len(slugs)), key=lambda place: (values[place], place))]
    page.locator("#sort").select_option("difficulty")
    expect(page.locator(".strip-row small")).to_have_count(8)


def test_every_program_can_be_chosen_and_stands_beside_one_of_another_alpha(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = study_page(visitor(alice), measured.study, "?a=1&problem=002-squares")
    evaluation = measured.evaluations[3]
    samples = Sample.objects.filter(evaluation=evaluation, problem__slug="002-squares")
    distinct = samples.values("program").distinct().count()
    rows = page.locator("#written [data-program]")
    expect(rows).to_have_count(distinct)
    assert sum(int(text) for text in page.locator("#written b").all_text_contents()) == 4
    page.locator("#program").click()
    page.keyboard.press("]")
    expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
    name = rows.nth(1).get_attribute("data-program") or ""
    expect(page).to_have_url(re.compile(f"program={name}"))
    page.locator("#beside [data-part=alpha]").select_option("0.5")
    expect(page).to_have_url(re.compile(r"beside=0\.5"))
    expect(page.locator("#beside [data-part=here]")).to_contain_text("a = 1: ")
    chosen = samples.filter(program__sha256__startswith=name).select_related("program").first()
    assert chosen is not None
    shown = page.locator("#beside .pair .after:not(.empty) code")
    expect(shown).to_have_text([line or " " for line in chosen.program.text.split("\n")])
    verdicts = page.locator("#beside [data-part=tests] tbody tr")
    expect(verdicts).to_have_count(10)
    last = verdicts.last.locator("td")
    expect(last.nth(1)).to_have_text("5")
    expect(last.nth(6)).to_have_text(re.compile(r"^\d+ ms$"))
    found = problem_programs(measured.study, chosen.problem, select(measured.study, {}))
    usual = found["evaluations"][measured.evaluations[2].reference]["written"][0]["program"]
    left = [line or " " for line in found["programs"][usual].split("\n")]
    expect(page.locator("#beside .pair .before:not(.empty) code")).to_have_text(left)
    address = page.url.removeprefix(visitor_server(page))
    elsewhere = visitor(factories.bob()).open(address)
    expect(elsewhere.locator("#beside .pair .after:not(.empty) code")).to_have_text(
        [line or " " for line in chosen.program.text.split("\n")]
    )
    expect(elsewhere.locator("#beside .pair .before:not(.empty) code")).to_have_text(left)
    page.go_back()
    expect(page.locator("#beside [data-part=alpha]")).to_have_value("")


def visitor_server(page: Page) -> str:
    return str(page.evaluate("location.origin"))


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_space_key_plays_through_the_measured_values(
    visitor: Visitors, alice: User, measured: factories.Measured, motion: str
) -> None:
    looking = visitor(alice)
    looking.page.emulate_media(reduced_motion=motion)
    page = study_page(looking, measured.study, "?a=0.5")
    page.evaluate(
        """() => { window.seen = new Set(); new MutationObserver(() => seen.add(thumb.getAttribute('aria-valuenow')))
        .observe(thumb, {attributeFilter: ['aria-valuenow']}); }"""
    )
    page.keyboard.press(" ")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#alpha")).to_have_value("1")
    page.keyboard.press(" ")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false")
    expect(page).to_have_url(re.compile(f"a={alpha_of(page):g}$"))
    seen = {float(value) for value in page.evaluate("[...seen]")}
    between = seen - {-0.5, 0.0, 0.5, 1.0, 1.5}
    assert bool(between) == (motion == "no-preference")


def test_a_second_slider_on_another_path_is_linked_or_free(
    visitor: Visitors, alice: User, measured: factories.Measured, two_paths: Path
) -> None:
    page = study_page(visitor(alice), measured.study, "?a=0.5")
    expect(page.locator("#second")).to_be_hidden()
    page.locator("#with").select_option(label="low to mid")
    expect(page).to_have_url(re.compile(f"with={two_paths.pk}%3Areasoning"))
    expect(page.locator("#second [data-part=kind]")).to_have_text("measured")
    second = data_of(measured, path=str(two_paths.pk))
    solved = at(second, 0.5)["point"]["rates"]["solved"]
    expect(page.locator("#second [data-part=rates] b").first).to_have_text(written(solved[0]))
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator("#second .thumb")).to_have_attribute("aria-valuenow", "1")
    page.locator("#second [data-part=linked]").uncheck()
    page.locator("#second [data-part=box]").fill("0.5")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"b=0\.5"))
    first, other = at(data_of(measured), 1.0), at(second, 0.5)
    solves = [[2 * cells[1] > cells[0] for cells in chunks(one["cells"])] for one in (first, other)]
    won = sum(after and not before for before, after in zip(*solves, strict=True))
    lost = sum(before and not after for before, after in zip(*solves, strict=True))
    against = page.locator("#second [data-part=against]")
    expect(against.locator("b")).to_have_text(f"+{won} −{lost}")
    expect(against.locator("em")).to_contain_text(f"McNemar p {float(mcnemar_exact(won, lost)):.3f}")
    traces = "document.getElementById('frontier').data.filter((one) => one.meta?.second).map((one) => one.x.length)"
    assert page.evaluate(traces) == [3]
    edge = "document.getElementById('composition').data.find((one) => one.meta?.second === 'solved').y"
    assert page.evaluate(edge) == pytest.approx(
        [at(second, alpha)["point"]["rates"]["solved"][0] for alpha in (0, 0.5, 1)]
    )
    expect(page.locator("#composition-over line.other")).not_to_have_attribute("hidden", "")
    expect(page.locator("#beside [data-part=alpha]")).to_have_value("second")
    expect(page.locator("#beside [data-part=tests] thead")).to_contain_text("second, a = 0.5")
    expect(page.locator("#beside [data-part=tests] thead")).to_contain_text("a = 1")
    page.reload()
    expect(page.locator("#second [data-part=box]")).to_have_value("0.5")
    expect(against.locator("b")).to_have_text(f"+{won} −{lost}")
    page.go_back()
    expect(page.locator("#second [data-part=box]")).to_have_value("1")


def chunks(cells: list[int]) -> list[list[int]]:
    return [cells[start : start + 6] for start in range(0, len(cells), 6)]


def test_the_pages_own_exact_test_is_the_servers(visitor: Visitors, alice: User, measured: factories.Measured) -> None:
    page = study_page(visitor(alice), measured.study)
    script = "async ([won, lost]) => (await import('/static/js/explorer/view.js')).mcnemar(won, lost)"
    for won, lost in ((0, 0), (1, 0), (5, 5), (3, 12), (120, 80), (900, 20)):
        expected = float(mcnemar_exact(won, lost))
        assert page.evaluate(script, [won, lost]) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_signs_of_collapse_follow_alpha_and_a_missing_one_says_how_to_get_it(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    for one in measured.evaluations:
        tokens = 100.0 if (one.alpha or 0) <= 1 else 250.0
        Evaluation.objects.filter(pk=one.pk).update(alarms={"no_answer_rate": 0.01, "mean_tokens": tokens})
    page = study_page(visitor(alice), measured.study, "?a=1.5")
    tiles = page.locator("#signs > div")
    expect(tiles.nth(2)).to_contain_text("250")
    expect(tiles.nth(2)).to_contain_text("2.50 × that at a = 1")
    expect(tiles.nth(4).locator("b")).to_have_text("—")
    expect(tiles.nth(4)).to_contain_text("base checkpoint")
    expect(page.locator("#beyond p")).to_contain_text("2.5 times as long")
    page.keyboard.press("Alt+ArrowLeft")
    expect(tiles.nth(2)).to_contain_text("a trained end")
