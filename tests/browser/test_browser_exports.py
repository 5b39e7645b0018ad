"""Figures and tables leave the page as files and as text, in a real browser."""

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.visitor import Visitors, study_page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Page, str, str], Path]:
    """`save(page, figure, format)` chooses a format in a figure's menu; gives the file."""

    def choose(page: Page, figure: str, format: str) -> Path:
        menu = page.locator("details.export", has=page.locator(f'[data-save="{figure}"]'))
        menu.locator("summary").click()
        with page.expect_download() as saved:
            menu.locator(f'[data-as="{format}"]').click()
        target = tmp_path / saved.value.suggested_filename
        saved.value.save_as(target)
        return target

    return choose


def test_a_figure_is_saved_as_drawings_and_as_data(
    visitor: Visitors, alice: User, measured: factories.Measured, save: Callable[[Page, str, str], Path]
) -> None:
    page = study_page(visitor(alice, theme="dark"), measured.study, "?difficulty=hard")

    svg = save(page, "frontier", "svg")
    assert svg.name == f"{measured.study.slug}-hard-frontier.svg"
    drawing = svg.read_text()
    assert drawing.startswith("<svg")
    assert "rgb(99, 106, 115)" in drawing, (
        "a file for paper has the inks of the light theme, also where the page is dark"
    )
    assert "rgb(142, 150, 160)" not in drawing

    png = save(page, "frontier", "png").read_bytes()
    width, _ = struct.unpack(">II", png[16:24])
    assert width == 2 * 900

    paper = pypdfium2.PdfDocument(save(page, "frontier", "pdf").read_bytes())[0]
    words = "".join(paper.get_textpage().get_text_range().split())  # each letter has its own place
    assert "optimisation-failurerate" in words
    assert "fullcoverage" in words
    inked = (paper.render().to_numpy()[..., :3] < 250).any(axis=2)
    assert 0.02 < inked.mean() < 0.5
    assert all(part.any() for half in np.array_split(inked, 2) for part in np.array_split(half, 2, axis=1))

    rows = json.loads(save(page, "frontier", "json").read_text())
    lines = save(page, "frontier", "csv").read_text().splitlines()
    assert list(rows[0]) == lines[0].split(",")
    assert len(rows) == len(lines) - 1 == 6


def test_a_script_to_reproduce_a_figure_is_copied(visitor: Visitors, alice: User, measured: factories.Measured) -> None:
    somebody = visitor(alice)
    somebody.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = study_page(somebody, measured.study, "?difficulty=hard")
    page.locator("details.export summary").first.click()
    page.locator("[data-save=frontier][data-as=python]").click()
    expect(page.get_by_role("status").filter(has_text="Copied a Python script")).to_be_visible()
    script = page.evaluate("navigator.clipboard.readText()")
    compile(script, "figure.py", "exec")
    assert f'client.figure_data("{measured.study.slug}", "study", difficulty="hard")' in script
    assert 'painted(data["figures"]["frontier"])' in script


def test_a_table_is_copied_as_latex_and_as_a_spreadsheet_takes_it(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    measured.study.held_out_set.problems.filter(position=0).update(difficulty="=1+1")
    somebody = visitor(alice)
    somebody.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = somebody.open(reverse("problems", args=[measured.study.slug]))
    copied = {}
    for format in ("csv", "tex", "md"):
        button = page.locator(f"[data-copy-table={format}]").first
        if not button.is_visible():
            page.locator("details.table-export summary").first.click()
        button.click()
        expect(page.get_by_role("status").filter(has_text=re.compile("Copied 8 rows as"))).to_be_visible()
        copied[format] = page.evaluate("navigator.clipboard.readText()")
    assert "'=1+1" in copied["csv"]
    assert copied["tex"].count("\\\\\n") == 1 + 8
    assert "\\toprule" in copied["tex"]
    assert copied["md"].splitlines()[1].startswith("| --- |")
