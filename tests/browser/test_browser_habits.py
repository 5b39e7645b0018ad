"""What hands learn: the palette, themes, and keys that do the same on every page, in a real browser."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from tests import factories
from tests.browser.visitor import Visitors

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_palette_goes_to_a_page_a_problem_and_a_theme(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = visitor(alice).open(reverse("problems", args=[measured.study.slug]))
    chosen = page.locator("dialog.palette [aria-selected=true]")

    page.keyboard.press("Control+k")
    page.keyboard.type("runs")
    expect(chosen).to_contain_text("Runs")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/runs/$"))
    page.wait_for_load_state()

    page.keyboard.press("Control+k")
    page.keyboard.type("003-sq")
    expect(chosen).to_contain_text("003-squares")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/problems/003-squares/$"))

    page.get_by_role("button", name="Go to anything by name").click()
    page.keyboard.type("theme: dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("dialog.palette")).to_be_hidden()

    page.keyboard.press("Control+k")
    page.keyboard.type("no such thing")
    expect(page.get_by_text("Nothing is called so")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.palette")).to_be_hidden()


def test_the_theme_goes_round_and_follows_the_system_again(visitor: Visitors, alice: User) -> None:
    factories.empty_study()
    page = visitor(alice, theme="dark").open(reverse("home"))
    html, button = page.locator("html"), page.locator("[data-theme-switch]")
    expect(button).to_have_attribute("title", "Theme: as the system has it")
    for theme, title in (("light", "light"), ("dark", "dark"), ("dark", "as the system has it")):
        button.click()
        expect(html).to_have_attribute("data-theme", theme)
        expect(button).to_have_attribute("title", f"Theme: {title}")
    page.emulate_media(color_scheme="light")
    expect(html).to_have_attribute("data-theme", "light")
    page.keyboard.press("t")
    page.reload()
    expect(html).to_have_attribute("data-theme", "dark")


def test_keys_move_help_and_close(visitor: Visitors, alice: User, measured: factories.Measured) -> None:
    page = visitor(alice).open(reverse("problems", args=[measured.study.slug]))
    current = page.locator("[data-rows] tr.current")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(current).to_have_count(1)
    page.keyboard.press("Escape")
    expect(current).to_have_count(0)

    page.locator("form.filters label", has_text="hard").click()
    expect(page.locator("#problems tbody tr")).to_have_count(4)
    page.keyboard.press("j")
    page.get_by_label("Account").click()
    expect(page.get_by_text("Log out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Log out")).to_be_hidden()
    expect(current).to_have_count(1)
    page.locator("details.table-export summary").click()
    with page.expect_response(lambda answer: answer.request.headers.get("hx-target") == "rows"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('live:evaluation', { detail: { data: {} } }))")
    expect(page.locator("details.table-export div")).to_be_visible()
    with page.expect_response(lambda answer: answer.request.headers.get("hx-target") == "rows"):
        page.keyboard.press("Escape")
    expect(current).to_have_count(1)

    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
