"""The API says what the pages say, to whom the pages say it; a remote run is one more source of events."""

import json
from pathlib import Path

import factories
import httpx
import pytest
from django.test import Client as Browser

from compute.client import Claim, Client, ClientError
from compute.configs import ProblemsConfig
from compute.events import Event, Finished, Log
from compute.rollout.transcript import Transcript
from frontier_app.jobs import queue
from frontier_app.models import Evaluation, Job, Sample

pytestmark = pytest.mark.django_db


class InProcess(httpx.BaseTransport):
    """Carries the SDK's requests to the application in this process, inside the test's transaction."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = Browser().generic(
            request.method,
            request.url.raw_path.decode(),
            request.read(),
            content_type=request.headers.get("Content-Type", ""),
            headers={"Authorization": request.headers["Authorization"]},
        )
        return httpx.Response(answer.status_code, content=answer.content)


def client_with(token: str) -> Client:
    return Client("http://testserver", token, transport=InProcess())


def client(user: object) -> Client:
    return client_with(factories.api_token(user))


@pytest.fixture
def measured() -> factories.Measured:
    return factories.measured_study()


def lines(*events: Event, start: int = 0) -> list[str]:
    return [
        event.model_copy(update={"sequence": start + number}).model_dump_json() for number, event in enumerate(events)
    ]


def refusal(ask: object) -> ClientError:
    with pytest.raises(ClientError) as caught:
        ask()
    return caught.value


def test_points_are_those_of_the_summary_file(measured: factories.Measured) -> None:
    points = client(factories.bob()).points("miniature")
    assert {point["alpha"] for point in points} == {None, 0.0, 0.5, 1.0}
    hard = next(point for point in points if point["alpha"] == 0.5)["difficulties"]["hard"]
    assert hard["n"] + hard["infrastructure_count"] == 8
    shares = ("solve_rate", "optimisation_failure_rate", "correctness_failure_rate", "no_answer_rate")
    assert sum(hard[name] for name in shares) == pytest.approx(1)


def test_a_stranger_finds_nothing(measured: factories.Measured) -> None:
    stranger = client(factories.charlie())
    assert stranger.studies() == []
    assert refusal(lambda: stranger.points("miniature")).status == 404
    assert refusal(lambda: stranger.job(measured.evaluations[0].job.reference)).status == 404
    assert refusal(lambda: stranger.launch_merge("miniature", "a", "b", 0.5)).status == 404


def test_without_a_token_nothing_is_answered(measured: factories.Measured) -> None:
    assert Browser().get("/api/studies").status_code == 401
    assert refusal(client_with("wrong").studies).status == 401


def test_for_a_share_link_nothing_is_here(measured: factories.Measured) -> None:
    token = factories.link(measured.study).token
    reference = measured.evaluations[0].job.reference
    browser = Browser()
    for path in ("", "/miniature", "/miniature/points", "/miniature/jobs", "/miniature/checkpoints", "/miniature/runs"):
        assert browser.get(f"/api/studies{path}?share={token}").status_code == 404
    assert browser.get(f"/api/jobs/{reference}?share={token}").status_code == 404
    assert browser.get(f"/api/jobs/{reference}/log?share={token}").status_code == 404
    body = {"low": "miniature.low", "high": "miniature.high", "alpha": 0.25}
    answer = browser.post(f"/api/studies/miniature/merge?share={token}", body, content_type="application/json")
    assert answer.status_code == 404
    browser.get(f"/share/{token}/")
    assert browser.get("/api/studies/miniature/points").status_code == 404


def test_a_revoked_share_link_opens_nothing(measured: factories.Measured) -> None:
    link = factories.link(measured.study)
    link.revoked = True
    link.save()
    assert Browser().get(f"/api/studies/miniature/points?share={link.token}").status_code == 401


def test_a_logged_in_browser_may_read_and_needs_the_csrf_token_to_write(measured: factories.Measured) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(factories.alice())
    assert browser.get("/api/studies/miniature/jobs").status_code == 200
    body = {"low": "miniature.low", "high": "miniature.high", "alpha": 0.25}
    answer = browser.post("/api/studies/miniature/merge", body, content_type="application/json")
    assert answer.status_code == 403
    assert not Job.objects.filter(kind="merge").exists()


def test_a_member_launches_and_watches(measured: factories.Measured) -> None:
    bob = client(factories.bob())
    jobs = bob.launch_sweep("miniature", low="miniature.low", high="miniature.high", alphas=[1.25], samples=4)
    assert [job["state"] for job in jobs] == ["queued"]
    assert jobs[0]["cost_estimate_seconds"] > 0
    assert Evaluation.objects.filter(alpha=1.25, study=measured.study).count() == 1
    assert bob.cancel(jobs[0]["reference"])["state"] == "cancelled"
    again = bob.retry(jobs[0]["reference"])
    assert (again["state"], again["retries"]) == ("queued", jobs[0]["reference"])
    bob.cancel(again["reference"])
    assert bob.watch(jobs[0]["reference"])["reference"] == again["reference"]


def test_a_refusal_names_the_field_and_says_what_to_do(measured: factories.Measured) -> None:
    bob = client(factories.bob())
    wrong = refusal(lambda: bob.launch_merge("miniature", "miniature.low", "nowhere", 0.5))
    assert (wrong.status, wrong.field, str(wrong)) == (422, "high", "This study has no checkpoint 'nowhere'.")
    wrong = refusal(lambda: bob.launch_merge("miniature", "miniature.low", "miniature.high", "x"))
    assert (wrong.status, wrong.field) == (422, "alpha")
    wrong = refusal(lambda: bob.launch_training("miniature", [0.4], surprise=1))
    assert (wrong.status, wrong.field) == (422, "surprise")
    wrong = refusal(lambda: bob.launch_training("miniature", [1.4]))
    assert (wrong.status, wrong.field) == (422, "coverages")


def test_curves_come_by_name(measured: factories.Measured) -> None:
    curves = client(factories.alice()).curves("miniature", "miniature.low")
    assert curves == {"reward": ([1, 2, 3], [0.1, 0.2, 0.3])}


def remote_evaluation(study: object, samples: int = 2) -> tuple[Client, str, Evaluation]:
    bob = client(factories.bob())
    (job,) = bob.launch_evaluation("miniature", "miniature.base", samples=samples, remote=True)
    return bob, job["reference"], Evaluation.objects.get(job__reference=job["reference"])


def test_a_remote_run_posts_its_events(measured: factories.Measured) -> None:
    bob, reference, evaluation = remote_evaluation(measured.study)
    claim = bob.claim(reference)
    assert claim.config["points"][0]["evaluation"] == evaluation.reference
    events = lines(factories.sample_event(evaluation, "000-squares", 10, 2), Log(line="from afar"))
    for _ in range(2):
        answer = bob.post_events(claim, events)
        assert answer == {"state": "running", "last_sequence": 1, "refused": []}
    assert Sample.objects.filter(evaluation=evaluation).count() == 2
    assert "from afar\n" in bob.log(reference)
    assert bob.heartbeat(claim) == "running"
    others = [factories.sample_event(evaluation, f"{n:03d}-squares", 10, 2) for n in range(1, 4)]
    assert bob.post_events(claim, lines(*others, Finished(), start=2))["state"] == "succeeded"
    assert refusal(lambda: bob.post_events(claim, events)).status == 409


def test_a_remote_run_resumes_with_what_is_finished(measured: factories.Measured) -> None:
    bob, reference, evaluation = remote_evaluation(measured.study)
    bob.post_events(bob.claim(reference), lines(factories.sample_event(evaluation, "001-squares", 10, 2)))
    bob.cancel(reference)
    Job.objects.filter(reference=reference).update(state=Job.LOST)
    again = bob.retry(reference)["reference"]
    assert bob.claim(again).config["points"][0]["finished"] == ["001-squares"]


def test_a_malformed_line_is_refused_with_a_sentence_and_costs_no_other(measured: factories.Measured) -> None:
    bob, reference, evaluation = remote_evaluation(measured.study)
    claim = bob.claim(reference)
    good = lines(factories.sample_event(evaluation, "000-squares", 10, 2))
    answer = bob.post_events(claim, ["{broken", *good])
    assert len(answer["refused"]) == 1
    assert answer["refused"][0].startswith("Not an event: ")
    assert Sample.objects.filter(evaluation=evaluation).count() == 2
    assert answer["refused"][0] in bob.log(reference)
    assert refusal(lambda: bob.post_events(claim, ["nothing but noise"])).status == 422


def test_a_remote_run_hears_of_the_cancel_and_of_its_loss(measured: factories.Measured) -> None:
    bob, reference, _ = remote_evaluation(measured.study)
    claim = bob.claim(reference)
    assert refusal(lambda: bob.claim(reference)).status == 409
    bob.cancel(reference)
    assert bob.heartbeat(claim) == "cancelling"
    Job.objects.filter(reference=reference).update(state=Job.LOST)
    assert refusal(lambda: bob.heartbeat(claim)).status == 409


def test_only_remote_jobs_take_posted_events(measured: factories.Measured) -> None:
    bob = client(factories.bob())
    (job,) = bob.launch_evaluation("miniature", "miniature.base", samples=3)
    assert refusal(lambda: bob.claim(job["reference"])).status == 409
    held = factories.hold(Job.objects.get(reference=job["reference"]))
    claim = Claim(held.reference, held.token, held.config)
    assert refusal(lambda: bob.post_events(claim, lines(Finished()))).status == 409


def test_the_sdk_runs_a_remote_job_here_and_reports_it(tmp_path: Path) -> None:
    study = factories.empty_study()
    config = ProblemsConfig(
        train_reference=study.train_set.reference,
        held_out_reference=study.held_out_set.reference,
        folder=Path("/nowhere"),
        blobs=Path("/nowhere"),
        train={"easy": 1},
        held_out={"easy": 1},
    )
    job = queue.enqueue(config, title="Write the problems", study=study, remote=True)
    here = {"folder": str(tmp_path), "blobs": str(tmp_path / "blobs")}
    ended = client(factories.bob()).run_here(job.reference, change=lambda asked: asked | here)
    assert (ended["state"], ended["error"]) == ("succeeded", "")
    assert study.held_out_set.problems.count() == 1


def test_the_description_of_the_api_is_served_and_complete(measured: factories.Measured) -> None:
    answer = Browser().get("/api/openapi.json")
    assert answer.status_code == 200
    paths = json.loads(answer.content)["paths"]
    assert {"/api/studies/{slug}/points", "/api/jobs/{reference}/events", "/api/studies/{slug}/sweep"} <= set(paths)


def test_a_script_creates_the_miniature_study() -> None:
    alice = client(factories.alice())
    assert alice.create_miniature("small", seed=3)["seed"] == 3
    assert [study["slug"] for study in alice.studies()] == ["small"]
    assert refusal(lambda: client(factories.charlie()).create_miniature("small")).field == "slug"
    assert refusal(lambda: alice.create_miniature("large", seed=2**31)).field == "seed"


def test_a_script_makes_a_study_tries_an_import_and_reads_an_audit(tmp_path: Path) -> None:
    script = client(factories.alice())
    assert script.create_study("sorts", "Sorts", "Does it matter?")["slug"] == "sorts"
    tried = script.launch_import("sorts", str(tmp_path), use_as="training", dry_run_only=True)
    assert [job["kind"] for job in tried] == ["import"]
    assert Job.objects.get().config["dry_run"]
    assert refusal(lambda: script.launch_import("sorts", "/nowhere")).field == "path"
    assert refusal(lambda: script.launch_audit("sorts")).field == "problem_set"
    assert refusal(lambda: script.audit("sorts")).status == 422


def test_a_stranger_cannot_tell_an_address_in_use_from_one_that_is_kept() -> None:
    client(factories.alice()).create_study("secret", "Secret")
    stranger = client(factories.charlie())
    for make in (lambda slug: stranger.create_study(slug, "Mine"), lambda slug: stranger.create_miniature(slug)):
        refused, kept = (refusal(lambda slug=slug, make=make: make(slug)) for slug in ("secret", "new"))
        assert (refused.status, refused.field) == (kept.status, kept.field) == (422, "slug")
        assert str(refused).replace("secret", "new") == str(kept)
    assert "Your study" in str(refusal(lambda: client(factories.alice()).create_study("secret", "Again")))


def test_an_audit_is_read_with_the_rights_of_the_study() -> None:
    study = factories.study(problems=2)
    factories.audit(study)
    found = client(factories.bob()).audit("miniature")
    assert found["figures"]["problems"] == 2
    assert [one["audit"]["slug"] for one in found["problems"]] == [one["slug"] for one in found["problems"]]
    assert refusal(lambda: client(factories.charlie()).audit("miniature")).status == 404
    token = factories.link(study).token
    assert Browser().get(f"/api/studies/miniature/audit?share={token}").status_code == 404
    body = {"path": "/tmp"}
    answer = Browser().post(f"/api/studies/miniature/import?share={token}", body, content_type="application/json")
    assert answer.status_code == 404


@pytest.fixture
def in_settings() -> factories.Measured:
    return factories.study_in_settings()


def test_a_script_reads_a_transcript_as_it_was_recorded(in_settings: factories.Measured) -> None:
    evaluation = in_settings.evaluations[-1]
    sample = evaluation.samples.select_related("problem", "transcript").first()
    asked = (evaluation.reference, sample.problem.slug, sample.index)
    found = client(factories.vera()).transcript("miniature", *asked)
    assert (found["setting"], found["ended"], found["turns"]) == ("agentic", sample.transcript.ended, 3)
    record = Transcript.model_validate({name: found[name] for name in ("setting", "ended", "steps")})
    assert record.as_text() == sample.transcript.text


def test_a_script_is_told_where_there_is_no_transcript(measured: factories.Measured) -> None:
    sample = measured.evaluations[0].samples.select_related("problem").first()
    alice, slug = client(factories.alice()), sample.problem.slug
    reference = measured.evaluations[0].reference
    single = refusal(lambda: alice.transcript("miniature", reference, slug, sample.index))
    assert (single.status, "took a single turn" in str(single)) == (404, True)
    assert "There is no sample" in str(refusal(lambda: alice.transcript("miniature", reference, slug, 999)))
    assert "There is no sample" in str(refusal(lambda: alice.transcript("miniature", "nothing", slug, 0)))


def test_no_script_of_a_stranger_and_no_link_reads_a_transcript(in_settings: factories.Measured) -> None:
    evaluation = in_settings.evaluations[0]
    sample = evaluation.samples.select_related("problem").first()
    asked = ("miniature", evaluation.reference, sample.problem.slug, sample.index)
    assert refusal(lambda: client(factories.charlie()).transcript(*asked)).status == 404
    address = "/api/studies/{}/evaluations/{}/samples/{}/{}/transcript".format(*asked)
    assert factories.reader(in_settings.study, allow_programs=True).get(address).status_code == 404
    assert Browser().get(address).status_code == 401
