"""Scripts get the figures that the pages draw, with the same rights, through the SDK."""

import factories
import httpx
import pytest
from django.test import Client as Browser
from django.urls import reverse

from compute.client import Client, ClientError

pytestmark = pytest.mark.django_db
PAGES = {
    "study": ("study_data", {"difficulty": "hard", "level": "3"}),
    "explore": ("explore_data", {"difficulty": "hard"}),
    "failures": ("failures_grid", {"rule": "first_failure"}),
    "ensembles": ("ensembles_json", {"members": "miniature.low,miniature.high", "k": "4", "difficulty": "all"}),
}


class InProcess(httpx.BaseTransport):
    """Carries the SDK's requests to the application in this process."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {"Authorization": request.headers["Authorization"]}
        answer = Browser().generic(request.method, request.url.raw_path.decode(), headers=headers)
        return httpx.Response(answer.status_code, content=answer.content)


def client(user: object) -> Client:
    return Client("http://testserver", factories.api_token(user), transport=InProcess())


@pytest.fixture(autouse=True)
def measured() -> factories.Measured:
    return factories.measured_study(problems=8)


@pytest.mark.parametrize("view", PAGES)
def test_a_script_gets_the_json_of_the_page(view: str, client_of) -> None:
    route, query = PAGES[view]
    page = client_of(factories.vera()).get(reverse(route, args=["miniature"]), query)
    assert page.status_code == 200
    assert client(factories.vera()).figure_data("miniature", view, **query) == page.json()


def test_frontier_and_ensembles_have_methods_of_their_own() -> None:
    bob = client(factories.bob())
    assert bob.frontier("miniature", difficulty="easy")["figures"]["frontier"]["data"]
    found = bob.ensembles("miniature", members="miniature.low,miniature.high", k=2)
    assert found["k"] == 2
    assert found["figures"]["curves"]["table"][0][:2] == ["line", "k"]


def test_a_refusal_keeps_the_sentence_of_the_page() -> None:
    with pytest.raises(ClientError, match="at least 3 samples") as refused:
        client(factories.alice()).ensembles("miniature", search=3, at=2)
    assert refused.value.status == 400
    with pytest.raises(ClientError, match="no figures of 'weather'"):
        client(factories.alice()).figure_data("miniature", "weather")
    with pytest.raises(ClientError, match="must name: problem"):
        client(factories.alice()).figure_data("miniature", "problem")


def test_a_stranger_and_a_link_to_another_view_get_nothing(measured: factories.Measured) -> None:
    with pytest.raises(ClientError) as refused:
        client(factories.charlie()).frontier("miniature")
    assert refused.value.status == 404
    assert Browser().get("/api/studies/miniature/figures/study").status_code == 401
    token = factories.link(measured.study).token
    answers = {
        view: Browser().get(f"/api/studies/miniature/figures/{view}?share={token}").status_code for view in PAGES
    }
    assert [view for view, status in answers.items() if status == 200] in (["study"], [])
    assert set(answers.values()) <= {200, 401, 403, 404}
