"""Filtering a list as a person does: typing, choosing what is offered, being told what is wrong, going back."""

import os
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.visitor import Visitors

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def picture(page: Page, name: str) -> None:
    """FRONTIER_SCREENSHOTS names a folder that keeps pictures."""
    if keep := os.environ.get("FRONTIER_SCREENSHOTS"):
        page.screenshot(path=Path(keep) / f"filter-{name}.png")


def test_a_filter_is_completed_judged_applied_and_undone(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    rows = measured.study.held_out_set.problems
    rows.filter(position__lt=3).update(tags=["dynamic programming", "dp"])
    looking = visitor(alice)
    page = looking.open(reverse("problems", args=[measured.study.slug]))
    box, options, listed = page.get_by_role("combobox"), page.get_by_role("option"), page.locator("#problems tbody tr")
    expect(listed).to_have_count(8)
    picture(page, "list")

    page.keyboard.press("/")
    expect(box).to_be_focused()
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.type("dif")
    expect(options.first).to_contain_text("difficulty")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(box).to_have_value("difficulty ")
    page.keyboard.type("= ")
    expect(options).to_have_count(3)
    page.keyboard.type("h")
    expect(options).to_have_count(1)
    picture(page, "values")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(box).to_have_value("difficulty = hard ")
    page.keyboard.press("Enter")
    expect(listed).to_have_count(4)
    expect(page).to_have_url(re.compile("q=difficulty%20%3D%20hard$"))
    expect(options).to_have_count(0)

    page.keyboard.type(" and tag = dp")
    page.keyboard.press("Enter")
    mistake = page.locator(".filter-mistake")
    expect(mistake).to_contain_text("Problems have no field tag; did you mean tags?")
    expect(mistake.locator("pre b")).to_have_text("                      ^^^")
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(listed).to_have_count(4)
    picture(page, "mistake")

    page.keyboard.press("Escape")
    expect(mistake).to_be_hidden()
    box.fill('tags = "dynamic programming"')
    page.keyboard.press("Enter")
    expect(listed).to_have_count(3)
    page.get_by_role("link", name="dp", exact=True).first.click()
    expect(box).to_have_value("tags = dp")
    expect(listed).to_have_count(3)

    page.go_back()
    expect(box).to_have_value('tags = "dynamic programming"')
    page.go_back()
    expect(listed).to_have_count(4)
    expect(box).to_have_value("difficulty = hard")
    page.go_forward()
    expect(listed).to_have_count(3)
    page.get_by_label("How to filter").click()
    expect(page.locator(".filter-fields")).to_contain_text("cpu_limit")
    picture(page, "help")
