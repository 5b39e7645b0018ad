"""Queues for kinds of devices: who serves them, what may be launched for them, and what does not fit."""

import json
import shutil
from datetime import timedelta
from types import SimpleNamespace

import factories
import pytest
from django.utils import timezone

from compute.memory_plan import KNOWN
from frontier_app import launch
from frontier_app.embedded.devices import Slot, gpu_slots, named_slots
from frontier_app.jobs.presence import Presence
from frontier_app.models import Evaluation, Job, Worker
from tests.web.test_setup_settings import MANAGE_CHECK, in_fresh_process

pytestmark = pytest.mark.django_db
H100 = {"name": "NVIDIA H100", "memory_bytes": 80 * 10**9, "accelerator": True}
CPU = {"name": "CPU", "memory_bytes": 25 * 10**9, "accelerator": False}


@pytest.fixture
def study():
    return factories.study(problems=2)


def worker(name="h100-0@lab", queues=("h100",), devices=(H100,), seconds_ago=0):
    seen = timezone.now() - timedelta(seconds=seconds_ago)
    return Worker.objects.create(name=name, queues=list(queues), devices=list(devices), seen=seen)


@pytest.fixture
def giant(study, tmp_path):
    """The study's base as a folder whose config is that of 32 billion parameters."""
    (tmp_path / "config.json").write_text(json.dumps(KNOWN["qwen2.5-32b"] | {"dtype": "bfloat16"}))
    study.base.folder = str(tmp_path)
    study.base.save()
    return study


