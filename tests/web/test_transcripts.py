"""Transcripts: how they are cut into turns, who reads them, what the list, the evaluation and the API say of them."""

from urllib.parse import urlencode

import factories
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from compute.rollout.transcript import ENDS, CallRecord, Step, Transcript
from frontier_app.models import Evaluation, Sample
from frontier_app.numbers.failures.transcripts import shown
from frontier_app.numbers.turns import how_they_ended

pytestmark = pytest.mark.django_db
ADDRESS = "/studies/miniature/failures/samples/"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x00"


@pytest.fixture
def measured():
    return factories.study_in_settings()


def in_setting(measured, setting: str) -> Evaluation:
    return next(one for one in measured.evaluations if one.setting == setting)


def key_of(sample: Sample) -> str:
    return f"{sample.problem.slug}:{sample.index}"


def page_of(client, evaluation, status=200, **query):
    response = client.get(f"{ADDRESS}?{urlencode({'evaluation': evaluation.reference, **query})}")
    assert response.status_code == status
    return response


def assistant(text: str = "", *calls: CallRecord, **more: object) -> Step:
    return Step(role="assistant", text=text, calls=calls, tokens=7, finish="stop", **more)


def record(*steps: Step, ended: str = "answered") -> Transcript:
    return Transcript(setting="tools", ended=ended, steps=(*factories.OPENING, *steps))


# From a record to turns -----------------------------------------------------------------------------------------------


def test_each_of_the_policys_messages_begins_a_turn_and_what_came_before_is_the_opening():
    found = shown(factories.tools_transcript("print(9)\n"))
    assert [role for role, _ in found.opening] == ["system", "user"]
    assert [turn.number for turn in found.turns] == [1, 2, 3]
    assert [turn.turns_left for turn in found.turns] == [15, 14, None]
    assert found.tokens == 41
    assert found.why == "It gave its answer."


def test_calls_stand_beside_what_each_returned():
    first, second = (CallRecord(name="python", arguments={"code": f"print({n})"}) for n in (1, 2))
    refused = CallRecord(name="python", arguments={"code": "1"}, problem="too many calls at once")
    answers = [Step(role="tool", text=text, tool="python") for text in ("1\n", "2\n", "Error.\n")]
    (turn,) = shown(record(assistant("", first, second, refused), *answers)).turns
    assert [(one.call.blocks[0].text, one.returned.text.text) for one in turn.exchanges] == [
        ("print(1)", "1\n"), ("print(2)", "2\n"), ("1", "Error.\n"),
    ]  # fmt: skip
    assert turn.trouble == "a call was not run"


def test_a_call_without_an_answer_stands_alone():
    (turn,) = shown(record(assistant("", factories.LAST_CALL))).turns
    assert [(one.call.name, one.returned) for one in turn.exchanges] == [("submit", None)]
    assert (turn.trouble, turn.in_words) == ("", "turn 1: submit")


def test_code_and_whatever_has_several_lines_is_a_block_and_the_rest_stands_in_the_line():
    call = CallRecord(name="edit", arguments={"path": "main.py", "old": "a", "new": "b", "count": 2, "note": "x\ny"})
    (turn,) = shown(record(assistant("", call))).turns
    edited = turn.exchanges[0].call
    assert [(one.name, one.text) for one in edited.inline] == [("path", "main.py"), ("count", "2")]
    assert [one.name for one in edited.blocks] == ["old", "new", "note"]


def test_fenced_code_is_parted_from_prose_even_where_the_fence_is_never_closed():
    text = "First\n\n```python\nprint(1)\n\nprint(2)\n```\nthen\n```\nthe end is cut"
    (turn,) = shown(record(assistant(text))).turns
    assert [(one.is_code, one.text) for one in turn.said] == [
        (False, "First"), (True, "print(1)\n\nprint(2)"), (False, "then"), (True, "the end is cut"),
    ]  # fmt: skip


