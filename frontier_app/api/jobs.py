"""Jobs: read, cancel, retry; and for a remote run: claim, post events, keep the lease alive.

A remote run does what a local worker does: it claims the job, gets a token, and posts the lines that
`python -m compute` prints. An old token is answered with 409 and changes nothing.
"""

from django.http import HttpRequest
from ninja import Router
from ninja.errors import HttpError

from compute.errors import ConfigError
from compute.events import MAX_LINE_BYTES, MOST_DEVICES, AnyEvent, parse_event
from frontier_app import launch, live
from frontier_app.api.rights import open_job, open_job_to_write
from frontier_app.api.schemas import ClaimOut, Delivered, ElsewhereOut, JobOut, LogOut, QueuesOut, StateOut, WorkerOut
from frontier_app.ingest import StaleTokenError, ingest
from frontier_app.jobs import queue
from frontier_app.jobs.log import JobLog
from frontier_app.jobs.process import config_to_run
from frontier_app.models import Job, Worker
from frontier_app.running_elsewhere import commands_elsewhere, server_address

LOG_BYTES = 1 << 20
router = Router()


@router.get("/queues", response=QueuesOut)
def queues(request: HttpRequest) -> QueuesOut:
    alive = [WorkerOut(name=one.name, queues=one.queues, devices=one.devices) for one in Worker.objects.alive()]
    return QueuesOut(queues=launch.queues(), workers=alive)


@router.get("/jobs/{reference}", response=JobOut)
def job(request: HttpRequest, reference: str) -> JobOut:
    return JobOut.of(open_job(request, reference))


@router.get("/jobs/{reference}/log", response=LogOut)
def log(request: HttpRequest, reference: str) -> LogOut:
    """The end of the log."""
    path = open_job(request, reference).log_path
    if not path.is_file():
        return LogOut(text="")
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_BYTES))
        return LogOut(text=file.read().decode("utf-8", "replace"))


@router.post("/jobs/{reference}/cancel", response=JobOut)
def cancel(request: HttpRequest, reference: str) -> JobOut:
    return JobOut.of(launch.cancel(*open_job_to_write(request, reference)))


@router.post("/jobs/{reference}/retry", response=JobOut)
def retry(request: HttpRequest, reference: str) -> JobOut:
    """The new job that takes the ended one's place."""
    return JobOut.of(launch.retry(*open_job_to_write(request, reference)))


@router.post("/jobs/{reference}/elsewhere", response=JobOut)
def send_elsewhere(request: HttpRequest, reference: str) -> JobOut:
    """Keep a queued job from the workers here, so that a run elsewhere can claim it."""
    return JobOut.of(launch.send_elsewhere(*open_job_to_write(request, reference)))


@router.post("/jobs/{reference}/here", response=JobOut)
def take_back(request: HttpRequest, reference: str) -> JobOut:
    """Give a job that waits for a run elsewhere to the workers here."""
    return JobOut.of(launch.take_back(*open_job_to_write(request, reference)))


@router.get("/jobs/{reference}/elsewhere", response=ElsewhereOut)
def elsewhere(request: HttpRequest, reference: str, devices: int = 1) -> ElsewhereOut:
    """How the job is run on another machine, and on a Slurm cluster."""
    if not 1 <= devices <= MOST_DEVICES:
        raise HttpError(422, f"Name 1 to {MOST_DEVICES} devices.")
    found = commands_elsewhere(open_job(request, reference), server_address(request), devices)
    return ElsewhereOut(command=found.several or found.command, submit=found.submit, slurm=found.slurm)


@router.post("/jobs/{reference}/claim", response=ClaimOut)
def claim(request: HttpRequest, reference: str) -> ClaimOut:
    """Take a remote job. The token goes with everything that is posted for it."""
    job, user = open_job_to_write(request, reference)
    held = queue.claim(job.reference, f"{user.get_username()}'s remote run", remote=True)
    if held is None:
        raise HttpError(409, _why_not(job))
    live.job_changed(held)
    return ClaimOut(token=held.token, config=config_to_run(held).model_dump(mode="json"))


@router.post("/jobs/{reference}/events", response=Delivered)
def post_events(request: HttpRequest, reference: str, token: int) -> Delivered:
    """One JSON event a line. Lines that are no events are refused one by one; a repeated delivery is harmless."""
    job = _held(open_job_to_write(request, reference)[0], token)
    body = request.read(MAX_LINE_BYTES + 1)
    if len(body) > MAX_LINE_BYTES:
        raise HttpError(413, f"At most {MAX_LINE_BYTES} bytes can be posted at once: send fewer lines.")
    events, refused = _parsed(body)
    if refused and not events:
        raise HttpError(422, refused[0])
    try:
        outcome = ingest(job, token, events)
    except StaleTokenError as error:
        raise HttpError(409, str(error)) from None
    queue.keep_alive(job.pk, token)
    journal = JobLog(job)
    journal.write(*outcome.log, *refused)
    journal.follow()
    return Delivered(state=outcome.state, last_sequence=outcome.last_sequence, refused=refused)


@router.post("/jobs/{reference}/heartbeat", response=StateOut)
def heartbeat(request: HttpRequest, reference: str, token: int) -> StateOut:
    """Keep the lease, at least every 30 seconds; `cancelling` asks the run to stop."""
    job = _held(open_job_to_write(request, reference)[0], token)
    state = queue.keep_alive(job.pk, token)
    if state is None:
        raise HttpError(409, _why_not(Job.objects.get(pk=job.pk)))
    return StateOut(state=state)


def _held(job: Job, token: int) -> Job:
    if not job.remote:
        raise HttpError(409, "This job is not a remote run: a worker here reports for it.")
    if job.token != token or job.state not in queue.HELD:
        raise HttpError(409, f"{job.reference} is {job.state}; token {token} has no say in it.")
    return job


def _why_not(job: Job) -> str:
    if not job.remote:
        return "This job is not a remote run: a worker here runs it."
    waits = ", ".join(need.title for need in job.waits_for())
    return f"This job waits for: {waits}." if job.state == Job.QUEUED and waits else f"This job is {job.state}."


def _parsed(body: bytes) -> tuple[list[AnyEvent], list[str]]:
    events: list[AnyEvent] = []
    refused = []
    for line in body.splitlines():
        if line.strip():
            try:
                events.append(parse_event(line))
            except ConfigError as error:
                refused.append(str(error))
    return events, refused
