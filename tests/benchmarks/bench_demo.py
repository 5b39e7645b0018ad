"""The demo from an installed start: seconds until the page answers, and until the whole study is measured.

    python tests/benchmarks/bench_demo.py [--seed N]

Bars: page up within 15 s, the whole frontier within 300 s on two idle cores. Everything starts in a new data folder, so
nothing comes from a cache of an earlier run.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from project import PROJECT

PAGE_BAR, STUDY_BAR = 15, 300
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")


def demo(home: Path, summary: Path, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, "manage.py", "demo", "--exit", "--seed", str(seed), "--summary", str(summary)]
    environment = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.Popen(
        command,
        cwd=PROJECT,
        env=environment | {"FRONTIER_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def address_of(process: subprocess.Popen[str]) -> str:
    """The address the demo prints. Raises RuntimeError with its last words when it ends before."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if found := ADDRESS.search(line):
            return found[0]
    raise RuntimeError("".join(said[-5:]))


def wait_for_page(address: str) -> None:
    while True:
        try:
            httpx.get(address, follow_redirects=True).raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.05)


def main(seed: int) -> None:
    home = Path(tempfile.mkdtemp(prefix="frontier-bench-"))
    home.chmod(0o711)  # as root, PostgreSQL runs under an account that must pass through
    summary = home / "summary.json"
    start = time.perf_counter()
    process = demo(home, summary, seed)
    try:
        wait_for_page(address_of(process))
        page = time.perf_counter() - start
        rest, _ = process.communicate()
        whole = time.perf_counter() - start
        if process.returncode:
            raise SystemExit(rest)
        points = json.loads(summary.read_text())["points"]
        print(f"page up after {page:.1f} s (bar {PAGE_BAR}: {page / PAGE_BAR:.2f} of it)")
        print(
            f"whole study, {len(points)} points, after {whole:.0f} s (bar {STUDY_BAR}: {whole / STUDY_BAR:.2f} of it)"
        )
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
