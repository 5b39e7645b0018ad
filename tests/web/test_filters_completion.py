"""What is offered while somebody types a filter, and to whom."""

import factories
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from frontier_app.filters import EVALUATION_FIELDS, RUN_FIELDS
from frontier_app.filters.completion import complete
from frontier_app.models import Checkpoint, Run

pytestmark = pytest.mark.django_db
ADDRESS = "/studies/miniature/filters/{}.json"


class Known:
    """Two values and two keys for whatever is asked."""

    def values_of(self, found, typed):
        return [one for one in ("low", "two words", "none") if typed.lower() in one]

    def keys_of(self, found):
        return [f"{found.name}_key", "learning_rate"]


def offered(text: str, fields=EVALUATION_FIELDS) -> list[str]:
    """What is offered at the mark |."""
    at = text.index("|")
    return [item.text for item in complete(text.replace("|", ""), at, fields, Known()).items]


def applied(text: str, item: str, fields=EVALUATION_FIELDS) -> str:
    at, text = text.index("|"), text.replace("|", "")
    found = complete(text, at, fields, Known())
    assert item in [one.text for one in found.items]
    return text[: found.start] + item + text[found.end :]


def test_names_are_offered_where_a_comparison_can_start():
    names = {one.name for one in EVALUATION_FIELDS if not one.keyed}
    for text in ("|", "(|", "not |", "alpha > 1 and |", "alpha > 1 or (|"):
        assert {one for one in offered(text) if not one.endswith(".")} == names
    assert offered("solv|") == ["solve_rate", "solve_rate."]
    assert offered("alpha > 1 no|")[0] == "no_answer_rate"


def test_after_a_name_the_operators_of_its_kind_are_offered():
    assert offered("alpha |") == ["!=", "=", "<", "<=", ">", ">=", "in (", "not in ("]
    assert offered("checkpoint |") == ["=", "!=", "~", "!~", "in (", "not in ("]
    assert offered("checkpoint n|") == ["not in ("]


def test_after_an_operator_values_are_offered_with_the_quotes_that_they_need():
    assert offered("checkpoint = |") == ["low", '"two words"', '"none"']
    assert offered('checkpoint = "tw|') == ['"two words"']
    assert offered("checkpoint in (low, |") == ["low", '"two words"', '"none"']
    assert offered("state = comp|") == ["complete"]
    assert offered("state = |") == ["planned", "running", "complete"]


def test_after_a_comparison_what_joins_it_to_the_next_is_offered():
    assert offered("alpha > 1 |")[:2] == ["and", "or"]
    assert offered("alpha > 1 a|")[:2] == ["and", "alpha"]
    assert offered("checkpoint in (low |") == [")", ","]
    assert offered("checkpoint in |") == ["("]


def test_keys_are_offered_after_the_dot():
    assert offered("config.|", RUN_FIELDS) == ["config.config_key", "config.learning_rate"]
    assert offered("config.rat|", RUN_FIELDS) == ["config.learning_rate"]


def test_what_is_taken_replaces_the_whole_word_around_the_cursor():
    assert applied("al|pha > 1", "alpha") == "alpha > 1"
    assert applied("checkpoint = lo|st and x", "low") == "checkpoint = low and x"
    assert applied('checkpoint = "tw|', '"two words"') == 'checkpoint = "two words"'


@pytest.mark.parametrize(
    "text", ["=|", ")) |", "'|", "in in (|", "not not |", "a" * 3000 + "|", "alpha in (((|", "\x00|"]
)
def test_nothing_breaks_where_nothing_can_be_offered(text):
    offered(text)


def ask(client, rows: str, q: str, at: int | None = None, **more: object):
    return client.get(ADDRESS.format(rows), {"q": q, "at": len(q) if at is None else at, **more})


def texts(response) -> list[str]:
    assert response.status_code == 200
    return [item["text"] for item in response.json()["items"]]


