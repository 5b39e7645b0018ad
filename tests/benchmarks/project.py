"""Puts the checkout on the path, so that a benchmark also runs where Frontier is not installed.

Import it before anything of Frontier's own.
"""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]