def test_workers_of_named_queues_get_their_devices():
    assert named_slots("h100=0,1 h100=2,3 l4") == [Slot("h100", ("0", "1")), Slot("h100", ("2", "3")), Slot("l4")]
    assert Slot("h100", ("2", "3")).environment == {"CUDA_VISIBLE_DEVICES": "2,3", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert Slot("l4").environment == {}


def test_without_named_queues_each_gpu_worker_has_a_device_of_its_own(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert gpu_slots(3) == [Slot("gpu", ("4",)), Slot("gpu", ("7",)), Slot("gpu")]


@pytest.mark.parametrize("text", ["cpu=0", "tend", "H100=0", "a-name-that-is-too-long=1", "=0"])
def test_a_name_that_no_queue_can_have_is_refused(text):
    with pytest.raises(ValueError, match="cannot name a queue"):
        named_slots(text)


def test_a_wrong_setting_is_refused_in_one_sentence(tmp_path):
    ended = in_fresh_process(MANAGE_CHECK, tmp_path, FRONTIER_QUEUES="H100=0")
    assert ended.stderr.strip().startswith("FRONTIER_QUEUES: 'H100' cannot name a queue")


def test_a_queue_exists_when_it_is_configured_or_served_by_the_living(settings):
    settings.FRONTIER_QUEUES = ["l4"]
    worker()
    worker("a100-0@lab", ("a100", "h100"))
    worker("dead@lab", ("v100",), seconds_ago=120)
    assert launch.queues() == ["l4", "cpu", "a100", "h100"]


def test_jobs_go_to_the_queue_that_was_chosen_else_to_the_first(study, settings):
    settings.FRONTIER_QUEUES = ["l4"]
    settings.FRONTIER_SLOTS = [Slot("l4"), Slot("l4")]
    worker()
    low, high = study.checkpoints.get(name="low"), study.checkpoints.get(name="high")
    usual = launch.launch_sweep(study, factories.bob(), low, high, [0.25, 0.75])
    assert [job.queue for job in usual.jobs] == ["l4", "l4"]
    chosen = launch.launch_sweep(study, factories.bob(), low, high, [0.3, 0.6], queue="h100")
    assert [job.queue for job in chosen.jobs] == ["h100"]  # one worker lives there, so it is one job
    merge = launch.launch_merge(study, factories.bob(), low, high, 0.5, queue="h100")
    assert merge.jobs[0].queue == "h100"


def test_the_form_offers_the_queues_with_their_devices_and_refuses_others(client_of, study):
    worker(devices=[H100, H100])
    client = client_of(factories.bob())
    address = f"/studies/{study.slug}/launch/evaluate/"
    page = client.get(address).content.decode()
    assert "h100: 2 × NVIDIA H100 80 GB" in page
    assert "gpu: no worker now" in page
    form = {"checkpoint": study.base.reference, "samples": "2"}
    assert client.post(address, form | {"queue": "tpu"}).status_code == 422
    client.post(address, form | {"queue": "h100"})
    assert Evaluation.objects.get(state=Evaluation.PLANNED).job.queue == "h100"


def test_the_api_lists_queues_and_takes_their_names(client_of, study):
    worker()
    client = client_of(factories.bob())
    found = client.get("/api/queues").json()
    assert found["queues"][-1] == "h100"
    assert found["workers"] == [{"name": "h100-0@lab", "queues": ["h100"], "devices": [H100]}]
    asked = {"checkpoint": study.base.reference, "samples": 2, "queue": "tpu"}
    answer = client.post(f"/api/studies/{study.slug}/evaluate", asked, "application/json")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "queue"]
    answer = client.post(f"/api/studies/{study.slug}/evaluate", asked | {"queue": "h100"}, "application/json")
    assert answer.json()["jobs"][0]["queue"] == "h100"


def test_a_job_that_nobody_serves_says_so_until_somebody_does(client_of, study):
    job = factories.planned_evaluation(study, study.base).job
    client = client_of(factories.alice())
    sentence = "No worker serves the queue gpu now"
    assert sentence in client.get(f"/jobs/{job.reference}/").content.decode()
    worker("gpu-0@here", ("gpu",), (CPU,))
    assert sentence not in client.get(f"/jobs/{job.reference}/").content.decode()
    Worker.objects.update(seen=timezone.now() - timedelta(minutes=2))
    assert sentence in client.get(f"/jobs/{job.reference}/").content.decode()
    factories.hold(job)
    assert sentence not in client.get(f"/jobs/{job.reference}/").content.decode()


def test_what_does_not_fit_is_refused_on_the_page_with_the_arithmetic(client_of, giant):
    worker("gpu-0@here", ("gpu",), (CPU,))
    response = client_of(factories.bob()).post(
        f"/studies/{giant.slug}/launch/evaluate/", {"checkpoint": giant.base.reference, "samples": "2"}
    )
    page = response.content.decode()
    assert response.status_code == 422
    assert "Evaluating 32.76 billion parameters with transformers needs at least 65.6 GB: weights 65.5 GB" in page
    assert "more than the 22.5 GB that can be used of CPU of 25.0 GB. No worker of the queue gpu has more." in page
    assert not Job.objects.filter(state=Job.QUEUED).exists()


def test_a_training_is_refused_by_the_api_but_not_for_a_larger_device_or_elsewhere(client_of, giant):
    worker("gpu-0@here", ("gpu",), (CPU,))
    worker("b300-0@lab", ("big",), (H100 | {"memory_bytes": 600 * 10**9},))
    client = client_of(factories.bob())
    asked = {"coverages": [1.0], "steps": 1}
    address = f"/api/studies/{giant.slug}/train"
    answer = client.post(address, asked, "application/json")
    assert answer.status_code == 422
    assert "needs at least 524.6 GB" in answer.json()["detail"][0]["msg"]
    assert client.post(address, asked | {"queue": "big"}, "application/json").status_code == 200
    assert client.post(address, asked | {"remote": True}, "application/json").status_code == 200


def test_where_no_worker_has_reported_the_child_decides(giant):
    launched = launch.launch_evaluation(giant, factories.bob(), giant.base, samples=2)
    assert launched.jobs[0].state == Job.QUEUED


def test_one_worker_of_a_queue_with_room_is_enough(giant):
    worker("gpu-0@here", ("gpu",), (CPU,))
    worker("gpu-1@there", ("gpu",), (H100,))
    assert launch.launch_evaluation(giant, factories.bob(), giant.base, samples=2).jobs


def test_a_merge_that_the_disk_cannot_hold_is_refused(study, tmp_path, monkeypatch):
    low, high = study.checkpoints.get(name="low"), study.checkpoints.get(name="high")
    for end in (low, high):
        end.folder = str(tmp_path / end.name)
        (tmp_path / end.name).mkdir()
        (tmp_path / end.name / "model.safetensors").write_bytes(b"0" * 4_000_000)
        end.save()
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=1_000_000))
    with pytest.raises(launch.LaunchError, match=r"writes 4\.0 MB, and 1\.0 MB are free at /"):
        launch.launch_merge(study, factories.bob(), low, high, 0.5)


@pytest.mark.django_db(transaction=True)
def test_a_worker_reports_its_queues_and_devices_until_it_goes(monkeypatch):
    monkeypatch.setenv("FRONTIER_DEVICES", "NVIDIA H100=80")
    presence = Presence("h100-0@lab", ["h100", "a-name-that-is-too-long"])
    try:
        for _ in range(3000):
            if Worker.objects.exists():
                break
            presence._thread.join(0.02)
        (found,) = Worker.objects.serving("h100")
        assert (found.devices, found.devices_in_words()) == ([H100], "NVIDIA H100 80 GB")
        assert found.queues == ["h100"]  # no job has room for the other name
    finally:
        presence.stop()
    assert not Worker.objects.exists()
