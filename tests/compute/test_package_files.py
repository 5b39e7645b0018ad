"""Hostile packages: zips and folders that try to leave their place, to lie about sizes, or never to end."""

import os
import zipfile
from pathlib import Path

import pytest

from compute.problems.formats import Refusal
from compute.problems.formats.kattis import FORMAT
from compute.problems.problem import BlobStore
from tests.compute.packages import (
    write_package,
    zip_package,
)


def refused_zip(file: Path, blobs: BlobStore) -> str:
    (item,) = FORMAT.read(file, blobs)
    assert isinstance(item, Refusal), item
    return item.reason


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil", "add/../../evil", "a\\..\\..\\evil", "C:/evil"])
def test_a_zip_with_names_that_leave_it_is_refused(tmp_path: Path, blobs: BlobStore, name: str) -> None:
    file = zip_package(tmp_path / "add.zip")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(name, "x")
    assert "unsafe name" in refused_zip(file, blobs)
    assert {path.name for path in tmp_path.iterdir()} == {"add.zip"}


def test_a_zip_with_a_link_is_refused(tmp_path: Path, blobs: BlobStore) -> None:
    file = zip_package(tmp_path / "add.zip", {"data/secret/2.ans": None})
    link = zipfile.ZipInfo("add/data/secret/2.ans")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert refused_zip(file, blobs) == "add/data/secret/2.ans is a symbolic link, which a zip may not have."


def test_a_zip_that_claims_to_be_huge_is_refused_unread(tmp_path: Path, blobs: BlobStore) -> None:
    file = zip_package(tmp_path / "add.zip")
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("add/data/secret/9.in", "w") as big:
        for _ in range(80):
            big.write(bytes(1 << 20))
    assert "claims to unpack to 81 MiB" in refused_zip(file, blobs)


def test_a_zip_whose_sizes_lie_is_refused(tmp_path: Path, blobs: BlobStore) -> None:
    file = zip_package(tmp_path / "add.zip", {"data/secret/2.in": "10 20" + " " * 5000})
    data = file.read_bytes()
    assert data.count((5005).to_bytes(4, "little")) == 2
    file.write_bytes(data.replace((5005).to_bytes(4, "little"), (50).to_bytes(4, "little")))
    assert "add/data/secret/2.in" in f"add/{refused_zip(file, blobs)}"


def test_a_zip_that_is_cut_short_is_refused(tmp_path: Path, blobs: BlobStore) -> None:
    file = zip_package(tmp_path / "add.zip")
    file.write_bytes(file.read_bytes()[:-40])
    assert "add.zip is not a zip that can be read" in refused_zip(file, blobs)


def test_links_that_leave_the_package_are_refused(tmp_path: Path, refusal) -> None:
    (tmp_path / "secret.txt").write_text("30\n")
    write_package(tmp_path / "add-two")
    (tmp_path / "add-two/data/secret/3.ans").symlink_to(tmp_path / "secret.txt")
    assert refusal({}) == "data/secret/3.ans is a link that leaves the package."


def test_links_in_a_circle_and_pipes_are_refused(tmp_path: Path, refusal) -> None:
    write_package(tmp_path / "add-two")
    loop = tmp_path / "add-two/data/secret/again"
    loop.symlink_to(tmp_path / "add-two/data")
    assert "data/secret/again is a link to a folder that holds it" in refusal({})
    loop.unlink()
    os.mkfifo(loop)
    assert "data/secret/again is neither a file nor a folder" in refusal({})
