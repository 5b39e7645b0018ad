"""The command palette finds by name what the person may open, a few of each kind, at a constant cost."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from frontier_app import palette
from frontier_app.sharing import reports
from tests import factories


@pytest.fixture
def study(db):
    return factories.measured_study(problems=4, samples=2, alphas=(0.0, 1.0)).study


def find(client, words: str, slug: str = "miniature") -> list[tuple[str, str]]:
    address = reverse("study_palette", args=[slug]) if slug else reverse("palette")
    return [(item["kind"], item["name"]) for item in client.get(address, {"q": words}).json()["items"]]


def test_things_are_found_by_part_of_their_name_and_open(client_of, study):
    reports.create(study, factories.alice(), "Low end", "text")
    client = client_of(factories.vera())
    assert ("problem", "002-squares") in find(client, "02-sq")
    found = find(client, "LOW")
    assert {("checkpoint", "low"), ("run", "low"), ("report", "Low end")} <= set(found)
    items = client.get(reverse("study_palette", args=[study.slug]), {"q": "low"}).json()["items"]
    assert [client_of(factories.alice()).get(item["address"]).status_code for item in items] == [200] * len(items)


def test_names_that_begin_so_come_first(client_of, study):
    factories.checkpoint(study, "a-high-one")
    found = [name for kind, name in find(client_of(factories.bob()), "high") if kind == "checkpoint"]
    assert found[:2] == ["high", "a-high-one"]


def test_without_words_the_studies_of_the_person_are_there(client_of, study):
    assert find(client_of(factories.bob()), "") == [("study", study.title)]
    assert find(client_of(factories.bob()), "", slug="") == [("study", study.title)]
    assert find(client_of(factories.charlie()), "", slug="") == []


def test_nobody_finds_in_a_study_that_is_not_theirs(client_of, study):
    address = reverse("study_palette", args=[study.slug])
    assert client_of(factories.charlie()).get(address, {"q": "low"}).status_code == 404
    for nobodys in (address, reverse("palette")):
        assert client_of(None).get(nobodys).headers["Location"].startswith(reverse("login"))
    visitor = client_of(None)
    visitor.get(reverse("share", args=[factories.link(study).token]))
    for out_of_reach in (address, reverse("palette")):
        answer = visitor.get(out_of_reach, {"q": "low"})
        assert answer.status_code == 404 or answer.headers["Location"].startswith(reverse("login"))


@pytest.mark.parametrize("words", ["%", "_", "\\", "'; drop", "a" * 5000, "=x", "(("])
def test_any_words_may_be_looked_for(client_of, study, words):
    assert find(client_of(factories.bob()), words) == []


def test_the_search_is_bounded_and_costs_the_same_at_any_size(client_of, study):
    client = client_of(factories.bob())

    def queries() -> int:
        with CaptureQueriesContext(connection) as counted:
            assert len(find(client, "merge")) <= palette.EACH_AT_MOST * 5
        return len(counted)

    factories.checkpoint(study, "merge 0")
    queries()
    few = queries()
    for number in range(1, 40):
        factories.checkpoint(study, f"merge {number}")
    assert queries() == few
