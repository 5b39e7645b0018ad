"""What hostile addresses, bodies and event lines must not do: no traceback, no number bent on its way to a row, nothing
written that belongs to somebody else, no text that becomes markup."""

import hashlib
import io
import json
from pathlib import Path as FilePath

import factories
import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.test import Client

from compute.errors import ConfigError
from compute.events import (
    MAX_LINE_BYTES,
    CheckpointWritten,
    Failed,
    Finished,
    Log,
    Metric,
    Progress,
    SampleRecord,
    Samples,
    parse_event,
)
from frontier_app import asgi
from frontier_app.asgi import BoundedBodies
from frontier_app.consumers import LiveConsumer
from frontier_app.ingest import ingest
from frontier_app.jobs.log import READ_BYTES, JobLog
from frontier_app.jobs.stream import EventStream
from frontier_app.models import Checkpoint, Evaluation, Job, MetricPoint, Problem, Program, Run, Sample

pytestmark = pytest.mark.django_db
MARKUP = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\""


@pytest.fixture
def measured() -> factories.Measured:
    return factories.measured_study(problems=2, samples=2, alphas=(0.0, 1.0))


def api(user: object) -> Client:
    return Client(headers={"Authorization": f"Bearer {factories.api_token(user)}"})


def post(client: Client, path: str, body: object) -> tuple[int, str]:
    answer = client.post(f"/api/{path}", json.dumps(body), content_type="application/json")
    return answer.status_code, answer.content.decode()


def sample_line(**values: object) -> str:
    record = {
        "problem": "000-squares", "index": 0, "letters": "A" * 10, "cpu_seconds": 0.1, "memory_bytes": 1, "tokens": 1,
        "program": None,
    }  # fmt: skip
    return json.dumps({"type": "samples", "sequence": 0, "evaluation": "e", "samples": [record | values]})


# Addresses and forms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "/jobs/?q=%00",
        "/jobs/%00/",
        "/share/%00/",
        "/login/once/%00/",
        "/studies/miniature/problems/?q=a%00",
        "/studies/miniature/problems/%00/",
        "/studies/miniature/explorer.json?setting=%00",
        "/studies/miniature/programs.json?problem=%00",
        "/studies/miniature/launch/sweep/?low=%00",
        "/studies/miniature/explorer.json?level=" + "9" * 5000,
        "/api/studies/%00",
        "/api/studies?share=%00",
    ],
)
def test_an_address_that_no_row_can_have_is_a_bad_request(client_of, measured, address):
    assert client_of(factories.alice()).get(address).status_code == 400


def test_an_unknown_part_of_a_page_is_answered_with_the_page(client_of, measured):
    headers = {"HX-Request": "true", "HX-Target": "program"}
    page = client_of(factories.alice()).get("/studies/miniature/problems/000-squares/", headers=headers)
    assert page.status_code == 200


def test_a_seed_that_no_row_can_hold_is_refused_beside_its_field(client_of, measured):
    assert client_of(factories.alice()).get(f"/studies/miniature/launch/train/?seeds={2**31}").status_code == 200
    status, text = post(api(factories.alice()), "studies/miniature/train", {"coverages": [0.5], "seeds": [2**31]})
    assert (status, "seeds" in text) == (422, True)
    status, _ = post(api(factories.alice()), "studies/miniature/train", {"coverages": [0.5], "steps": 10**30})
    assert status == 422


def test_a_hundred_thousand_runs_are_not_launched_at_once(measured):
    before = Job.objects.count()
    status, text = post(
        api(factories.alice()), "studies/miniature/train", {"coverages": [1], "seeds": [*range(100_000)]}
    )
    assert (status, "At most 200 runs" in text) == (422, True)
    assert Job.objects.count() == before


def test_a_name_that_no_row_can_have_is_refused_by_the_api(measured):
    body = {"low": "\x00", "high": "miniature.high", "alphas": [0.5]}
    assert post(api(factories.alice()), "studies/miniature/sweep", body)[0] == 422


def test_a_topic_that_no_row_can_have_is_refused_by_the_websocket(measured):
    alice = factories.alice()

    async def follow() -> int:
        scope = {"type": "websocket", "query_string": b"topics=study:%00,job:%00", "user": alice, "session": {}}
        page = ApplicationCommunicator(LiveConsumer.as_asgi(), scope)
        await page.send_input({"type": "websocket.connect"})
        await page.receive_output(timeout=5)
        return (await page.receive_output(timeout=5))["code"]

    assert async_to_sync(follow)() == 4403


