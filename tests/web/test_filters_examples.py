"""The filters that README and the pages give as examples are answered wherever they are offered."""

import html
import re
from pathlib import Path

import factories
import pytest
from django.conf import settings

from frontier_app.models import Evaluation

pytestmark = pytest.mark.django_db
STUDY = "/studies/miniature/"
PAGES = {
    "Runs": "runs/",
    "Checkpoints": "checkpoints/",
    "Lineage": "checkpoints/lineage/",
    "Evaluations": "evaluations/",
    "Frontiers": "explore/data.json",
    "Ensembles": "ensembles.json",
    "Problems": "problems/",
    "Samples": "failures/samples/",
}


@pytest.fixture
def alice(client_of):
    factories.measured_study(problems=4, samples=4, alphas=(0.0, 0.5, 1.0, 1.5))
    return client_of(factories.alice())


def examples() -> list[tuple[str, str]]:
    """(page, filter) of every row of README's table of filters."""
    readme = (Path(settings.PROJECT) / "README.md").read_text()
    table = readme.partition("| list | a filter |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", table, re.MULTILINE)
    return [
        (page, text)
        for pages, cell in rows
        if "---" not in pages
        for page in pages.split(", ")
        for text in re.findall(r"`(.+?)`", cell)
    ]


def ask(client, page: str, **query: str):
    evaluation = {"evaluation": Evaluation.objects.latest("pk").reference} if page == "Samples" else {}
    return client.get(STUDY + PAGES[page], query | evaluation)


def answered(client, page: str, text: str) -> None:
    response = ask(client, page, q=text)
    assert response.status_code == 200, (page, text)
    assert not (response.context or {}).get("filter_error"), (page, text)


def test_every_filter_in_the_readme_is_answered_by_the_lists_that_it_names(alice):
    found = examples()
    assert {page for page, _ in found} == PAGES.keys() - {"Lineage"}
    for page, text in found:
        answered(alice, page, text)


def test_the_examples_on_a_page_are_answered_there(alice):
    for page in PAGES.keys() - {"Frontiers", "Ensembles"}:
        text = ask(alice, page).content.decode()
        hints = re.findall(r'placeholder="Filter: ([^"]+)"', text)
        help_texts = re.findall(r'<p class="filter-examples"><code>(.+?)</code>', text)
        assert help_texts, page
        for example in hints + help_texts:
            answered(alice, page, html.unescape(example))
