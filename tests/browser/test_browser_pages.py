"""Every page in a real browser: it answers, reports no error, and fits a window of 1280 px.

FRONTIER_SCREENSHOTS names a folder that keeps a picture of each, light and dark.
"""

import os
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from frontier_app.models import Study
from tests import factories
from tests.browser.visitor import Asked, Visitors

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The walk with axe opens every page in light.
THEMES = ("light", "dark") if os.environ.get("FRONTIER_SCREENSHOTS") else ("dark",)


def addresses(study: Study) -> dict[str, str]:
    problem = study.held_out_set.problems.order_by("position").last().slug
    of_study = {name: reverse(name, args=[study.slug]) for name in ("problems", "runs", "checkpoints", "study_jobs")}
    forms = {
        f"launch-{kind}": reverse("launch", args=[study.slug, kind])
        for kind in ("sweep", "train", "evaluate", "import", "audit")
    }
    return {
        "home": reverse("home"),
        "study": reverse("study", args=[study.slug]),
        "jobs": reverse("jobs"),
        "job": study.jobs.first().get_absolute_url(),
        "problem": reverse("problem", args=[study.slug, problem]),
        "audit": reverse("audit", args=[study.slug]),
        "evaluation": reverse("evaluation", args=[study.slug, study.evaluations.first().reference]),
        "new-study": reverse("new_study"),
        "import": study.jobs.filter(kind="import").first().get_absolute_url(),
        "sharing": reverse("study_sharing", args=[study.slug]),
        "launch-merge": reverse("launch", args=[study.slug, "merge"]),
        **of_study,
        **forms,
    }


@pytest.mark.parametrize("theme", THEMES)
def test_every_page_answers_without_errors_and_fits_the_window(
    visitor: Visitors, alice: User, measured: factories.Measured, theme: str
) -> None:
    factories.audit(measured.study)
    factories.tried_import(measured.study)
    looking = visitor(alice, theme)
    page = looking.page
    asked = Asked(page)
    keep = os.environ.get("FRONTIER_SCREENSHOTS")
    for name, address in addresses(measured.study).items():
        response = page.goto(looking.server + address)
        assert response is not None
        assert response.status == 200, address
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        asked.settle()
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{address} is {wide} px wider than the window"
        if keep:
            page.screenshot(path=Path(keep) / f"{name}-{theme}.png", full_page=True)
    asked.stop()


def test_the_login_page_is_shown_to_somebody_unknown(visitor: Visitors, measured: factories.Measured) -> None:
    page = visitor(None).open(reverse("study", args=[measured.study.slug]))
    expect(page.locator("input[type=password]")).to_be_visible()
