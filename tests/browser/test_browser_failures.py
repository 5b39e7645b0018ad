"""From the grid of failures to the samples of a cell to one test, by the keyboard alone; the address keeps it all."""

import base64
import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect

from frontier_app.models import Evaluation, Problem, Sample
from tests import factories
from tests.browser.visitor import Visitors

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def failures_page(visitor: Visitors, user: User, query: str = "") -> Page:
    page = visitor(user).open(reverse("failures", args=["miniature"]) + query)
    expect(page.locator("#counts")).to_contain_text("problems")
    return page


def test_a_hand_on_the_keyboard_goes_from_a_cell_to_its_samples_to_one_test_and_back(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    problem = Problem.objects.get(problem_set=measured.study.held_out_set, position=2)
    evaluation = measured.evaluations[1]  # a = 0
    page = failures_page(visitor, alice, "?rule=first_failure&view=kept")
    expect(page.locator("#counts")).to_have_text("8 problems × 6 checkpoints")
    page.locator("#heat").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    samples = Sample.objects.filter(evaluation=evaluation, problem=problem).order_by("index")
    solved = samples.filter(failure_class="S").count()
    words = page.locator("#cell-words")
    expect(words).to_contain_text(f"{problem.slug}, a = 0: ")
    expect(words).to_contain_text(f"{solved} solved" if solved else "too slow")

    expect(page).to_have_url(re.compile(f"problem={problem.slug}.*view=kept"))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/samples/"))
    expect(page.locator("#samples tbody tr")).to_have_count(4)

    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("test="))
    page.wait_for_load_state()
    first = samples[0]
    failing = next((place for place, letter in enumerate(first.letters) if letter != "A"), 0)
    expect(page.locator(".tests-line [aria-current]")).to_have_text(first.letters[failing])
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(f"test={failing + 2}"))

    page.wait_for_load_state()
    page.keyboard.press("j")
    expect(page.locator("#test-title")).to_contain_text("sample 1")
    page.wait_for_load_state()
    page.keyboard.press("Escape")
    expect(page.locator("#test")).to_have_count(0)
    page.wait_for_load_state()
    page.keyboard.press("2")
    expect(page.locator("#samples tbody tr")).to_have_count(samples.filter(failure_class="O").count())
    assert page.url.endswith(f"?evaluation={evaluation.reference}&problem={problem.slug}&class=O")
    page.wait_for_load_state()
    page.keyboard.press("Escape")
    expect(page.locator("#cell-words")).to_contain_text(f"{problem.slug}, a = 0: ")
    assert "rule=first_failure" in page.url
    page.get_by_role("link", name="the evaluation").click()
    page.get_by_role("link", name="Failures", exact=True).nth(1).click()
    expect(page.locator("#cell-words")).to_contain_text("000-squares, a = 0: ")
    walk_through_a_transcript(page, evaluation)


def walk_through_a_transcript(page: Page, evaluation: Evaluation) -> None:
    """By the keyboard, turn by turn; the address keeps the turn, and Back leads to the page before."""
    base = evaluation.study.base
    agentic = factories.measure(evaluation.study, base, samples=1, setting="agentic")
    sample = agentic.samples.select_related("problem").exclude(program=None).earliest("pk")
    origin = page.url.partition("/studies/")[0]
    page.goto(f"{origin}{reverse('samples', args=['miniature'])}?evaluation={agentic.reference}")
    page.locator(f"#sample-{sample.pk} a.name").click()
    page.wait_for_load_state()
    page.keyboard.press("d")
    expect(page.locator("#transcript")).to_be_in_viewport()
    for turn in ("1", "2"):
        page.keyboard.press("n")
        expect(page.locator(".turns-line [aria-current]")).to_have_text(turn)
    expect(page).to_have_url(re.compile("sample=.*#turn-2$"))
    expect(page.locator("#turn-2")).to_contain_text("exit status 1")
    page.keyboard.press("n")
    page.keyboard.press("n")
    page.keyboard.press("p")
    copied = page.url
    assert copied.endswith("#turn-2")
    expect(page.locator("#opening .prose-text").first).to_be_hidden()
    page.locator("#opening summary").click()
    expect(page.locator("#opening .prose-text").last).to_have_text("Print the square of n.")
    page.keyboard.press("d")
    expect(page.locator("#test")).to_be_in_viewport()
    page.go_back()
    expect(page.locator("#transcript")).to_have_count(0)
    page.goto(copied)
    expect(page.locator("#turn-2")).to_be_in_viewport()
    expect(page.locator(".turns-line [aria-current]")).to_have_text("2")


def test_choices_stand_in_the_address_and_back_undoes_them(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    page = failures_page(visitor, alice)
    page.locator("#filters").get_by_text("hard", exact=True).click()
    expect(page.locator("#counts")).to_have_text("4 of 8 problems × 6 checkpoints")
    page.locator("#looks").get_by_text("dominant failure").click()
    expect(page.locator("#key-failure")).to_be_visible()
    assert "difficulty=hard" in page.url
    assert "colour=failure" in page.url
    expect(page.locator("#groups tbody tr")).to_have_count(1)
    page.go_back()
    expect(page.locator("#key-rate")).to_be_visible()
    page.go_back()
    expect(page.locator("#counts")).to_have_text("8 problems × 6 checkpoints")


def test_the_grid_holds_two_thousand_problems_on_a_hundred_checkpoints(visitor: Visitors, alice: User) -> None:
    """Its data are made up on the way to the browser: what is tested is how the page draws them."""
    factories.study()
    looking = visitor(alice)
    looking.page.route("**/failures/grid.json*", lambda route: route.fulfill(json=large_grid(2000, 100)))
    page = looking.open(reverse("failures", args=["miniature"]))
    expect(page.locator("#counts")).to_have_text("2\u202f000 problems × 100 checkpoints")
    page.locator("#heat").evaluate("heat => { heat.scrollTop = 20_000; heat.scrollLeft = 900; }")
    assert page.locator("#heat-canvas").evaluate("canvas => canvas.height") < 1200
    page.locator("#heat").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    expect(page.locator("#cell-words")).to_contain_text("a = 9.9")


def large_grid(problems: int, columns: int) -> dict[str, object]:
    """Cells of 4 samples, whose solved ones run through 0 to 4."""
    cells = bytes(
        value
        for cell in range(problems * columns)
        for value in (cell % 5, (4 - cell % 5) // 2, 4 - cell % 5 - (4 - cell % 5) // 2, 0, 0)
    )
    return {
        "format": 1,
        "level": 5,
        "rule": "every_test",
        "problems": {
            "slug": [f"problem-{number:04d}" for number in range(problems)],
            "title": [""] * problems,
            "difficulty": ["hard"] * problems,
            "tags": [[] for _ in range(problems)],
        },
        "columns": [
            {"reference": f"e{column}", "label": f"{column / 10:g}", "name": f"at {column / 10:g}",
             "alpha": column / 10, "mark": "merged", "state": "complete"}
            for column in range(columns)
        ],
        "bytes": 1,
        "cells": base64.b64encode(cells).decode(),
    }  # fmt: skip
