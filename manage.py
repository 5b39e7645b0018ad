#!/usr/bin/env python3
"""Frontier's command line.

    python3 manage.py demo     the miniature study, live, from nothing
    python3 manage.py up       the same servers without the study
    python3 manage.py test     the whole test suite

Every other Django command works as usual. Where the packages are missing they are installed into `.venv` first.
"""

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  (what the project requires is not checked by an older Python)
        raise SystemExit(f"Frontier needs Python 3.11 or newer; this one is {sys.version.split()[0]}.")
    from frontier_app.embedded.bootstrap import ensure_packages

    ensure_packages(PROJECT, sys.argv)
    if sys.argv[1:2] == ["test"]:
        os.environ.setdefault("SECRET_KEY", "only-for-tests")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frontier_app.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        raise SystemExit(f"{error}") from None


if __name__ == "__main__":
    main()
