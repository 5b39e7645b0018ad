"""The SDK: launch, watch, read figures, and report a run that happens elsewhere.

    client = Client("https://frontier.example.org", token="...")
    for job in client.launch_sweep("miniature", low="miniature.low", high="miniature.high", alphas=[0.5]):
        client.watch(job["reference"])
    print(client.points("miniature"))

Talks HTTP and nothing else; light enough for a login node. A refusal is a ClientError with the server's own sentence.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any, NamedTuple, cast
from urllib.parse import quote

import httpx
import psutil

Row = dict[str, Any]
ENDED = ("succeeded", "failed", "cancelled", "lost")
BATCH_LINES = 512
BATCH_BYTES = 8 << 20
BEAT_SECONDS = 5.0
PATIENCE_SECONDS = 60.0
STOP_SECONDS = 20.0


class ClientError(Exception):
    """The server refused. `status`: of HTTP; `field`: the wrong field of a launch, where it is one."""

    def __init__(self, status: int, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.field = field


class Claim(NamedTuple):
    """A remote job that is ours to run. config: for `python -m compute KIND config.json`."""

    reference: str
    token: int
    config: Row


class Client:
    """One server, asked as the owner of `token`. A context manager, for its connections."""

    def __init__(
        self,
        address: str,
        token: str,
        timeout_seconds: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=f"{address.rstrip('/')}/api",
            headers={"Authorization": f"Bearer {token}"},
            timeout=timeout_seconds,
            transport=transport,
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def studies(self) -> list[Row]:
        return cast(list[Row], self._ask("GET", "/studies"))

    def create_miniature(self, slug: str = "miniature", seed: int = 0) -> Row:
        return self._row("POST", "/studies", json={"slug": slug, "seed": seed})

    def create_study(self, slug: str, title: str, question: str = "") -> Row:
        """A study without problems, for an import."""
        return self._row("PUT", f"/studies/{slug}", json={"title": title, "question": question})

    def points(self, study: str) -> list[Row]:
        """Each complete evaluation: checkpoint, alpha, setting, and n and rates by difficulty."""
        return cast(list[Row], self._row("GET", f"/studies/{study}/points")["points"])

    def frontier(self, study: str, /, **query: object) -> Row:
        """What the study page draws: `evaluations` with `point` and `cells`, and `figures`. `query` is that of its
        address: path, difficulty, setting, level, rule, baseline."""
        return self.figure_data(study, "study", **query)

    def ensembles(self, study: str, /, **query: object) -> Row:
        """What the ensembles page draws: `lines` over the budgets `ks`, `contributions`, `pairs`, `sets`, `figures`.
        `query` is that of its address: members, search, at, k, match, allocation, split and the filters."""
        return self.figure_data(study, "ensembles", **query)

    def figure_data(self, study: str, view: str, /, **query: object) -> Row:
        """The JSON behind a view's page: study, explore, failures (one figure with `panel`), ensembles, problem, audit,
        runs. `query` is that of its address, in which `view` names a saved view. Its figures are Plotly dicts whose
        colours are names; `compute.figure_colours.painted` resolves them."""
        return self._row("GET", f"/studies/{study}/figures/{view}", params=query)

    def checkpoints(self, study: str) -> list[Row]:
        return cast(list[Row], self._ask("GET", f"/studies/{study}/checkpoints"))

    def runs(self, study: str) -> list[Row]:
        return cast(list[Row], self._ask("GET", f"/studies/{study}/runs"))

    def curves(self, study: str, run: str) -> dict[str, tuple[list[int], list[float | None]]]:
        """Training figures by name: steps and values."""
        curves = cast(list[Row], self._ask("GET", f"/studies/{study}/runs/{run}/curves"))
        return {curve["name"]: (curve["steps"], curve["values"]) for curve in curves}

    def queues(self) -> Row:
        """`queues` that jobs can be launched for, and the `workers` alive with their devices."""
        return self._row("GET", "/queues")

    def jobs(self, study: str) -> list[Row]:
        return cast(list[Row], self._ask("GET", f"/studies/{study}/jobs"))

    def launch_training(self, study: str, coverages: Iterable[float], **settings: object) -> list[Row]:
        return self._launch(study, "train", {"coverages": list(coverages), **settings})

    def launch_sweep(self, study: str, low: str, high: str, alphas: Iterable[float], **settings: object) -> list[Row]:
        return self._launch(study, "sweep", {"low": low, "high": high, "alphas": list(alphas), **settings})

    def launch_evaluation(self, study: str, checkpoint: str, **settings: object) -> list[Row]:
        return self._launch(study, "evaluate", {"checkpoint": checkpoint, **settings})

    def launch_merge(self, study: str, low: str, high: str, alpha: float, **settings: object) -> list[Row]:
        return self._launch(study, "merge", {"low": low, "high": high, "alpha": alpha, **settings})

    def launch_template(self, study: str, template: str, **settings: object) -> list[Row]:
        """The jobs of a study template that are missing: levels, random-tests, from-base, soup or seeds."""
        return self._launch(study, f"templates/{template}", settings)

    def launch_import(self, study: str, path: str, **settings: object) -> list[Row]:
        """Problems from a file or folder on the server; `dry_run_only=True` counts them and writes none."""
        return self._launch(study, "import", {"path": path, **settings})

    def launch_audit(self, study: str, **settings: object) -> list[Row]:
        return self._launch(study, "audit", settings)

    def audit(self, study: str, problem_set: str = "held-out") -> Row:
        """What the known programs show of a set's tests: `figures`, and `problems` with marks and judged programs."""
        return self._row("GET", f"/studies/{study}/audit", params={"problem_set": problem_set})

    def transcript(self, study: str, evaluation: str, problem: str, index: int) -> Row:
        """How an answer of several turns came about: `setting`, `ended`, `turns`, `calls`, and `steps`, message by
        message (`compute.rollout.transcript.Step`; what is empty is left out). A single turn has none: ClientError."""
        address = f"/studies/{study}/evaluations/{evaluation}/samples/{quote(problem, safe='')}/{index}/transcript"
        return self._row("GET", address)

    def job(self, reference: str) -> Row:
        return self._row("GET", f"/jobs/{reference}")

    def log(self, reference: str) -> str:
        return cast(str, self._row("GET", f"/jobs/{reference}/log")["text"])

    def cancel(self, reference: str) -> Row:
        return self._row("POST", f"/jobs/{reference}/cancel")

    def retry(self, reference: str) -> Row:
        return self._row("POST", f"/jobs/{reference}/retry")

    def watch(
        self, reference: str, every_seconds: float = 1.0, tell: Callable[[Row], object] = lambda job: None
    ) -> Row:
        """Wait for the end of a job, and of those that retry it by themselves. `tell` hears of every change."""
        before: Row = {}
        while True:
            job = self.job(reference)
            if job != before:
                tell(job)
                before = job
            if job["state"] in ENDED:
                if job["retried_by"] is None:
                    return job
                reference = job["retried_by"]
            else:
                time.sleep(every_seconds)

    def claim(self, reference: str) -> Claim:
        """Take a job that was launched with `remote=True`."""
        answer = self._row("POST", f"/jobs/{reference}/claim")
        return Claim(reference, answer["token"], answer["config"])

    def post_events(self, claim: Claim, lines: Iterable[str | bytes]) -> Row:
        """Deliver event lines; repeats are harmless. Gives the job's state: stop when it is `cancelling`."""
        body = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
        return self._patiently("POST", f"/jobs/{claim.reference}/events", content=body, params={"token": claim.token})

    def heartbeat(self, claim: Claim) -> str:
        """Keep a silent run alive: at least every 30 seconds. Gives the job's state."""
        answer = self._patiently("POST", f"/jobs/{claim.reference}/heartbeat", params={"token": claim.token})
        return cast(str, answer["state"])

    def send_elsewhere(self, reference: str) -> Row:
        """Keep a queued job from the workers of the server, so that `run_here` can claim it."""
        return self._row("POST", f"/jobs/{reference}/elsewhere")

    def commands(self, reference: str, devices: int = 1) -> Row:
        """`command` and `slurm`: how the job is run on another machine and on a Slurm cluster."""
        return self._row("GET", f"/jobs/{reference}/elsewhere", params={"devices": devices})

    def run_here(
        self,
        reference: str,
        change: Callable[[Row], Row] = lambda config: config,
        launcher: Sequence[str] = (),
        stopping: Callable[[], bool] = lambda: False,
    ) -> Row:
        """Claim a remote job, run it on this machine and report it. Returns the job as it ended.

        `change` adapts the config, for example its folders, to this machine. `launcher` stands in place of the
        interpreter, such as `["accelerate", "launch"]`. Once `stopping` says so, the job is asked to stop.
        """
        claim = self.claim(reference)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "config.json"
            path.write_text(json.dumps(change(claim.config)))
            command = [*(launcher or [sys.executable]), "-m", "compute", claim.config["kind"], str(path)]
            try:
                process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parents[1])
            except OSError as error:
                self._fail(claim, f"{command[0]} cannot be started: {error.strerror}.")
                raise
            with process:
                try:
                    self._relay(claim, process, path, stopping)
                finally:
                    process.kill()
        return self.job(reference)

    def _relay(
        self, claim: Claim, process: "subprocess.Popen[bytes]", path: Path, stopping: Callable[[], bool]
    ) -> None:
        """Post the child's lines as they come, keep the lease alive between them, pass a cancel on."""
        kill_at = float("inf")
        for lines in _batches(process):
            answer = self.post_events(claim, lines)["state"] if lines else self.heartbeat(claim)
            if (answer == "cancelling" or stopping()) and kill_at == float("inf"):
                _ask_to_stop(process.pid, path)
                kill_at = time.monotonic() + STOP_SECONDS
            if time.monotonic() > kill_at:
                process.kill()
        if self.job(claim.reference)["state"] not in ENDED:
            if kill_at < float("inf"):
                self.post_events(claim, [json.dumps({"type": "cancelled"})])
            else:
                self._fail(claim, f"The process ended with status {process.wait()}.")

    def _fail(self, claim: Claim, sentence: str) -> None:
        last = {"type": "failed", "error_kind": "crashed", "message": sentence}
        self.post_events(claim, [json.dumps(last)])

    def _launch(self, study: str, kind: str, body: Mapping[str, object]) -> list[Row]:
        return cast(list[Row], self._row("POST", f"/studies/{study}/{kind}", json=body)["jobs"])

    def _row(self, method: str, path: str, **request: Any) -> Row:
        return cast(Row, self._ask(method, path, **request))

    def _patiently(self, method: str, path: str, **request: Any) -> Row:
        """Ask again for a minute while the server is away: what is asked so must be harmless when repeated."""
        gives_up, pause = time.monotonic() + PATIENCE_SECONDS, 0.2
        while True:
            try:
                return self._row(method, path, **request)
            except (httpx.TransportError, ClientError) as error:
                away = isinstance(error, httpx.TransportError) or error.status >= 500
                if not away or time.monotonic() > gives_up:
                    raise
                time.sleep(pause)
                pause = min(2 * pause, 5.0)

    def _ask(self, method: str, path: str, **request: Any) -> object:
        response = self._http.request(method, path, **request)
        if response.is_error:
            raise _refusal(response)
        return response.json()