def test_a_body_that_is_too_large_is_refused_before_it_is_kept():
    kept = []

    async def keep(scope, receive, send):
        while (message := await receive())["more_body"]:
            kept.append(len(message["body"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def ask(application, path: str, megabytes: int, announced: bytes | None) -> int:
        headers = [(b"content-length", announced)] if announced is not None else []
        page = ApplicationCommunicator(
            application, {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
        )
        for left in reversed(range(megabytes + 1)):
            await page.send_input({"type": "http.request", "body": b"x" * (1 << 20), "more_body": left > 0})
        return (await page.receive_output(timeout=5))["status"]

    play, events = async_to_sync(ask), "/api/jobs/train-1/events"
    bounded = BoundedBodies(keep)
    assert [play(bounded, path, 7, b"8388608") for path in ("/login/", events)] == [200, 200]
    assert (play(bounded, "/login/", 12, None), len(kept)) == (413, 7 + 7 + 8)
    assert play(bounded, events, 12, None) == 200
    for path, announced in (("/login/", b"8388609"), (events, b"67108865"), ("/login/", b"9" * 5000)):
        assert play(asgi.application, path, 0, announced) == 413


# Event lines ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {"index": 2**31},
        {"index": 2**32 + 5},
        {"tokens": 2**31},
        {"memory_bytes": 2**63},
        {"cpu_seconds": 1e308},
        {"cpu_seconds": float("inf")},
        {"log_likelihood": float("-inf")},
        {"test_cpu_seconds": [-1.0]},
        {"test_cpu_seconds": [1e300]},
        {"test_cpu_seconds": [float("nan")]},
        {"program": "a" * 100},
        {"program": "é" * 64},
        {"program": "\x00" * 64},
        {"letters": "A" * 9 + "\n"},
    ],
)
def test_a_number_or_name_that_would_be_bent_on_its_way_to_a_row_is_no_event(values):
    with pytest.raises(ConfigError, match="Not an event"):
        parse_event(sample_line(**values))


@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "log", "line": "\\ud800"}',
        b'{"type": "log", "line": "\xff"}',
        b'{"type": "log", "line": "x", "sequence": 1e400}',
        b"[" * 100_000,
        b'{"type": "finished", "summary": ' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}",
        b'{"type": "finished", "summary": {"a": ' + b"9" * 5000 + b"}}",
    ],
)
def test_json_that_python_could_not_carry_on_is_no_event(line):
    with pytest.raises(ConfigError, match="Not an event"):
        parse_event(line)


def test_one_impossible_event_alone_is_refused_and_the_job_goes_on():
    job = factories.hold(factories.queued())
    for event in (Progress(sequence=0, stage="\x00", done=1, total=1, unit="x"), Log(sequence=2**70, line="x")):
        outcome = ingest(job, job.token, [event])
        assert (outcome.state, len(outcome.log), outcome.log[0][:7]) == ("running", 1, "Refused")


@pytest.mark.parametrize(
    ("end", "kept"),
    [
        (Finished(sequence=0, summary={"a\x00": ["b\x00", float("inf")]}), ("succeeded", {"a␀": ["b␀", None]}, "")),
        (Failed(sequence=0, error_kind="config", message="'\x00' is no folder."), ("failed", {}, "'␀' is no folder.")),
    ],
)
def test_the_end_of_a_job_is_not_lost_for_a_character_in_its_last_words(end, kept):
    job = factories.hold(factories.queued())
    ingest(job, job.token, [end])
    job.refresh_from_db()
    assert (job.state, job.summary, job.error) == kept


def test_metric_names_that_are_cut_to_the_same_name_are_one_figure():
    study = factories.study(problems=1)
    run = Run.objects.get(reference="miniature.low")
    job = factories.hold(factories.queued(study))
    ingest(job, job.token, [Metric(sequence=0, run=run.reference, step=9, values={"x" * 65: 1.0, "x" * 66: 2.0})])
    assert MetricPoint.objects.get(run=run, step=9).value == 2.0


def test_a_figure_near_the_largest_number_leaves_the_curves_readable(client_of, measured):
    for step, value in ((1, 1.7e308), (2, -1.7e308)):
        MetricPoint.objects.create(run=Run.objects.get(reference="miniature.low"), step=step, name="loss", value=value)
    text = client_of(factories.alice()).get("/studies/miniature/runs/curves.json").content
    assert b"Infinity" not in text
    assert b"NaN" not in text


