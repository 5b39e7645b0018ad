"""Writes files of JSON lines, as data sets come in, and reads them by a format."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

from compute.problems.formats import Draft, Format, Recipe, Refusal
from compute.problems.problem import BlobStore


def write_records(path: Path, *records: Mapping[str, object]) -> Path:
    """One record a line, compressed where the name says so."""
    data = "".join(json.dumps(one) + "\n" for one in records).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read_records(
    form: Format, folder: Path, *records: Mapping[str, object], name: str = "set.jsonl"
) -> list[Draft | Recipe | Refusal]:
    """What the format makes of `records` in the file `name`. Its bytes go to `folder`/blobs."""
    path = write_records(folder / name, *records)
    assert form.recognises(path)
    return list(form.read(path, BlobStore(folder / "blobs")))