def test_a_fence_may_be_closed_on_the_last_line_of_its_code():
    (turn,) = shown(record(assistant("```python\nprint('``')\nprint(1)```"))).turns
    assert [(one.is_code, one.text) for one in turn.said] == [(True, "print('``')\nprint(1)")]


def test_long_outputs_are_folded_and_say_how_long_they_are():
    many = Step(role="tool", text="".join(f"line {n}\n" for n in range(500)), tool="python", ended="exit status 1")
    call = CallRecord(name="python", arguments={"code": "1"})
    (turn,) = shown(record(assistant("", call), many)).turns
    text = turn.exchanges[0].returned.text
    assert (text.folded, text.lines, text.first_line) == (True, 500, "line 0")
    assert turn.trouble == "exit status 1"


# The page of a sample -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["tools", "agentic"])
def test_a_sample_opens_with_its_transcript(client_of, measured, setting):
    evaluation = in_setting(measured, setting)
    sample = evaluation.samples.select_related("problem", "transcript").exclude(program=None).first()
    page = page_of(client_of(factories.vera()), evaluation, sample=key_of(sample)).content.decode()
    assert ENDS[sample.transcript.ended] in page
    assert page.count('class="turn"') == 3
    assert 'id="turn-3"' in page
    assert '<details class="opening" id="opening">' in page
    told = {"tools": ["python returned", "NameError", "left: 15 turns, 4"], "agentic": ["exit status 1", "submit"]}
    for words in told[setting]:
        assert words in page


def test_a_sample_of_a_single_turn_has_none(client_of, measured):
    evaluation = measured.study.evaluations.filter(setting="reasoning", alpha=0).get()
    sample = evaluation.samples.select_related("problem").first()
    page = page_of(client_of(factories.alice()), evaluation, sample=key_of(sample)).content.decode()
    assert 'id="transcript"' not in page
    assert "<th>ended</th>" not in page_of(client_of(factories.alice()), evaluation).content.decode()


def test_whatever_a_policy_or_a_tool_wrote_is_text(client_of, measured):
    evaluation = in_setting(measured, "tools")
    sample = evaluation.samples.select_related("problem").first()
    call = CallRecord(name=HOSTILE, arguments={"code": HOSTILE, HOSTILE: HOSTILE}, problem=HOSTILE)
    broken = Step(role="tool", text=HOSTILE, tool=HOSTILE, ended=HOSTILE)
    opening = Step(role="user", text=HOSTILE)
    said = assistant(f"{HOSTILE}\n```{HOSTILE}\n{HOSTILE}\n```", call)
    factories.give_transcript(
        sample, Transcript(setting="tools", ended="answered", steps=(opening, said, broken, said, broken))
    )
    page = page_of(client_of(factories.alice()), evaluation, sample=key_of(sample)).content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\x00" not in page


def test_a_cut_off_turn_and_a_call_that_was_not_run_say_so(client_of, measured):
    evaluation = in_setting(measured, "tools")
    sample = evaluation.samples.select_related("problem").first()
    cut = Step(role="assistant", text="and then", tokens=160, finish="length")
    call = CallRecord(name="", problem="this call cannot be read: its JSON is broken")
    factories.give_transcript(
        sample, record(assistant("", call), Step(role="user", text="Error."), cut, ended="cut off")
    )
    page = page_of(client_of(factories.alice()), evaluation, sample=key_of(sample)).content.decode()
    assert "not run: this call cannot be read: its JSON is broken" in page
    assert "unreadable call" in page
    assert page.count(">cut off</span>") == 1


# The list, its filter and its file ------------------------------------------------------------------------------------


