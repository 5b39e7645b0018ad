"""The ensembles page in a real browser: choose members, move k, read who solves what, and go back."""

import re

import factories
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.visitor import Visitor, Visitors


def ensembles_page(one: Visitor, query: str = "?difficulty=all") -> Page:
    page = one.open(f"/studies/miniature/ensembles/{query}")
    expect(page.locator("#curves .plot-container")).to_be_visible()
    expect(page.locator("#lines tbody tr.ensemble")).to_be_visible()
    return page


def test_members_a_budget_and_a_set_are_chosen_and_back_undoes_each(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = ensembles_page(visitor(alice))
    chosen = page.locator("#candidates input:checked")
    expect(page.locator("#split-words")).to_contain_text("greedy search")
    searched = chosen.evaluate_all("boxes => boxes.map(box => box.value)")
    expect(chosen).to_have_count(3)
    page.locator(f'#candidates label:has(input[value="{searched[0]}"])').click()
    expect(page.locator("#split-words")).to_contain_text("Chosen by hand")
    expect(page.locator("#candidates input:checked")).to_have_count(2)
    expect(page.locator("#adds tbody tr")).to_have_count(2)
    expect(page).to_have_url(re.compile("members="))

    asked: list[str] = []
    page.on("request", lambda request: "ensembles.json" in request.url and asked.append(request.url))
    before = page.locator("#lines tr.ensemble").inner_text()
    page.locator("#k-slider").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#k-words")).to_have_text("3")
    assert page.locator("#lines tr.ensemble").inner_text() != before
    assert asked == []
    expect(page.locator("#adds-words")).to_contain_text("k = 3")
    expect(page).to_have_url(re.compile("k=3"))
    assert len(asked) == 1

    options = page.locator("#bar option").evaluate_all("all => all.map(one => one.value)")
    page.locator("#bar").select_option(options[-1])
    expect(page).to_have_url(re.compile("bar="))
    expect(page.locator("#set-links a").first).to_have_attribute("href", re.compile("/problems/"))

    figures = page.locator("#lines tbody").inner_text()
    other = ensembles_page(visitor(alice), page.url[page.url.index("?") :])
    expect(other.locator("#k-words")).to_have_text("3")
    assert other.locator("#lines tbody").inner_text() == figures
    assert other.locator("#bar").input_value() == options[-1]

    page.go_back()
    page.go_back()
    expect(page.locator("#k-words")).to_have_text("4")
    expect(page.locator("#adds-words")).to_contain_text("k = 4")
    page.go_back()
    expect(page.locator("#split-words")).to_contain_text("greedy search")
    expect(page.locator("#candidates input:checked")).to_have_count(3)


def test_a_budget_beyond_n_shows_dashes_and_a_refused_address_says_why(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    one = visitor(alice)
    page = ensembles_page(one)
    page.locator("#k").fill("9")
    page.locator("#k").press("Enter")
    expect(page.locator("#k-words")).to_have_text("9")
    row = page.locator("#lines tr.oracle")
    expect(row).to_contain_text("n = 4")
    expect(row.locator("td").nth(2)).to_have_text("—")
    page.locator("input[name=q]").fill("alpha >= 1 or checkpoint = low")
    page.locator("input[name=q]").press("Enter")
    expect(page.locator("#members-words")).to_have_text(
        "3 of 3 offered; the filter leaves 3 of 6 evaluated checkpoints"
    )
    expect(page.locator("#candidates input")).to_have_count(3)
    page.go_back()
    expect(page.locator("#candidates input")).to_have_count(6)
    expect(page.locator("input[name=q]")).to_have_value("")
    page.locator('[name="split"]').fill("x")
    page.locator('[name="split"]').press("Enter")
    expect(page.locator("#trouble")).to_contain_text("split must be a whole number")
    # The browser itself logs the answer that the page has just explained.
    one.troubles[:] = [line for line in one.troubles if "400" not in line]


def test_a_reader_moves_the_budget_and_can_change_nothing_that_the_link_pins(
    visitor: Visitors, measured: factories.Measured
) -> None:
    page = visitor(None).open(f"/share/{factories.link(measured.study, view='ensembles').token}/")
    expect(page.locator("#lines tbody tr.ensemble")).to_be_visible()
    for part in ("#candidates input", '[name="allocation"]', "#sets", "#search button"):
        expect(page.locator(part).first).to_be_disabled()
    page.locator("#k-slider").press("ArrowLeft")
    expect(page.locator("#k-words")).to_have_text("3")
    options = page.locator("#bar option").evaluate_all("all => all.map(one => one.value)")
    page.locator("#bar").select_option(options[-1])
    expect(page).to_have_url(re.compile("bar="))
    assert "k=" not in page.url
    expect(page.locator("#set-links a").first).not_to_have_attribute("href", re.compile(""))
