"""From a worker's event to an open page: the real web server, real websockets, real PostgreSQL and Valkey.

    python tests/benchmarks/bench_live.py [pages] [events]

Bar: an event reaches an open page within 1 s (p95) with 50 pages open. Counted from just before `ingest` is called
(so the transaction is included) until each page's websocket has the message.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time

from services import running  # before Django

import factories  # isort: skip
import numpy as np
from django.test import Client
from project import PROJECT
from websockets.asyncio.client import connect

from compute.events import Metric
from frontier_app import live
from frontier_app.ingest import ingest
from frontier_app.models import Job

SECONDS_BETWEEN = 0.05


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


def session_cookie() -> str:
    browser = Client()
    browser.force_login(factories.alice())
    return browser.cookies.output(header="", attrs=[]).strip()


async def open_pages(port: int, cookie: str, pages: int) -> list:
    address = f"ws://127.0.0.1:{port}/live/?topics=study:miniature,home"
    headers = {"Cookie": cookie, "Origin": f"http://127.0.0.1:{port}"}
    for _ in range(200):
        try:
            sockets = [await connect(address, additional_headers=headers) for _ in range(pages)]
            break
        except OSError:
            await asyncio.sleep(0.1)
    for page in sockets:
        assert json.loads(await page.recv())["what"] == "ready"
    return sockets


async def listen(page: object, events: int, sent: dict[int, float]) -> list[float]:
    """Seconds from each event to this page."""
    waits = []
    while len(waits) < events:
        message = json.loads(await asyncio.wait_for(page.recv(), 30))
        if message["what"] == "metrics":
            waits.append(time.perf_counter() - sent[message["data"]["step"]])
    return waits


def speak(job: Job, events: int, sent: dict[int, float]) -> None:
    for step in range(1, events + 1):
        event = Metric(sequence=step, run="miniature.low", step=step, values={"reward": 0.5, "length": 30.0})
        sent[step] = time.perf_counter()
        ingest(job, job.token, [event])
        time.sleep(SECONDS_BETWEEN)
    live.flush()


async def measure(port: int, cookie: str, job: Job, pages: int, events: int) -> np.ndarray:
    sent: dict[int, float] = {}
    sockets = await open_pages(port, cookie, pages)
    listening = [asyncio.create_task(listen(page, events, sent)) for page in sockets]
    await asyncio.to_thread(speak, job, events, sent)
    waits = np.array(await asyncio.gather(*listening))
    for page in sockets:
        await page.close()
    return waits


def main(pages: int, events: int) -> None:
    study = factories.study()
    job = factories.claimed(factories.training_config(study, "low", 0.4), study, "Train low")
    cookie, port = session_cookie(), free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "frontier_app.asgi:application",
        "--port",
        str(port),
        "--log-level",
        "error",
    ]
    with subprocess.Popen(command, cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)}) as server:
        try:
            waits = asyncio.run(measure(port, cookie, job, pages, events)) * 1000
        finally:
            server.terminate()
    half, most = np.percentile(waits, (50, 95))
    print(f"{events} events to each of {pages} open pages, {waits.size:,} messages")
    bar = f"bar 1000 ms: {'pass' if most < 1000 else 'FAIL'}"
    print(f"from the event to the page: p50 {half:.0f} ms, p95 {most:.0f} ms ({bar}), worst {waits.max():.0f} ms")


if __name__ == "__main__":
    with running():
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 50, int(sys.argv[2]) if len(sys.argv) > 2 else 100)
