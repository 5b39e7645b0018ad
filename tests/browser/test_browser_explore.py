"""The Frontiers page under a hand: hover, pins, selection, gaps of a path, and the state in the address."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect

from frontier_app.models import Study
from frontier_app.numbers.exploration.choice import choose, read_address
from frontier_app.numbers.exploration.page import explore
from frontier_app.numbers.exploration.panels import exploration_data
from tests import factories
from tests.browser.visitor import Visitors

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MARK = """([panel, kind, wanted]) => {
  const plot = document.getElementById(panel);
  const trace = plot._fullData.findIndex((one) => one.meta?.[kind]);
  const at = plot.data[trace].customdata.findIndex((one) => one === wanted || one.alphas === wanted);
  const drawn = plot.querySelectorAll(`.trace${plot._fullData[trace].uid} .points path.point`);
  const box = drawn[at].getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}"""


def frontiers(visitor: Visitors, person: User, study: Study, query: str = "") -> Page:
    page = visitor(person).open(reverse("explore", args=[study.slug]) + query)
    expect(page.locator("#frontiers-1 .plot-container")).to_be_visible()
    return page


def place_of(page: Page, wanted: str, kind: str = "marks", panel: str = "frontiers-1") -> tuple[float, float]:
    """Where a mark, or an alpha between two, is drawn."""
    x, y = page.evaluate(MARK, [panel, kind, wanted])
    return x, y


def rows_of(study: Study, **query: str) -> dict[float | None, dict]:
    asked = read_address(study, query)
    data = exploration_data(study, explore(study, asked, choose(study, asked)), may_launch=True)
    return {row["alpha"]: row for row in data["panels"][0]["rows"]}


def test_a_point_is_lit_pinned_and_compared_and_the_address_holds_it_all(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    study = measured.study
    rows = rows_of(study)
    page = frontiers(visitor, alice, study)
    expect(page.locator("#points tbody tr")).to_have_count(6)
    low, high = (rows[alpha]["key"] for alpha in (0.0, 1.0))

    page.mouse.move(*place_of(page, high))
    expect(page.locator(f"#points tr.lit[data-key='{high}']")).to_be_visible()
    page.mouse.click(*place_of(page, high))
    expect(page).to_have_url(re.compile(f"pins={high}"))
    solved = page.locator("#pinned tbody tr", has_text="solved").first
    rate, half = rows[1.0]["rates"]["solved"]
    expect(solved).to_contain_text(f"{rate:.3f} ± {half:.3f} (n = 16)")
    shown = re.findall(r"[+−]?\d\.\d{3}", solved.locator("td .rate").nth(1).text_content() or "")
    figures = [float(number.replace("−", "-")) for number in shown]
    assert figures == pytest.approx(rows[1.0]["deltas"]["solved"], abs=0.000501)

    page.locator(f"#points tr[data-key='{low}'] .pin").click()
    expect(page.locator("#pinned thead th")).to_have_count(3)
    page.locator("select[name=by]").select_option("difficulty")
    expect(page.locator("#panels .panel")).to_have_count(3)
    page.locator(f"#points tr[data-key='{low}']").first.hover()
    expect(page.locator("#panels .over .lit")).to_have_count(3)
    expect(page.locator("#points tr.lit")).to_have_count(3)

    page.go_back()
    expect(page.locator("#panels .panel")).to_have_count(1)
    expect(page.locator("#pinned thead th")).to_have_count(3)
    other = frontiers(visitor, factories.bob(), study, page.url.partition("/explore/")[2])
    expect(other.locator("#pinned thead th")).to_have_count(3)
    for part in ("#pinned", "#points tbody"):
        expect(other.locator(part)).to_have_text(page.locator(part).text_content() or "")


def test_a_box_selects_points_and_becomes_a_filter(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    rows = rows_of(measured.study)
    page = frontiers(visitor, alice, measured.study)
    page.locator("#tools label", has_text="select").click()
    expect(page).to_have_url(re.compile("drag=select"))
    page.wait_for_function("document.getElementById('frontiers-1')._fullLayout.dragmode === 'select'")
    x, y = place_of(page, rows[1.5]["key"])
    page.mouse.move(x - 9, y - 9)
    page.mouse.down()
    page.mouse.move(x + 9, y + 9, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"chosen=\d+"))
    selected = page.locator("#points tbody tr").evaluate_all("rows => rows.map((row) => row.dataset.key)")
    assert rows[1.5]["key"] in selected
    assert len(selected) < 6

    page.locator("#keep").click()
    expect(page.locator("input[name=q]")).to_have_value(re.compile("^reference "))
    expect(page.locator("#counts")).to_contain_text(f"{len(selected)} point")
    page.go_back()
    expect(page.locator("#points-words")).to_contain_text(f"{len(selected)} selected")
    page.locator("#points-title").click()
    page.keyboard.press("Escape")
    expect(page.locator("#points tbody tr")).to_have_count(6)


def test_a_click_on_a_gap_of_a_path_opens_the_launch_form_there(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = frontiers(visitor, alice, measured.study)
    page.mouse.move(*place_of(page, "0.75", "gaps"))
    page.mouse.click(*place_of(page, "0.75", "gaps"))
    expect(page).to_have_url(re.compile(r"/launch/sweep/"))
    expect(page.locator("[name=alphas]")).to_have_value("0.75")
    expect(page.locator("[name=low]")).to_have_value(measured.path.low.reference)
    page.go_back()
    page.locator("#gaps summary").press("Enter")
    page.get_by_role("link", name="Measure a = −0.25 on").press("Enter")
    expect(page).to_have_url(re.compile(r"/launch/sweep/"))
    expect(page.locator("[name=alphas]")).to_have_value("-0.25")


def test_what_a_drag_shows_is_in_the_address_once_and_a_double_click_clears_it(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = frontiers(visitor, alice, measured.study)
    shown = "document.getElementById('frontiers-1').layout.xaxis.range"
    whole = page.evaluate(shown)
    entries = page.evaluate("history.length")
    box = page.locator("#frontiers-1 .nsewdrag").bounding_box() or {}
    x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 4
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] / 2, y + box["height"] / 2, steps=12)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"zoom=[\d.-]+_[\d.-]+_[\d.-]+_[\d.-]+"))
    part = page.evaluate(shown)
    quarter = (whole[1] - whole[0]) / 4
    assert part == pytest.approx([whole[0] + quarter, whole[1] - quarter], abs=quarter / 20)
    assert page.evaluate("history.length") == entries + 1
    page.reload()
    expect(page.locator("#whole")).to_be_visible()
    page.wait_for_function(f"part => JSON.stringify({shown}) === JSON.stringify(part)", arg=part)
    page.mouse.dblclick(x, y)
    expect(page).not_to_have_url(re.compile("zoom"))
    page.wait_for_function(f"whole => JSON.stringify({shown}) === JSON.stringify(whole)", arg=whole)
    page.go_back()
    page.wait_for_function(f"part => JSON.stringify({shown}) === JSON.stringify(part)", arg=part)


def test_the_triangle_and_a_mistaken_filter_are_told_and_taken_back(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    rows = rows_of(measured.study)
    page = frontiers(visitor, alice, measured.study)
    page.locator("#choices label", has_text="triangle").click()
    expect(page.locator("#frontiers-1 .ternary, #frontiers-1 .ternarylayer .toplevel").first).to_be_attached()
    page.mouse.move(*place_of(page, rows[0.5]["key"]))
    expect(page.locator(f"#points tr.lit[data-key='{rows[0.5]['key']}']")).to_be_visible()
    page.locator("input[name=q]").fill("alpha > 1")
    page.locator("input[name=q]").press("Enter")
    expect(page.locator("#points tbody tr")).to_have_count(1)
    page.go_back()
    expect(page.locator("#points tbody tr")).to_have_count(6)
    expect(page.locator("input[name=q]")).to_have_value("")
