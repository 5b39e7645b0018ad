"""A report is written, read, frozen and deleted by a person at a browser."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from frontier_app.sharing import reports
from tests import factories
from tests.browser.visitor import Visitors

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_report_is_written_with_a_preview_frozen_and_shared_on_paper(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = visitor(alice).open(reverse("reports", args=[measured.study.slug]))
    page.get_by_role("link", name="Write a report").click()
    page.get_by_label("Title").fill("What slows down")
    text = page.locator("#text")
    text.fill("## Hard problems\n\nMore *time*.\n\n```frontier\nstudy?difficulty=hard#composition\nWhat fails.\n```\n")
    preview = page.locator("#preview")
    expect(preview.get_by_role("heading", name="Hard problems")).to_be_visible()
    expect(preview.locator(".plot-container")).to_be_visible()
    page.keyboard.press("Control+s")

    expect(page).to_have_url(re.compile(r"/reports/what-slows-down/$"))
    expect(page.locator("#plot-1 .plot-container")).to_be_visible()
    expect(page.get_by_text("1 figure, all live")).to_be_visible()
    page.get_by_role("button", name="Freeze 1 figure").click()
    expect(page.get_by_text("1 figure, all frozen")).to_be_visible()
    expect(page.locator("#plot-1 .plot-container")).to_be_visible()

    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    assert page.locator("figure").evaluate("figure => getComputedStyle(figure).breakInside") == "avoid"


def test_a_text_that_somebody_saved_meanwhile_is_shown_beside_ones_own(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    made = reports.create(measured.study, alice, "Notes", "first")
    somebody = visitor(alice)
    page = somebody.open(reverse("edit_report", args=[measured.study.slug, made.slug]))
    expect(page.locator("#preview")).to_contain_text("first")
    assert reports.save(made, alice, "Notes", "theirs", reports.version_of(made))
    page.locator("#text").fill("mine")
    with page.expect_response(lambda answer: answer.request.method == "POST" and "/edit/" in answer.url):
        page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Somebody saved this report")).to_be_visible()
    expect(page.locator("#text")).to_have_value("mine")
    expect(page.locator("#their-text")).to_have_text("theirs")
    assert [line for line in somebody.troubles if "409 (Conflict)" not in line] == []
    somebody.troubles.clear()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#report")).to_contain_text("mine")


def test_a_deleted_report_comes_back_with_undo(visitor: Visitors, alice: User, measured: factories.Measured) -> None:
    reports.create(measured.study, alice, "Notes", "first")
    page = visitor(alice).open(reverse("reports", args=[measured.study.slug]))
    page.get_by_role("button", name="Delete Notes").click()
    expect(page.get_by_text("No report yet")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="Notes")).to_be_visible()
