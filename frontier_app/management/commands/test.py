"""`manage.py test`: pytest on the whole suite. Everything after `test` is passed on."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec

from django.conf import settings
from django.core.management.base import BaseCommand

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Command(BaseCommand):
    help = "Run the test suite with pytest, against a PostgreSQL and a Valkey of its own unless addresses are set."
    requires_system_checks = []

    def run_from_argv(self, argv: list[str]) -> None:
        """pytest has its own options, so none is parsed here."""
        if find_spec("pytest") is None:
            raise SystemExit("pytest is not installed here: run `pip install -e '.[ml,dev]'`.")
        if os.environ.get("CI") and not any(shutil.which(name) for name in BROWSERS):
            raise SystemExit("In CI the browser tests must run, and there is no Chromium: `apt-get install chromium`.")
        environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        command = [sys.executable, "-m", "pytest", *argv[2:]]
        raise SystemExit(subprocess.call(command, cwd=settings.PROJECT, env=environment))