def test_values_are_those_of_the_study_and_of_no_other(client_of):
    factories.measured_study(problems=2, samples=2)
    other = factories.study("other", problems=5)
    factories.trained_run(other, "secret-run", 0.5)
    Run.objects.filter(study=other).update(config={"secret_key": "secret value"})
    client = client_of(factories.alice())

    assert texts(ask(client, "runs", "name = ")) == ["high", "low"]
    assert texts(ask(client, "runs", "name = secret")) == []
    assert texts(ask(client, "runs", "config.secret")) == []
    assert "config.learning_rate" in texts(ask(client, "runs", "config."))
    assert texts(ask(client, "runs", "config.learning_rate = ")) == ["0.00025"]
    assert texts(ask(client, "runs", "metric.")) == ["metric.reward"]
    assert texts(ask(client, "checkpoints", "run = ")) == ["high", "low"]
    assert texts(ask(client, "checkpoints", "seed = ")) == texts(ask(client, "evaluations", "seed in (")) == ["0"]
    assert texts(ask(client, "evaluations", "alpha in (")) == ["0", "0.5", "1"]
    assert texts(ask(client, "evaluations", "solve_rate.")) == ["solve_rate.easy", "solve_rate.medium"]
    assert texts(ask(client, "problems", "name = 001")) == ["001-squares"]
    assert texts(ask(client, "problems", "solve_rate.")) == ["solve_rate.0", "solve_rate.0.5", "solve_rate.1"]
    assert texts(ask(client, "samples", "problem = 000")) == ["000-squares"]
    assert texts(ask(client, "samples", "alpha = 0.")) == ["0.5"]
    assert texts(ask(client, "samples", "program = ")) == []
    assert texts(ask(client, "samples", "class = ")) == [
        "solved",
        "optimisation",
        "correctness",
        "no-answer",
        "infrastructure",
    ]


def test_a_mistake_is_told_with_its_place_and_carets(client_of):
    factories.study()
    client = client_of(factories.bob())

    error = ask(client, "runs", "seed > low").json()["error"]
    assert error["message"] == "seed is a number, and low is none."
    assert error["position"] == 7
    assert error["marked"] == "seed > low\n       ^^^"
    assert ask(client, "runs", "seed > 1").json()["error"] is None


def test_only_members_are_offered_anything(client_of):
    study = factories.study()
    assert ask(client_of(factories.vera()), "runs", "name = ").status_code == 200
    assert ask(client_of(factories.charlie()), "runs", "name = ").status_code == 404
    assert ask(client_of(None), "runs", "name = ").url.startswith("/login/")
    assert ask(client_of(factories.alice()), "users", "name = ").status_code == 404
    follower = client_of(None)
    follower.get(f"/share/{factories.link(study, view='runs').token}/")
    assert ask(follower, "runs", "name = ").status_code == 404


@pytest.mark.parametrize("at", ["", "-1", "x", "99999999999", "٣", "2"])
def test_a_cursor_that_is_nowhere_stands_at_the_end(client_of, at):
    factories.study(problems=1)
    assert ask(client_of(factories.alice()), "runs", "na", at).status_code == 200


def test_suggestions_cost_the_same_queries_for_few_rows_and_many(client_of):
    measured = factories.measured_study(problems=2, samples=2)
    client, counted = client_of(factories.alice()), []
    asked = [
        ("runs", "config.seed = "),
        ("checkpoints", "name = "),
        ("evaluations", "alpha = "),
        ("samples", "problem = "),
    ]
    for turn in "ab":
        with CaptureQueriesContext(connection) as captured:
            found = [texts(ask(client, rows, q)) for rows, q in asked]
        counted.append(len(captured))
        Checkpoint.objects.bulk_create(
            Checkpoint(reference=f"{turn}-{n}", name=f"bulk {n}", study=measured.study, origin="merged")
            for n in range(200)
        )
    assert counted[0] == counted[1]
    assert all(len(one) <= 30 for one in found)
