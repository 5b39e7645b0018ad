"""`manage.py test`: pytest. Without arguments it runs the whole suite, on several processes where the cores are there;
what follows `test` is passed on."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec

from django.conf import settings
from django.core.management.base import BaseCommand

# The headless shell is the same Chromium without a window, and the browser tests take a quarter less time with it.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Each process has servers of its own; those that an address names would have to be shared.
WHOLE_SUITE = ("-n", "logical", "--maxprocesses", "4", "--dist", "loadgroup", "--no-loadscope-reorder")


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
        command = [sys.executable, "-m", "pytest", *(argv[2:] or ([] if "REDIS_URL" in os.environ else WHOLE_SUITE))]
        raise SystemExit(subprocess.call(command, cwd=settings.PROJECT, env=environment))