def _refusal(response: httpx.Response) -> ClientError:
    """The server's own sentence, and the field it is about."""
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return ClientError(response.status_code, f"{response.status_code} {response.reason_phrase}")
    if isinstance(detail, list) and detail:
        place = [str(part) for part in detail[0].get("loc", ())]
        return ClientError(response.status_code, str(detail[0].get("msg", detail[0])), place[-1] if place else "")
    return ClientError(response.status_code, str(detail))


def _ask_to_stop(pid: int, config: Path) -> None:
    """The processes that compute, and not a launcher in front of them: it would end at once and take them along before
    they could say anything."""
    with suppress(psutil.Error):
        launched = psutil.Process(pid)
        computing = [one for one in launched.children(recursive=True) if _was_given(one, config)]
        for one in computing or [launched]:
            one.terminate()


def _was_given(process: psutil.Process, config: Path) -> bool:
    try:
        return str(config) in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


def _batches(process: "subprocess.Popen[bytes]") -> Iterator[list[bytes]]:
    """The child's lines, those that wait together in one list; an empty list after BEAT_SECONDS of silence."""
    assert process.stdout is not None
    waiting: Queue[bytes | None] = Queue(BATCH_LINES)
    stream = process.stdout

    def read() -> None:
        for line in stream:
            waiting.put(line.rstrip(b"\n"))
        waiting.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        lines: list[bytes] = []
        try:
            line = waiting.get(timeout=BEAT_SECONDS)
            while line is not None and sum(map(len, lines)) < BATCH_BYTES:
                lines.append(line)
                line = waiting.get_nowait()
        except Empty:
            yield lines
            continue
        if line is not None:
            lines.append(line)
            yield lines
            continue
        if lines:
            yield lines
        return
