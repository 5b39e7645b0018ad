"""One small installation for all tests of a module."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.installation import Installation


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    home = Path(tempfile.mkdtemp(prefix="frontier-test-whole-"))
    home.chmod(0o711)
    running = Installation(home)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(home, ignore_errors=True)