def test_the_list_shows_turns_and_offers_the_ends_that_occur(client_of, measured):
    evaluation = in_setting(measured, "agentic")
    first, *rest = evaluation.samples.select_related("problem").order_by("pk")
    for one in rest:
        factories.give_transcript(one, factories.agentic_transcript("print(1)\n"))
    factories.give_transcript(first, factories.agentic_transcript(None))
    client = client_of(factories.alice())
    page = page_of(client, evaluation)
    assert page.context["ends"] == {"submitted": len(rest), "out of turns": 1}
    assert "<th>ended</th>" in page.content.decode()
    left = page_of(client, evaluation, ended="out of turns")
    assert [row["line"].sample.pk for row in left.context["rows"]] == [first.pk]
    others = page_of(client, evaluation, q="turns = 3 and ended = submitted")
    assert [row["line"].sample.pk for row in others.context["rows"]] == [one.pk for one in rest]
    refused = page_of(client, evaluation, 422, ended="by magic")
    assert "An answer is one of" in refused.content.decode()


def test_the_list_costs_as_many_queries_for_many_transcripts_as_for_one(client_of, measured):
    client, evaluation = client_of(factories.alice()), in_setting(measured, "agentic")

    def queries(**query):
        with CaptureQueriesContext(connection) as seen:
            page_of(client, evaluation, **query)
        assert not any('"frontier_app_transcript"."text"' in one["sql"] for one in seen)
        return len(seen)

    queries()
    assert queries() == queries(q="index = 0")


def test_the_file_of_samples_names_transcripts_where_there_are_turns(client_of, measured):
    client = client_of(factories.vera())
    head, *lines = page_of(client, in_setting(measured, "tools"), format="csv").content.decode().splitlines()
    assert head.split(",")[-4:] == ["turns", "calls", "ended", "transcript"]
    assert lines[0].split(",")[-4:-1] == ["3", "1", "answered"]
    plain = measured.study.evaluations.filter(setting="reasoning").first()
    assert "turns" not in page_of(client, plain, format="csv").content.decode().splitlines()[0]


# Rights ---------------------------------------------------------------------------------------------------------------


def test_who_may_not_read_programs_gets_no_transcript(client_of, measured):
    evaluation = in_setting(measured, "agentic")
    sample = evaluation.samples.select_related("problem").first()
    query = {"sample": key_of(sample)}
    for member in (factories.alice(), factories.bob(), factories.vera()):
        assert 'id="transcript"' in page_of(client_of(member), evaluation, **query).content.decode()
    page_of(client_of(factories.charlie()), evaluation, 404, **query)
    for allowed in (False, True):
        page_of(factories.reader(measured.study, allow_programs=allowed), evaluation, 404, **query)


def test_a_link_to_an_evaluation_tells_how_answers_ended_and_quotes_none(measured):
    evaluation = in_setting(measured, "agentic")
    reader = factories.reader(measured.study, "evaluation", f"@reference={evaluation.reference}")
    page = reader.get(f"/studies/miniature/evaluations/{evaluation.reference}/").content.decode()
    assert "How answers ended" in page
    assert "/failures/samples/" not in page
    assert "I write a file" not in page


# The evaluation -------------------------------------------------------------------------------------------------------


def test_an_evaluation_says_how_its_answers_ended(client_of, measured):
    evaluation = in_setting(measured, "agentic")
    samples = list(evaluation.samples.select_related("problem").order_by("problem", "index"))
    longer = Transcript(setting="agentic", ended="out of turns", steps=(*factories.OPENING, *[assistant("?")] * 5))
    for one in samples:
        factories.give_transcript(
            one, longer if one.problem.difficulty == "easy" else factories.agentic_transcript("print(1)\n")
        )
    with CaptureQueriesContext(connection) as seen:
        found = how_they_ended(evaluation)
    assert len(seen) == 1
    assert found.ends == {"submitted": 6, "out of turns": 2}
    easy, whole = found.lines[0], found.lines[-1]
    assert (easy.difficulty, easy.turns.rate, easy.calls.rate, easy.ends["out of turns"].rate) == ("easy", 5, 0, 1)
    assert (whole.n, whole.problems, whole.turns.rate, whole.calls.rate) == (8, 4, 3.5, 2.25)
    assert whole.ends["submitted"].rate == 0.75
    page = client_of(factories.vera()).get(f"/studies/miniature/evaluations/{evaluation.reference}/").content.decode()
    assert "It used all its turns." in page
    assert f"evaluation={evaluation.reference}&amp;ended=out%20of%20turns" in page


