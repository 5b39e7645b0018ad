"""The audit page and what leads to it, in a real browser: figures draw and save, marks filter, nothing jumps."""

import csv
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from frontier_app.models import Evaluation
from tests import factories
from tests.browser.visitor import Visitors, boxes, study_page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_figures_draw_and_save_the_numbers_behind_them(
    visitor: Visitors, alice: User, measured: factories.Measured, tmp_path: Path
) -> None:
    factories.audit(measured.study)
    page = visitor(alice).open(reverse("audit", args=[measured.study.slug]))
    for name in ("caught", "reference", "sizes"):
        expect(page.locator(f"#{name} .plot-container")).to_be_visible()

    page.locator("section", has=page.locator("#sizes")).get_by_text("copy").click()
    with page.expect_download() as saved:
        page.locator('[data-save="sizes"][data-as="csv"]').click()
    target = tmp_path / "sizes.csv"
    saved.value.save_as(target)
    rows = list(csv.reader(target.open()))
    assert rows[0][:2] == ["problem", "size_ratio"]
    assert len(rows) == 1 + measured.study.held_out_set.problems.count()


def test_a_mark_filters_the_problems_and_stays_in_the_address(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    factories.audit(measured.study)
    marks = [one.audit["marks"] for one in measured.study.held_out_set.problems.all()]
    wanted = max({mark for found in marks for mark in found}, key=lambda mark: sum(mark in found for found in marks))
    having = sum(wanted in found for found in marks)
    page = visitor(alice).open(reverse("audit", args=[measured.study.slug]))

    page.locator(f'label:has(input[value="{wanted}"])').click()

    expect(page.locator("#audited tbody tr")).to_have_count(having)
    expect(page).to_have_url(re.compile(f"mark={wanted}"))
    page.locator("#which-programs label").last.click()
    expect(page).to_have_url(re.compile(f"mark={wanted}.*programs=unstable|programs=unstable.*mark={wanted}"))
    page.reload()
    expect(page.locator("#audited tbody tr")).to_have_count(having)
    page.evaluate("history.go(-2)")
    expect(page.locator("#audited tbody tr")).to_have_count(len(marks))
    expect(page.locator("#caught .plot-container")).to_be_visible()


def test_the_line_of_conditions_follows_the_selection_without_a_jump(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    study = measured.study
    study.held_out_set.problems.filter(difficulty="easy").update(cpu_seconds=2.0)
    page = study_page(visitor(alice), study)
    line = page.locator("#conditions")
    expect(line).to_contain_text("judged under resource limits")
    expect(line).to_contain_text("CPU 50 ms a test")
    before = boxes(page)

    page.locator("#filters label", has_text="easy").click()

    expect(line).to_contain_text("CPU 2.0 s a test")
    assert boxes(page) == before
    factories.audit(study)
    expect(line).to_contain_text("easy problems marked")
    assert boxes(page) == before
    line.get_by_role("link").click()
    expect(page.get_by_role("heading", name="What these tests can tell apart")).to_be_visible()


def test_a_point_leads_to_its_evaluation(visitor: Visitors, alice: User, measured: factories.Measured) -> None:
    page = study_page(visitor(alice), measured.study, "?a=0.5")
    half = Evaluation.objects.get(study=measured.study, alpha=0.5)

    page.locator("#alpha-kind a").click()

    expect(page).to_have_url(re.compile(f"/evaluations/{half.reference}/$"))
    expect(page.get_by_role("heading", name="Verdicts by level")).to_be_visible()
    page.get_by_role("link", name="Show on the frontier").click()
    expect(page.locator("#alpha")).to_have_value("0.5")
