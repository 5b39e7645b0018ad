"""Ctrl+C, after everything else here: whoever wants the installation then has to start it again."""

import signal

import pytest

from tests.processes.installation import Installation, still_running

pytestmark = [pytest.mark.processes, pytest.mark.ml]


def test_ctrl_c_stops_everything_in_order(installation: Installation):
    installation.serve()
    before = installation.everything()
    assert installation.supervisor is not None
    installation.supervisor.send_signal(signal.SIGINT)
    assert installation.supervisor.wait(60) == 0, installation.told()
    assert not still_running([*before, *installation.everything()])
    assert "database system is shut down" in (installation.places.logs / "postgres.log").read_text()
    assert installation.places.lock.read_text() == ""
