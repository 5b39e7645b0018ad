"""Frame times of the study page in a real Chromium while the alpha slider is dragged: 1000 problems x 25 alphas.

    python tests/benchmarks/bench_slider.py

Bar: under 16 ms a frame. A frame's *cost* is what the page's own scripts and the layout that they cause take of it; its
*interval* is the time between two frames, which holds whatever else the machine does. Also printed: the size of the
data, plain and gzipped, how long the server makes them, and the machine's load. Rows are those of bench_figure.py.
"""

import gzip
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
os.environ["FRONTIER_HTTPS"] = "0"

import numpy as np
from bench_figure import EVALUATIONS, PROBLEMS, draw, fill
from services import running

MOVES = 400
COUNT_FRAMES = """
const next = window.requestAnimationFrame.bind(window);
window.costs = [];
window.intervals = [];
window.requestAnimationFrame = (draw) => next((time) => {
  const began = performance.now();
  draw(time);
  document.body.offsetHeight;
  window.costs.push(performance.now() - began);
});
let last = null;
const tick = (time) => { if (last !== null) window.intervals.push(time - last); last = time; next(tick); };
next(tick);
"""


def measure() -> None:
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    from frontier_app.models import Membership

    study = fill(draw())
    person = User.objects.create(username="bench")
    Membership.objects.create(study=study, user=person, role=Membership.OWNER)
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(person)
    data = f"{study.get_absolute_url()}explorer.json"
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        body = client.get(data).content
        taken.append((time.perf_counter() - started) * 1000)
    compressed = len(gzip.compress(body))
    print(
        f"data: {len(body) / 1e3:.0f} kB, gzipped {compressed / 1e3:.0f} kB; made in {np.median(taken):.0f} ms (median)"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "frontier_app.asgi:application", "--port", str(port)]
    server = subprocess.Popen(command, cwd=settings.PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value}
        drag(f"http://127.0.0.1:{port}", study.get_absolute_url(), cookie)
    finally:
        server.terminate()
        server.wait(20)


def drag(address: str, page_path: str, cookie: dict[str, str]) -> None:
    import httpx
    from playwright.sync_api import sync_playwright

    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            httpx.get(f"{address}/login/", timeout=60)
            break
        except httpx.ConnectError:
            time.sleep(0.2)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from frontier_app.management.commands.test import BROWSERS
    from tests.browser.conftest import QUIET
    from tests.browser.visitor import ruler_pixel

    program = next(found for name in BROWSERS if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        context = browser.new_context(viewport={"width": 1280, "height": 1100})
        context.add_cookies([cookie | {"url": address}])
        context.add_init_script(COUNT_FRAMES)
        page = context.new_page()
        for name, query in (("hardest first", "?a=-0.5"), ("with a second slider on the same path", second(page_path))):
            started = time.perf_counter()
            page.goto(address + page_path + query)
            page.wait_for_selector("#strip .strip-row")
            page.wait_for_selector("#frontier .plot-container")
            page.wait_for_timeout(3000)
            opened = time.perf_counter() - started - 3
            start, end = ruler_pixel(page, -0.5), ruler_pixel(page, 1.5)
            page.evaluate("window.costs = []; window.intervals = []")
            page.mouse.move(*start)
            page.mouse.down()
            for step in range(1, MOVES + 1):
                page.mouse.move(start[0] + (end[0] - start[0]) * step / MOVES, start[1])
            page.mouse.up()
            costs, intervals = page.evaluate("[window.costs, window.intervals]")
            print(f"{name}: page drawn after {opened:.1f} s; {PROBLEMS} problems x {EVALUATIONS} alphas, {MOVES} moves")
            for kind, values in (("cost", costs), ("interval", intervals)):
                median, p95 = np.quantile(values, [0.5, 0.95])
                most = f"most {max(values):.1f} ms of {len(values)}"
                bar = f" (bar 16 ms: {'pass' if p95 < 16 else 'FAIL'})" if kind == "cost" else ""
                print(f"  frame {kind}: median {median:.1f} ms, p95 {p95:.1f} ms{bar}, {most}")
            print(f"  load average: {', '.join(f'{one:.1f}' for one in os.getloadavg())} on {os.cpu_count()} cores")
        browser.close()


def second(page_path: str) -> str:
    from frontier_app.models import Path as StudyPath

    path = StudyPath.objects.get()
    return f"?a=-0.5&with={path.pk}:reasoning"


if __name__ == "__main__":
    with running(durable=False):
        measure()