def test_a_program_with_a_null_character_is_stored_readably():
    study = factories.study(problems=1)
    evaluation = factories.planned_evaluation(study, study.base, samples=1)
    text = "print(1)\x00"
    name = hashlib.sha256(text.encode()).hexdigest()
    record = SampleRecord(
        problem="000-squares", index=0, letters="C" * 10, cpu_seconds=0, memory_bytes=0, tokens=1, program=name
    )
    factories.tell(
        factories.hold(evaluation.job),
        Samples(evaluation=evaluation.reference, samples=(record,), programs={name: text}),
    )
    assert Program.objects.get(pk=name).text == "print(1)␀"


def test_a_line_that_is_too_long_is_refused_once_and_no_part_of_it_passes_for_an_event():
    forged = b'{"type": "finished", "sequence": 9}'
    data = b"x" * (MAX_LINE_BYTES + 1) + forged + b'\n\xff\xfe\n{"type": "log", "sequence": 0, "line": "true"}\n'
    batches = list(EventStream(io.BytesIO(data), "a flood").batches(5))
    assert [event.type for batch in batches for event in batch.events] == ["log"]
    assert len([sentence for batch in batches for sentence in batch.refused]) == 2


def test_the_last_words_of_a_job_that_flooded_its_log_are_shown():
    job = factories.hold(factories.queued())
    log = JobLog(job)
    log.write("noise\x00" * (3 * READ_BYTES // 6), "the last words")
    log.follow()
    log.follow(last=True)
    job.refresh_from_db()
    assert job.log_tail.endswith("\nthe last words\n")


# What is not theirs ---------------------------------------------------------------------------------------------------


def test_a_job_cannot_replace_the_weights_that_another_job_wrote():
    study = factories.study(problems=1)
    before = Checkpoint.objects.get(reference="miniature.low")
    job = factories.hold(factories.queued(study))
    stolen = CheckpointWritten(
        sequence=0, checkpoint="miniature.low", origin="merged", folder="/elsewhere", sha256="f" * 64, size_bytes=1
    )
    log = ingest(job, job.token, [stolen]).log
    after = Checkpoint.objects.get(reference="miniature.low")
    assert "was written by another job" in log[0]
    assert (after.folder, after.sha256, after.origin) == (before.folder, before.sha256, before.origin)


def test_a_run_elsewhere_names_no_weights_of_another_study(tmp_path):
    study, kept = factories.study(problems=1), FilePath(settings.FRONTIER_HOME) / "checkpoints"
    job = factories.hold(factories.queued(study))
    Job.objects.filter(pk=job.pk).update(remote=True)
    (tmp_path / "link").symlink_to(kept / "other")

    def written(folder: object) -> list[str]:
        said = CheckpointWritten(
            checkpoint="miniature.new", origin="trained", folder=str(folder), sha256="f" * 64, size_bytes=1
        )
        return ingest(job, job.token, [said]).log

    own = kept / study.slug
    for folder in (kept / "other" / "a", own / ".." / "other" / "a", tmp_path / "link" / "a", own, kept, f"{own}-2/a"):
        assert "belongs to another study" in written(folder)[0], folder
    for folder in ("", "a/b", "/a\x00b"):
        assert "no whole path" in written(folder)[0], folder
    assert not Checkpoint.objects.filter(reference="miniature.new").exists()
    for folder in (own / "new", "/far/away"):
        assert written(folder) == []
        assert Checkpoint.objects.get(reference="miniature.new").folder == str(folder)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "checkpoint", "checkpoint": "a", "origin": "base", "folder": "/a", "sha256": "", "size_bytes": 1},
        {
            "type": "checkpoint",
            "checkpoint": "a",
            "origin": "base",
            "folder": "/a",
            "sha256": "F" * 64,
            "size_bytes": 1,
        },
        {"type": "metric", "run": "a", "step": 1, "values": {f"figure {n}": 0.0 for n in range(201)}},
    ],
)
def test_weights_without_a_hash_and_a_flood_of_figures_are_no_events(event):
    with pytest.raises(ConfigError, match="Not an event"):
        parse_event(json.dumps({"sequence": 0} | event))


