"""One small installation for all the tests here: `test_survival` makes its study, `test_whole_study` checks it,
`test_winding_down` ends it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.installation import Installation


@pytest.fixture(scope="package")
def installation() -> Iterator[Installation]:
    home = Path(tempfile.mkdtemp(prefix="frontier-test-whole-"))
    home.chmod(0o711)
    running = Installation(home, FRONTIER_GPU_SLOTS="1")
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(home, ignore_errors=True)
