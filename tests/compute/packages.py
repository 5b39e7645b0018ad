"""Writes small problem packages in the ICPC / Kattis format, as folders and as zips, and reads them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

from compute.problems.formats import Draft, Refusal
from compute.problems.formats.kattis import FORMAT
from compute.problems.problem import BlobStore

ADD = "print(sum(map(int, input().split())))\n"
CONSTANT = "print(3)\n"
CRASH = "raise SystemExit(1)\n"
NEW = "problem_format_version: 2023-07-draft\nname: Add Two\nuuid: 0\n"

Files = Mapping[str, str | bytes | None]

MINIMAL: Files = {
    "problem.yaml": "name: Add Two\nlimits:\n  time_limit: 1\n",
    "problem_statement/problem.en.tex": "\\problemname{Add Two}\nAdd \\textbf{two} numbers.\n",
    "data/sample/1.in": "1 2\n",
    "data/sample/1.ans": "3\n",
    "data/secret/1.in": "3 4\n",
    "data/secret/1.ans": "7\n",
    "data/secret/2.in": "10 20\n",
    "data/secret/2.ans": "30\n",
    "submissions/accepted/add.py": ADD,
    "submissions/wrong_answer/constant.py": CONSTANT,
}


def write_package(folder: Path, changes: Files = MINIMAL, *, only: bool = False) -> Path:
    """The minimal package with `changes` (None removes a file), or only these files."""
    files = dict(changes) if only else {**MINIMAL, **changes}
    for name, content in files.items():
        if content is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def zip_package(file: Path, changes: Files = MINIMAL, *, inside: str = "add/") -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**MINIMAL, **changes}.items():
            if content is not None:
                archive.writestr(f"{inside}{name}", content)
    return file


def read_draft(folder: Path, changes: Files | None = None) -> Draft:
    """Write the minimal package with `changes` to `folder`/add-two and read the one problem in it. Its bytes go to
    `folder`/blobs."""
    (item,) = FORMAT.read(write_package(folder / "add-two", changes or {}), BlobStore(folder / "blobs"))
    assert isinstance(item, Draft), item
    return item


def read_refusal(folder: Path, changes: Files) -> str:
    """The same for a package that is refused: the reason, which is one sentence."""
    (item,) = FORMAT.read(write_package(folder / "add-two", changes), BlobStore(folder / "blobs"))
    assert isinstance(item, Refusal), item
    assert item.name == "add-two"
    assert item.reason.endswith((".", ")."))
    assert "\n" not in item.reason
    return item.reason


def checkers(draft: Draft) -> dict[str, str]:
    """The checker of each test."""
    return {test.identifier: test.checker or draft.problem.checker for test in draft.problem.tests}