def test_a_strangers_token_neither_claims_nor_feeds_a_job_and_a_members_feeds_only_its_own(measured):
    bob, charlie = api(factories.bob()), api(factories.charlie())
    launched = post(bob, "studies/miniature/evaluate", {"checkpoint": "miniature.base", "samples": 3, "remote": True})
    reference = json.loads(launched[1])["jobs"][0]["reference"]
    token = json.loads(post(bob, f"jobs/{reference}/claim", {})[1])["token"]
    other = Evaluation.objects.exclude(job__reference=reference).first()
    feed = f"jobs/{reference}/events?token={token}"
    alien = {"type": "evaluation_finished", "sequence": 0, "evaluation": other.reference, "alarms": {"no": 1.0}}

    for path in (
        f"jobs/{reference}/claim",
        f"jobs/{reference}/cancel",
        f"jobs/{reference}/heartbeat?token={token}",
        feed,
    ):
        assert post(charlie, path, alien)[0] == 404
    assert post(bob, feed.replace(f"={token}", f"={token + 1}"), alien)[0] == 409
    assert post(bob, feed.replace(f"={token}", f"={10**30}"), alien)[0] == 409
    assert post(bob, feed, alien)[0] == 200
    assert Evaluation.objects.get(pk=other.pk).alarms == other.alarms


def test_hidden_tests_are_in_no_answer_to_anybody(client_of, measured):
    problem = Problem.objects.filter(problem_set=measured.study.held_out_set).first()
    hidden = [
        test | {"public": False, "input_text": "hidden-bytes", "output_text": "hidden-bytes"} for test in problem.tests
    ]
    Problem.objects.update(tests=hidden)
    at = f"@problem={problem.slug}"
    pages = {
        "explorer.json": ("study", ""),
        f"programs.json?problem={problem.slug}": ("study", ""),
        "problems/": ("problems", ""),
        f"problems/{problem.slug}/": ("problem", at),
        f"problems/{problem.slug}/sizes.json": ("problem", at),
    }
    for page, (view, query) in pages.items():
        reader = factories.reader(measured.study, view, query, allow_programs=True)
        for client in (reader, client_of(factories.alice())):
            answer = client.get(f"/studies/miniature/{page}")
            assert answer.status_code == 200, page
            assert b"hidden-bytes" not in answer.content


# Text -----------------------------------------------------------------------------------------------------------------


def test_no_text_becomes_markup(client_of, measured):
    study, job = measured.study, measured.evaluations[0].job
    type(study).objects.update(title=MARKUP, question=MARKUP)
    Job.objects.update(title=MARKUP, stage=MARKUP, worker=MARKUP, error=MARKUP, log_tail=MARKUP, unit=MARKUP[:20])
    tests = [test | {"input_text": MARKUP, "output_text": MARKUP} for test in Problem.objects.first().tests]
    Problem.objects.update(title=MARKUP, statement=MARKUP, tests=tests)
    Checkpoint.objects.update(name=MARKUP)
    Run.objects.update(name=MARKUP)
    Program.objects.update(text=MARKUP)
    MetricPoint.objects.filter(step=1).update(name=MARKUP[:64])
    Evaluation.objects.update(alarms={MARKUP: 1.0})
    program = Sample.objects.exclude(program=None).first().program_id
    factories.audit(study)
    marked = Problem.objects.exclude(audit={}).first()
    entry = marked.audit["programs"][0] | {"name": MARKUP, "language": MARKUP, "judged": MARKUP, "unstable": [MARKUP]}
    Problem.objects.exclude(audit={}).update(
        audit=marked.audit | {"programs": [entry], "marks": [MARKUP, "unstable"]},
        checker=MARKUP, limit_source=MARKUP, level_names=[MARKUP],
    )  # fmt: skip
    figures = study.held_out_set.audit | {"marks": {MARKUP: 1}, "isolation": MARKUP}
    type(study.held_out_set).objects.update(title=MARKUP, audit=figures)
    refusals = {"refusals": [[MARKUP, MARKUP]], "notes": [MARKUP], "format": MARKUP}
    tried = factories.tried_import(study, **refusals)
    evaluation = measured.evaluations[0]
    parts = ("", "audit/", f"evaluations/{evaluation.reference}/", "launch/import/", "launch/audit/",
             "problems/", f"problems/000-squares/?program={program}", "runs/", "checkpoints/", "jobs/", "sharing/",
             "launch/sweep/", "launch/train/", "launch/merge/", "launch/evaluate/", "chip/")  # fmt: skip
    for page in (
        "/",
        "/jobs/",
        f"/jobs/{job.reference}/",
        f"/jobs/{tried.reference}/",
        *(f"/studies/miniature/{part}" for part in parts),
    ):
        answer = client_of(factories.alice()).get(page)
        assert answer.status_code == 200
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert b"<script>alert" not in answer.content, page
        assert b"<img src=x" not in answer.content, page
