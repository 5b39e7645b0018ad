"""The ICPC / Kattis problem package, legacy and 2023-07: a folder or a zip with problem.yaml, data and submissions.

A folder or zip of several packages is read as that many problems. The format knows no difficulty: it becomes medium,
with a note. Interactive, multi-pass and submit-answer problems, scoring validators and files added to submissions are
refused; everything else that is passed over leaves a note.
"""

import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from compute.configs import REFERENCE_LENGTH, one_sentence
from compute.problems.formats import UNKNOWN_DIFFICULTY, Draft, Format, Refusal, as_text, attempt
from compute.problems.formats.kattis_checker import check_flags, checker_of
from compute.problems.formats.kattis_data import Suite, read_suite
from compute.problems.formats.kattis_programs import read_submissions, read_validator
from compute.problems.formats.kattis_settings import DEFAULT_MEMORY_MIB, PROBLEM_YAML, Settings, read_settings
from compute.problems.formats.kattis_statement import Statement, read_statement, samples
from compute.problems.formats.package_files import FolderFiles, PackageFiles, PackageRefused, ZipFiles, zip_folders
from compute.problems.problem import BlobStore, Problem, Validator

ZIPS = (".zip", ".kpp")
MOST_YAML_BYTES = 256 << 10
"""Of all YAML files of a package, which are read at some tens of kilobytes a second and not to be cancelled."""
LIMIT_SEARCH_SECONDS = 60.0
"""Bounds a run that finds a time limit: no accepted solution of a contest problem is slower."""

_INCLUDED_LANGUAGES = ("default", "cpp", "python", "python3")


def recognises(path: Path) -> bool:
    """Whether there is a problem.yaml in the folder or zip or in one directly below it, or tests where a package has
    them: one that lacks its problem.yaml is then refused for that."""
    return bool(_packages(path)) or (path / "data" / "secret").is_dir()


def read(path: Path, blobs: BlobStore) -> Iterator[Draft | Refusal]:
    """One draft or refusal a package, in the order of their names."""
    for place, inside in _packages(path) or [(path, "")]:
        name = as_text(inside.rpartition("/")[2] or place.name)
        yield attempt(name, partial(_read, place, inside, name, blobs))


def _read(place: Path, inside: str, name: str, blobs: BlobStore) -> Draft | Refusal:
    try:
        return read_package(_files(place, inside), blobs)
    except PackageRefused as error:
        return Refusal(name, str(error))


def read_package(files: PackageFiles, blobs: BlobStore) -> Draft:
    """The problem in one package. Raises PackageRefused."""
    notes: list[str] = []
    _check_yaml(files)
    settings = read_settings(files, notes)
    _refuse_included_files(files, notes)
    slug = re.sub(r"[^A-Za-z0-9._:-]+", "-", files.name).strip("-")[:REFERENCE_LENGTH] or "problem"
    validator = read_validator(files, settings.custom, settings.constants, blobs, notes)
    check_flags(f"{PROBLEM_YAML}: validator_flags", settings.flags, validator is not None)
    suite = read_suite(files, settings, validator is not None, blobs, notes)
    programs = read_submissions(files, slug, settings.constants, blobs, notes)
    statement = read_statement(files, settings.constants, notes)
    try:
        problem = _problem(slug, settings, statement, suite, validator, samples(suite.tests, blobs))
    except ValidationError as error:
        raise PackageRefused(f"The package is not a problem that can be judged: {one_sentence(error)}") from None
    return Draft(
        problem=problem,
        programs=programs,
        limit_rule=settings.limit_rule if settings.cpu_seconds is None else None,
        notes=tuple(dict.fromkeys((UNKNOWN_DIFFICULTY, *notes))),
        states_memory=settings.memory_bytes is not None,
    )


def _problem(
    slug: str, settings: Settings, statement: Statement, suite: Suite, validator: Validator | None, appendix: str
) -> Problem:
    checkers = {
        test.identifier: checker_of(suite.flags[test.identifier], validator is not None) for test in suite.tests
    }
    usual = Counter(checkers.values()).most_common(1)[0][0]
    tests = tuple(
        test if checkers[test.identifier] == usual else test.model_copy(update={"checker": checkers[test.identifier]})
        for test in suite.tests
    )
    names = settings.names
    return Problem(
        slug=slug,
        title=names.get(statement.language) or names.get("en") or next(iter(names.values()), statement.name) or slug,
        statement="\n\n".join(part for part in (statement.text, appendix) if part),
        difficulty="medium",
        tags=settings.keywords,
        cpu_seconds=settings.cpu_seconds or LIMIT_SEARCH_SECONDS,
        memory_bytes=settings.memory_bytes or DEFAULT_MEMORY_MIB << 20,
        checker=usual,
        tests=tests,
        validator=validator,
        level_names=suite.level_names,
    )


def _check_yaml(files: PackageFiles) -> None:
    total = sum(files.size(path) for path in files.below("") if path.endswith((".yaml", ".yml")))
    if total > MOST_YAML_BYTES:
        raise PackageRefused(f"The package's YAML files have {total} bytes, more than {MOST_YAML_BYTES}.")


def _refuse_included_files(files: PackageFiles, notes: list[str]) -> None:
    for folder in files.children("include").folders:
        if folder in _INCLUDED_LANGUAGES:
            raise PackageRefused(f"include/{folder}: files added to every submission are not supported yet.")
        notes.append(f"include/{folder} was passed over.")


def _packages(path: Path) -> list[tuple[Path, str]]:
    """(folder or zip, folder inside the zip) of each package at `path`: itself, or those directly in it."""
    if path.is_file():
        return _zipped(path)
    if (path / PROBLEM_YAML).is_file():
        return [(path, "")]
    if not path.is_dir() or (path / "data").is_dir():
        return []
    found: list[tuple[Path, str]] = []
    for entry in sorted(path.iterdir()):
        found += [(entry, "")] if (entry / PROBLEM_YAML).is_file() else _zipped(entry)
    return found


def _zipped(path: Path) -> list[tuple[Path, str]]:
    if path.suffix.lower() not in ZIPS or not path.is_file() or not zipfile.is_zipfile(path):
        return []
    try:
        return [(path, inside) for inside in zip_folders(path, PROBLEM_YAML)]
    except PackageRefused:
        return []


def _files(place: Path, inside: str) -> PackageFiles:
    return FolderFiles(place) if place.is_dir() else ZipFiles(place, inside)


FORMAT = Format("kattis", "ICPC / Kattis problem package", recognises, read)