def test_every_problem_weighs_the_same_however_many_samples_it_has(measured):
    evaluation = in_setting(measured, "agentic")
    Sample.objects.filter(evaluation=evaluation, index=1).exclude(problem__difficulty="easy").delete()
    ends = {"easy": "submitted"}
    for one in evaluation.samples.select_related("problem"):
        ended = ends.get(one.problem.difficulty, "out of turns")
        factories.give_transcript(one, Transcript(setting="agentic", ended=ended, steps=(assistant(),)))
    found = how_they_ended(evaluation)
    assert found.ends == {"submitted": 2, "out of turns": 3}
    assert found.lines[-1].ends["submitted"].rate == 0.25


def test_an_evaluation_of_a_single_turn_has_no_such_part_and_asks_nothing(client_of, measured):
    evaluation = measured.study.evaluations.filter(setting="reasoning").first()
    with CaptureQueriesContext(connection) as seen:
        assert how_they_ended(evaluation).lines == []
    assert not seen.captured_queries
    page = client_of(factories.alice()).get(f"/studies/miniature/evaluations/{evaluation.reference}/").content.decode()
    assert "How answers ended" not in page


# Across settings ------------------------------------------------------------------------------------------------------


def read(client_of, name: str, *parts: str, **query: str) -> dict:
    address = reverse(name, args=["miniature", *parts])
    response = client_of(factories.bob()).get(f"{address}?{urlencode(query)}")
    assert response.status_code == 200, response.content.decode()[-400:]
    return response.json()


@pytest.mark.parametrize("setting", ["tools", "agentic"])
def test_every_view_shows_the_evaluations_of_its_setting(client_of, measured, setting):
    own = {one.reference for one in measured.evaluations if one.setting == setting}
    study = read(client_of, "study_data", setting=setting)
    assert {one["reference"] for one in study["evaluations"] if one["alpha"] is not None} == own
    assert {one["signs"]["mean_turns"] for one in study["evaluations"] if one["alpha"] is not None} == {3.0}
    assert {one["reference"] for one in read(client_of, "failures_grid", setting=setting)["columns"]} == own
    members = read(client_of, "ensembles_json", setting=setting)
    assert members["setting"] == setting


def test_frontiers_stand_side_by_side_by_setting_and_each_gap_launches_in_its_own(client_of, measured):
    panels = read(client_of, "explore_data", by="setting")["panels"]
    assert [one["title"] for one in panels] == ["reasoning", "tools", "agentic"]
    for panel in panels:
        (gaps,) = [one for one in panel["figure"]["data"] if one.get("meta", {}).get("gaps")]
        assert {one["setting"] for one in gaps["customdata"]} == {panel["title"]}
        address = reverse("launch", args=["miniature", "sweep"])
        form = client_of(factories.bob()).get(address, gaps["customdata"][0]).context["form"]
        assert form["setting"].value() == panel["title"]


def test_two_settings_of_the_same_weights_are_compared(client_of, measured):
    tools, agentic = (in_setting(measured, name) for name in ("tools", "agentic"))
    query = {"a": tools.reference, "b": agentic.reference}
    page = client_of(factories.vera()).get(reverse("compare", args=["miniature"]), query).content.decode()
    assert "a · 0 · tools" in page
    assert "b · 0 · agentic" in page
    one = client_of(factories.vera()).get(reverse("evaluation", args=["miniature", agentic.reference])).content.decode()
    assert f"?a={tools.reference}&amp;b={agentic.reference}" in one
