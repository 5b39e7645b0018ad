"""The study page under a hand: the ruler, the address, the programs, and points that come in while one looks."""

import re
from urllib.parse import urlsplit

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect

from frontier_app.models import Checkpoint, Study
from frontier_app.numbers.explorer import explorer_data
from frontier_app.numbers.placement import select
from frontier_app.viewer import Viewer
from tests import factories
from tests.browser.visitor import (
    Visitors,
    alpha_of,
    boxes,
    finish,
    judge,
    measure_now,
    ruler_pixel,
    study_page,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def rates_at(study: Study, alpha: float, **query: str) -> dict[str, list[float]]:
    found = explorer_data(study, select(study, query), Viewer(user=factories.alice()))
    return next(one["point"]["rates"] for one in found["evaluations"] if one["alpha"] == alpha)


def test_the_read_outs_are_the_rates_with_interval_n_and_delta(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = study_page(visitor(alice), measured.study, "?a=0.5")
    solved, half = rates_at(measured.study, 0.5)["solved"]
    shown = page.locator("[data-rate=solved] b")
    expect(shown).to_contain_text("(n = 16)")
    figures = [float(number) for number in re.findall(r"\d\.\d{3}", shown.text_content() or "")]
    assert figures == pytest.approx([solved, half], abs=0.000501)
    expect(page.locator("[data-rate=solved] p")).to_contain_text("vs a = 0")


def test_the_hand_drags_alpha_through_everything_without_asking_the_server(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = study_page(visitor(alice), measured.study, "?a=0")
    expect(page.locator("#strip-head .current")).to_have_text("0")
    page.wait_for_load_state("networkidle")
    start, end = ruler_pixel(page, 0.0), ruler_pixel(page, 1.3)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.mouse.move(*start)
    page.mouse.down()
    for step in range(1, 61):
        page.mouse.move(start[0] + (end[0] - start[0]) * step / 60, start[1])
    expect(page.locator("#alpha-kind")).to_have_text("estimate")
    expect(page.locator("[data-rate=solved] b")).to_contain_text("estimate")
    # A hand that a busy machine holds up for 300 ms rests there, and the two programs of that alpha are read.
    assert [path for path in asked if not path.endswith("/program.json")] == []
    page.mouse.up()
    assert alpha_of(page) == pytest.approx(1.3, abs=0.03)
    assert page.url.endswith(f"a={alpha_of(page):g}")


def test_the_thumb_is_caught_by_measured_values_and_further_by_trained_ends(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = study_page(visitor(alice), measured.study)
    thumb = page.locator("#thumb")
    x, y = ruler_pixel(page, 0.5)
    page.mouse.click(x + 4, y)
    expect(thumb).to_have_attribute("aria-valuenow", "0.5")
    expect(page).to_have_url(re.compile(r"\?a=0\.5$"))
    page.mouse.click(x + 9, y)
    expect(thumb).to_have_attribute("aria-valuenow", "0.52")
    x, y = ruler_pixel(page, 1.0)
    page.mouse.click(x + 9, y)
    expect(thumb).to_have_attribute("aria-valuenow", "1")


def test_keys_move_alpha_by_measured_steps_and_shift_by_hundredths(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = study_page(visitor(alice), measured.study, "?a=0.5")
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator("#alpha")).to_have_value("1")
    page.locator("#thumb").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#alpha")).to_have_value("0.5")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#alpha")).to_have_value("0.51")
    page.keyboard.press("End")
    expect(page.locator("#alpha")).to_have_value("1.5")
    page.keyboard.press("Home")
    expect(page.locator("#alpha")).to_have_value("−0.5")


def test_a_typed_alpha_is_taken_and_a_word_is_refused(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = study_page(visitor(alice), measured.study)
    page.locator("#alpha").fill("0.62")
    page.keyboard.press("Enter")
    expect(page.locator("#thumb")).to_have_attribute("aria-valuenow", "0.62")
    page.locator("#alpha").fill("x")
    page.keyboard.press("Enter")
    expect(page.locator("#alpha")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#alpha-kind")).to_have_text("✕ not a number")
    assert alpha_of(page) == 0.62
    page.keyboard.press("Escape")
    expect(page.locator("#alpha")).to_have_value("0.62")
    expect(page.locator("#alpha-kind")).to_have_text("estimate")


def test_an_address_that_names_no_alpha_or_no_view_says_so(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    reader = visitor(alice)
    page = study_page(reader, measured.study, "?a=1e9")
    expect(page.locator("#trouble")).to_contain_text("a = 1e9, which is refused")
    expect(page.locator("#alpha")).to_have_value("1")
    page.goto(page.url.replace("a=1e9", "difficulty=zzz"))
    expect(page.locator("#trouble")).to_contain_text("difficulty must be one of")
    expect(page.locator("#ruler")).to_be_hidden()
    expect(page.locator("#coming")).to_be_hidden()
    page.locator("#way-back a").click()
    expect(page.locator("#ruler")).to_be_visible()
    assert ["400" in line for line in reader.troubles] == [True]  # the refusal itself, as the browser logs it
    reader.troubles.clear()


def test_an_estimate_on_the_page_is_the_piecewise_linear_one(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = study_page(visitor(alice), measured.study, "?a=0.7")
    alphas = (-0.5, 0.0, 0.5, 1.0, 1.5)
    for name in ("solved", "optimisation", "correctness"):
        expected = np.interp(0.7, alphas, [rates_at(measured.study, alpha)[name][0] for alpha in alphas])
        shown = page.locator(f"[data-rate={name}] b").text_content() or ""
        assert float(shown.removesuffix("estimate")) == pytest.approx(expected, abs=0.000501)


def test_the_address_holds_the_view_and_back_undoes(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = study_page(visitor(alice), measured.study)
    page.get_by_text("medium", exact=True).click()
    page.locator("#filters").get_by_text("0.4", exact=True).click()
    page.keyboard.press("Alt+ArrowLeft")
    expect(page).to_have_url(re.compile(r"\?difficulty=medium&level=2&a=0\.5$"))
    solved, _ = rates_at(measured.study, 0.5, difficulty="medium", level="2")["solved"]
    expect(page.locator("#counts")).to_contain_text("2 problems")
    expect(page.locator("[data-rate=solved] b")).to_contain_text(f"{solved:.3f}")
    page.reload()
    expect(page.locator("#alpha")).to_have_value("0.5")
    expect(page.locator("[data-rate=solved] b")).to_contain_text(f"{solved:.3f}")
    expect(page.locator("input[name=level][value='2']")).to_be_checked()
    for _ in range(3):
        page.go_back()
    expect(page.locator("#alpha")).to_have_value("1")
    expect(page).to_have_url(re.compile(r"/studies/miniature/$"))


def test_a_click_in_the_strip_shows_that_program_and_leads_to_the_problem(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = study_page(visitor(alice), measured.study)
    row = page.locator(".strip-row").nth(1)
    name = row.locator(".name").text_content()
    row.locator(".cell").nth(1).click()
    expect(page.locator("#alpha")).to_have_value("0")
    expect(page.locator("#program-link")).to_have_attribute("href", re.compile(re.escape(name or "")))
    expect(page.locator("#program-count")).to_contain_text("4 answers")
    expect(page.locator("#program .line").first).to_be_visible()
    page.locator("#program-link").click()
    expect(page).to_have_url(re.compile(f"/problems/{re.escape(name or '')}/"))


def test_a_click_on_a_point_moves_alpha_and_the_initialisation_becomes_the_baseline(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = study_page(visitor(alice), measured.study)
    page.evaluate(
        """() => { const plot = document.getElementById('frontier');
        const trace = plot.data.findIndex((one) => one.meta?.marks);
        const keys = plot.data[trace].customdata;
        plot.emit('plotly_click', {points: [{customdata: keys[0]}]}); }"""
    )
    expect(page).to_have_url(re.compile("baseline=initialisation"))
    expect(page.locator("#moved .label")).to_have_text("won and lost against base")
    page.locator("#gaps summary").press("Enter")
    page.get_by_role("link", name="Measure a = 1.25").press("Enter")
    expect(page).to_have_url(re.compile(r"/launch/sweep/"))
    expect(page.locator("[name=alphas]")).to_have_value("1.25")
    page.go_back()
    expect(page.locator("#frontier .plot-container")).to_be_visible()
    page.evaluate(
        """() => { const plot = document.getElementById('frontier');
        plot.emit('plotly_click', {points: [{customdata: plot.data.find((one) => one.meta?.gaps).customdata[0]}]}); }"""
    )
    expect(page.locator("[name=alphas]")).to_have_value("-0.45")


def test_a_point_appears_without_reload_and_without_a_jump_when_a_measurement_is_launched(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = study_page(visitor(alice), measured.study, "?a=1.12")
    page.evaluate("window.stayed = true")
    before = boxes(page)
    page.get_by_role("button", name="Measure a = 1.12").click()
    expect(page.locator("#alpha-kind")).to_have_text("planned")
    evaluation = measured.study.evaluations.get(alpha=1.12)
    assert evaluation.samples_per_problem == 4
    measure_now(evaluation, 4, problems=3)
    expect(page.locator("#alpha-kind")).to_contain_text("so far")
    judge(evaluation, 4, first=3)
    finish(evaluation)
    expect(page.locator("#alpha-kind")).to_have_text("extrapolated")
    expect(page.locator("[data-rate=solved] b")).to_contain_text("(n = 16)")
    expect(page.locator("#beyond b")).to_have_text(re.compile("extends|stays|collapses"))
    assert page.evaluate("window.stayed") is True
    assert boxes(page) == before
    measured_in_the_setting_that_is_looked_at(page, measured)


def measured_in_the_setting_that_is_looked_at(page: Page, measured: factories.Measured) -> None:
    study, path = measured.study, measured.path
    for alpha in (0.0, 1.0):
        factories.measure(study, factories.point_on(path, alpha), 1, alpha=alpha, path=path, setting="agentic")
    page.goto(page.url.partition("?")[0] + "?setting=agentic&a=0.37")
    page.get_by_role("button", name="Measure a = 0.37").click()
    expect(page.locator("#alpha-kind")).to_have_text("planned")
    assert study.evaluations.get(alpha=0.37).setting == "agentic"
    expect(page.locator("#gaps a").first).to_have_attribute("href", re.compile("setting=agentic"))
    expect(page.get_by_text("turns an answer")).to_be_visible()


def test_the_first_point_fills_an_empty_page(visitor: Visitors, alice: User) -> None:
    study = factories.study(problems=8)
    path = study.paths.get()
    evaluation = factories.planned_evaluation(study, path.low, alpha=0.0, path=path)
    factories.planned_evaluation(study, path.high, alpha=1.0, path=path)
    page = visitor(alice).open(reverse("study", args=[study.slug]))
    expect(page.locator("#strip-head .at")).to_have_text(["0", "1"])
    expect(page.get_by_text("No point is measured yet")).to_be_visible()
    expect(page.locator("#coming li").first).to_contain_text("Evaluate low")
    expect(page.locator("#strip .strip-row").first).to_be_visible()
    before = boxes(page)
    measure_now(evaluation, 4)
    expect(page.locator(".figure.filled")).to_be_visible()
    expect(page.get_by_text("No point is measured yet")).to_be_hidden()
    expect(page.locator("#alpha")).to_have_value("0")
    assert boxes(page) == before


def test_a_sweep_launched_from_the_form_shows_its_point_in_an_open_page(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    looking = visitor(alice)
    watched = study_page(looking, measured.study)
    form = looking.open(reverse("launch", args=[measured.study.slug, "sweep"]), looking.tab())
    form.locator("[name=alphas]").fill("0.25")
    form.locator("[name=samples]").fill("4")
    form.locator("form.launch").get_by_role("button", name="Launch").click()
    expect(form).not_to_have_url(re.compile("/launch/"))
    measure_now(measured.study.evaluations.get(alpha=0.25), 4)
    expect(watched.locator("#strip-head .at").nth(2)).to_have_text("0.25")


def test_what_cannot_be_launched_is_said_beside_the_button(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    Checkpoint.objects.filter(pk=measured.path.high_id).update(folder="", made_by=None)
    looking = visitor(alice)
    page = study_page(looking, measured.study, "?a=1.12")
    page.get_by_role("button", name="Measure a = 1.12").click()
    expect(page.locator("#beyond p.alarm")).to_contain_text("high")
    assert not measured.study.evaluations.filter(alpha=1.12).exists()
    looking.troubles.clear()  # the browser reports the refusal's status


def test_a_share_link_is_read_only(visitor: Visitors, measured: factories.Measured) -> None:
    link = factories.link(measured.study)
    looking = visitor(None)
    looking.open(reverse("share", args=[link.token]))
    page = study_page(looking, measured.study, "?a=0.7")
    expect(page.get_by_text("Programs are not part of this link")).to_be_visible()
    expect(page.locator("#beyond p")).to_have_text("not measured here")
    assert page.get_by_role("button", name="Measure").count() == 0
    assert page.locator("#program").count() == 0


def test_the_theme_changes_without_losing_the_view(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = study_page(visitor(alice), measured.study, "?a=0.5")
    ink = page.evaluate("document.getElementById('frontier').layout.font.color")
    page.locator("[data-theme-switch]").click()
    page.wait_for_function("ink => document.getElementById('frontier').layout.font.color !== ink", arg=ink)
    expect(page.locator("#alpha")).to_have_value("0.5")


def test_the_numbers_behind_a_panel_can_be_saved(visitor: Visitors, alice: User, measured: factories.Measured) -> None:
    page = study_page(visitor(alice), measured.study)
    page.locator("details.export summary").first.click()
    with page.expect_download() as saved:
        page.locator("[data-save=frontier][data-as=csv]").click()
    lines = saved.value.path().read_text().splitlines()
    assert lines[0].startswith("checkpoint,alpha,mark,difficulty,n,problems,infrastructure,solved_rate")
    assert len(lines) == 1 + 6


def test_every_difficulty_level_and_rule_can_be_chosen(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = study_page(visitor(alice), measured.study)
    for name in ("easy", "medium", "hard", "first", "any test", "0.2", "full"):
        page.locator("#filters").get_by_text(name, exact=True).click()
        expect(page.locator("#trouble")).to_be_hidden()
    expect(page.locator("#counts")).to_contain_text("4 problems × 4 samples")
