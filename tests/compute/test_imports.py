"""What the web process imports of compute must not drag in the heavy libraries."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import compute

HEAVY = ("torch", "transformers", "trl", "vllm", "safetensors", "tokenizers", "datasets")
ROOT = Path(compute.__file__).parent


def light_modules():
    named = ["configs", "events", "errors", "client", "__main__", "judge.verdict", "rollout.engines", "miniature.study"]
    packages = [ROOT / "problems", ROOT / "stats"]
    inside = [f"{package.name}.{path.stem}" for package in packages for path in package.rglob("*.py")]
    names = [f"compute.{name}".removesuffix(".__init__") for name in [*named, *inside]]
    return sorted(name for name in names if importlib.util.find_spec(name))


def heavy_after(statement):
    code = f"import sys\n{statement}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    return done.stdout.split()


def test_the_light_modules_load_no_heavy_library():
    assert heavy_after("\n".join(f"import {name}" for name in light_modules())) == []


def test_the_light_modules_load_no_web_framework():
    imports = "\n".join(f"import {name}" for name in light_modules())
    code = f"import sys\n{imports}\nprint(*[n for n in ('django', 'celery', 'channels') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert done.stdout.split() == []


@pytest.mark.ml
def test_this_test_would_notice_a_heavy_library():
    assert "torch" in heavy_after("import torch")
