"""Tables as a person uses them: order by a click, select by key and by range, pin, compare, group, and the lineage."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.visitor import Visitors

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
STUDY = "/studies/miniature/"


def names(page: Page) -> list[str]:
    return page.locator("table[data-rows] tbody:not(.pinned) a.name").all_text_contents()


def test_a_researcher_sorts_pins_selects_and_compares_evaluations(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    looking = visitor(alice)
    page = looking.open(f"{STUDY}evaluations/")
    newest = names(page)

    page.get_by_role("link", name="solved").click()
    expect(page).to_have_url(re.compile(r"sort=-solve_rate"))
    expect(page.locator('#rows th[aria-sort="descending"]')).to_have_text("solved")
    best = names(page)
    page.go_back()
    expect(page.locator("#rows th[aria-sort]")).to_have_count(0)
    assert names(page) == newest
    page.go_forward()
    expect(page.locator('#rows th[aria-sort="descending"]')).to_be_visible()
    assert names(page) == best

    page.locator("#rows tbody tr").first.hover()
    page.get_by_role("link", name="pin", exact=True).first.click()
    expect(page.locator("#rows tbody.pinned a.name")).to_have_text(best[0])
    expect(page.locator("#rows tbody:not(.pinned) .sub").first).to_contain_text("±")

    copied = visitor(factories.bob()).open(page.url.removeprefix(looking.server))
    assert names(copied) == best
    expect(copied.locator("#rows tbody.pinned a.name")).to_have_text(best[0])

    page.keyboard.press("j")  # the pinned row, which cannot be selected
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(page.locator(".bulk output")).to_have_text("3 evaluations selected")
    page.keyboard.press("Escape")
    expect(page.locator(".bulk")).to_be_hidden()

    boxes = page.locator("#rows tbody:not(.pinned) .pick input")
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(page.locator(".bulk output")).to_have_text("3 evaluations selected")
    page.locator("#rows tbody:not(.pinned) tr").nth(1).locator("td.num").first.click(modifiers=["Control"])
    expect(page.locator(".bulk output")).to_have_text("2 evaluations selected")
    chosen = [page.locator("#rows tbody:not(.pinned) tr").nth(at).get_attribute("data-key") for at in (0, 2)]
    page.get_by_role("button", name="Compare").click()
    expect(page).to_have_url(re.compile(rf"/compare/\?a={chosen[0]}&b={chosen[1]}$"))


def test_all_that_match_are_cancelled_and_two_runs_are_told_apart(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    for number in range(28):
        factories.trained_run(measured.study, f"more-{number:02d}", 0.5 + number / 100)
    page = visitor(alice).open(f"{STUDY}runs/?q=more")
    expect(page.locator("#rows tbody tr")).to_have_count(25)

    page.locator("[data-pick-all]").check()
    expect(page.locator(".bulk output")).to_have_text("25 runs selected")
    page.get_by_role("button", name="all 28 runs that match").click()
    expect(page.locator(".bulk output")).to_have_text("28 runs selected")
    expect(page.locator("[data-bulk-limits]")).to_have_text("Differences takes at most 20 runs.")
    expect(page.get_by_role("button", name="Differences")).to_be_disabled()
    with page.expect_download() as download:
        page.locator(".bulk").get_by_role("link", name="CSV").click()
    assert len(download.value.path().read_text().splitlines()) == 29
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel jobs").click()
    expect(page.locator(".notice")).to_contain_text("None of these runs was queued or running.")

    page.goto(page.url.partition("?")[0] + "?q=more&sort=-coverage")
    page.locator("#rows tbody .pick input").nth(0).click()
    page.get_by_role("link", name="later").click()
    page.locator("#rows tbody .pick input").nth(0).click()
    expect(page.locator(".bulk output")).to_have_text("2 runs selected")
    with page.expect_download() as download:
        page.locator(".bulk").get_by_role("link", name="CSV").click()
    assert len(download.value.path().read_text().splitlines()) == 3
    page.get_by_role("button", name="Differences").click()
    expect(page.locator("#differences tbody tr")).to_have_count(1)
    expect(page.locator("#differences tbody tr td").first).to_have_text("coverage")

    # The checkpoints of all 28 runs, three more than the page, fill one form.
    page = visitor(alice).open(f"{STUDY}checkpoints/?q=more&origin=trained&size=25")
    page.locator("[data-pick-all]").check()
    page.get_by_role("button", name="all 28 checkpoints that match").click()
    page.get_by_role("button", name="Evaluate").click()
    expect(page).to_have_url(re.compile("/launch/evaluate/"))
    assert page.locator("#id_others").input_value().count(",") == 26


def test_columns_and_groups_are_chosen_from_their_menus(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = visitor(alice).open(f"{STUDY}runs/")

    page.locator("summary", has_text="columns").click()
    page.get_by_label("learning_rate").check()
    page.get_by_role("button", name="Show these").click()
    expect(page.locator("#rows thead")).to_contain_text("learning_rate")
    expect(page.locator("#rows tbody tr").first).to_contain_text("0.00025")

    page.locator("summary", has_text="group by").click()
    page.locator(".table-tools a", has_text="coverage").first.click()
    expect(page.locator("#rows tbody tr")).to_have_count(2)
    expect(page.locator("#rows")).to_contain_text("Student t intervals")
    page.locator("#rows tbody tr").first.hover()
    page.get_by_role("link", name="pin", exact=True).first.click()
    expect(page.locator("#rows tbody.pinned a.name")).to_have_text("0.4")
    expect(page.locator("#rows tbody:not(.pinned) tr").nth(1).locator(".sub").first).to_contain_text(
        re.compile("^[+−]")
    )
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("summary", has_text="copy").click()
    page.get_by_role("button", name="Markdown").click()
    expect(page.locator(".toast")).to_contain_text("Copied 2 rows")
    low, high = page.evaluate("navigator.clipboard.readText()").splitlines()[2:]
    assert low.startswith("| 0.4 | 1 | 1 | ")
    assert re.match(r"\| 1 \| 1 \| 1 \| \*\*0\.\d{3} \([+−]0\.\d{3}\)\*\* \|", high)
    page.locator("#rows tbody:not(.pinned) a.name").first.click()
    expect(page.locator("table[data-select] tbody tr")).to_have_count(1)


def test_the_lineage_lights_ancestors_and_descendants_and_opens_bundles(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    for alpha in (0.25, 0.75):
        factories.point_on(measured.path, alpha)
    page = visitor(alice).open(f"{STUDY}checkpoints/lineage/")
    expect(page.locator("#lineage .node")).to_have_count(4)

    page.locator("#lineage .node", has_text="low").first.hover()
    expect(page.locator("#lineage.lit .node.on")).to_have_count(3)
    expect(page.locator("#lineage-words")).to_contain_text("coverage 0.4")

    page.locator("#lineage .bundle").click()
    expect(page.locator("#lineage .node")).to_have_count(8)
    page.locator("#lineage .node", has_text="low → high at 0.5").hover()
    expect(page.locator("#lineage-words")).to_contain_text("0.5 × low + 0.5 × high")
    page.locator("#lineage .node", has_text="low → high at 0.5").click()
    expect(page).to_have_url(re.compile("/evaluations/"))
