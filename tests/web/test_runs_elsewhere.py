"""A job that runs on another machine: sent there, shown how, and reported over HTTP with a token."""

import subprocess
import sys
from pathlib import Path

import factories
import pytest

from compute.client import Client, ClientError
from compute.configs import ProblemsConfig
from compute.elsewhere import Resources, remote_command, submit
from frontier_app import launch
from frontier_app.jobs import queue
from frontier_app.models import Job, Study

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[2]


@pytest.fixture
def job() -> Job:
    study = factories.study(problems=1)
    return factories.planned_evaluation(study, study.base, samples=2).job


def problems_to_write(study: Study) -> Job:
    """A light job whose folders are not on this machine."""
    config = ProblemsConfig(
        train_reference=study.train_set.reference,
        held_out_reference=study.held_out_set.reference,
        folder=Path("/srv/frontier/problem_sets"),
        blobs=Path("/srv/frontier/blobs"),
        train={"easy": 1},
        held_out={"easy": 2},
    )
    return queue.enqueue(config, title="Write the problems", study=study)


def test_a_queued_job_is_sent_elsewhere_and_taken_back(client_of, job):
    client = client_of(factories.bob())
    response = client.post(f"/jobs/{job.reference}/elsewhere/", follow=True)
    job.refresh_from_db()
    assert job.remote
    assert job.study.audit_entries.get(action="send").who == factories.bob()
    assert queue.claim(job.reference, "a worker here") is None
    page = response.content.decode()
    command = f"python -m compute remote {job.reference} --server http://testserver --token-file ~/.frontier-token"
    assert command in page
    assert f"python -m compute slurm {job.reference}" in page
    assert "#SBATCH --job-name" in page
    assert "accelerate" not in page  # an evaluation is one process
    assert "No worker serves" not in page
    client.post(f"/jobs/{job.reference}/here/")
    job.refresh_from_db()
    assert not job.remote
    assert queue.claim(job.reference, "a worker here") is not None


def test_a_training_is_also_offered_over_several_devices(client_of):
    study = factories.study(problems=1)
    (run,) = launch.launch_training(study, factories.bob(), [0.4], remote=True).jobs
    page = client_of(factories.bob()).get(f"/jobs/{run.reference}/").content.decode()
    assert "--launcher &#x27;accelerate launch --num_processes 8&#x27;" in page


def test_what_runs_already_or_is_only_to_be_looked_at_stays_where_it_is(client_of, job):
    assert client_of(factories.vera()).post(f"/jobs/{job.reference}/elsewhere/").status_code == 403
    factories.hold(job)
    page = client_of(factories.bob()).post(f"/jobs/{job.reference}/elsewhere/", follow=True).content.decode()
    assert "This job is running already." in page
    assert not Job.objects.get(pk=job.pk).remote


def test_the_form_sends_a_job_elsewhere_from_the_start(client_of):
    study = factories.study(problems=1)
    form = {"checkpoint": study.base.reference, "samples": "2", "remote": "on"}
    client_of(factories.bob()).post(f"/studies/{study.slug}/launch/evaluate/", form)
    assert Job.objects.get(state=Job.QUEUED).remote


@pytest.fixture
def server(live_server, tmp_path):
    """An address that answers over HTTP, bob's token in a file, and a job to run: (client, token file, job)."""
    study = factories.empty_study()
    file = tmp_path / "token"
    file.write_text(factories.api_token(factories.bob()) + "\n")
    with Client(live_server.url, file.read_text().strip()) as client:
        yield live_server.url, client, file, problems_to_write(study)


@pytest.mark.django_db(transaction=True)
def test_a_run_on_another_machine_ends_in_rows_here(server, tmp_path):
    address, client, file, job = server
    with pytest.raises(ClientError, match="not a remote run"):
        client.claim(job.reference)
    assert client.send_elsewhere(job.reference)["remote"]
    words = client.commands(job.reference)["command"].split()
    assert words[:4] == ["python", "-m", "compute", "remote"]
    done = subprocess.run(
        [sys.executable, *words[1:6], address, "--token-file", str(file), f"--map=/srv/frontier={tmp_path}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.strip()) == (0, f"{job.reference} succeeded")
    job.refresh_from_db()
    assert (job.state, job.worker, job.error) == (Job.SUCCEEDED, "bob's remote run", "")
    assert job.study.held_out_set.problems.count() == 2
    assert (tmp_path / "problem_sets").is_dir()
    again = subprocess.run(
        [sys.executable, *words[1:6], address, "--token-file", str(file)], cwd=ROOT, capture_output=True
    )
    assert again.returncode == 2
    assert b"The server refuses (409): This job is succeeded." in again.stderr


LAUNCHER = """#!{python}
import subprocess, sys
sys.exit(subprocess.run([sys.executable, *sys.argv[1:]]).returncode)
"""


@pytest.mark.django_db(transaction=True)
def test_a_run_behind_a_launcher_acknowledges_that_it_was_stopped(server, tmp_path):
    _, client, _, job = server
    client.send_elsewhere(job.reference)
    launcher = tmp_path / "launch"
    launcher.write_text(LAUNCHER.format(python=sys.executable))
    launcher.chmod(0o755)
    many = {"folder": str(tmp_path), "blobs": str(tmp_path), "held_out": {"easy": 2000}}
    ended = client.run_here(job.reference, lambda config: config | many, [str(launcher)], stopping=lambda: True)
    assert (ended["state"], ended["error"]) == ("cancelled", "")


@pytest.mark.django_db(transaction=True)
def test_a_submitted_run_ends_in_rows_here(server, tmp_path, monkeypatch):
    address, client, file, job = server
    client.send_elsewhere(job.reference)
    command = remote_command(job.reference, address, sys.executable, str(file), [f"/srv/frontier={tmp_path}"])
    monkeypatch.chdir(ROOT)
    submit(job.reference, command, Resources(devices=0), tmp_path / "logs", cluster="local")
    job.refresh_from_db()
    assert job.state == Job.SUCCEEDED
    assert job.study.held_out_set.problems.count() == 2
    kept = b"".join(path.read_bytes() for path in (tmp_path / "logs").iterdir())
    assert file.read_text().strip().encode() not in kept
