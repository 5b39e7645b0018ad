"""Hostile and odd programs as data: reads `tests/judge_cases`, whose README says what a case is made of.

Knows nothing of how cases are run or what is watched meanwhile (`judge_conformance`, `judge_surroundings`).
"""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compute.problems.problem import BlobStore, Call, Problem, TestCase

FOLDER = Path(__file__).resolve().parents[1] / "judge_cases"
LANGUAGES = {".py": "python", ".cpp": "cpp"}
_KEYS = {"title", "attacks", "verdicts", "input", "output", "tests", "checker", "call", "limits", "where", "silent"}
_LIMITS = {"cpu_seconds": 1.0, "memory_mib": 128}
_WHERE = {"layer", "language"}
_LETTERS = set("AWRTMOC")


@dataclass(frozen=True)
class Case:
    """One program with what a judge must say of it. A test without an expected output (None) has a secret answer."""

    identifier: str
    language: str
    program: str
    title: str
    attacks: str
    tests: tuple[tuple[bytes, bytes | None], ...]
    verdicts: frozenset[str]
    exceptions: tuple[dict[str, Any], ...]
    silent: bool
    cpu_seconds: float
    memory_bytes: int
    checker: str
    call: Call | None

    @property
    def topic(self) -> str:
        return self.identifier.partition("/")[0]

    def runs_in(self, layer: str) -> bool:
        """Where no file can be hidden nothing can be compiled."""
        return layer != "seccomp" or self.language == "python"

    def allowed(self, layer: str) -> frozenset[str]:
        """The letters a test may get in an isolation layer: the last exception that fits, else the general ones."""
        here = {"layer": layer, "language": self.language}
        fitting = [one for one in self.exceptions if all(one[key] == here[key] for key in _WHERE & one.keys())]
        return frozenset(fitting[-1]["verdicts"]) if fitting else self.verdicts

    def problem(self, blobs: BlobStore, secret: bytes) -> Problem:
        """The case as a problem of one coverage level, with `secret` as the answer where the case states none."""
        tests = tuple(
            TestCase(
                identifier=f"t{place}",
                group=1,
                input=blobs.put(given),
                output=blobs.put(secret if expected is None else expected),
                size_bytes=len(given),
                reference_seconds=0.001,
            )
            for place, (given, expected) in enumerate(self.tests, start=1)
        )
        return Problem(
            slug=self.identifier.replace("/", "-"),
            title=self.title,
            statement=self.attacks,
            difficulty="easy",
            cpu_seconds=self.cpu_seconds,
            memory_bytes=self.memory_bytes,
            checker=self.checker,
            call=self.call,
            tests=tests,
        )


def load_cases(folder: Path = FOLDER) -> list[Case]:
    """All cases below `folder`, sorted. Raises ValueError, naming the file, when one breaks the recipe."""
    return [case for path in sorted(folder.rglob("case.toml")) for case in _read(path, folder)]


def _read(path: Path, folder: Path) -> Iterator[Case]:
    try:
        data = tomllib.loads(path.read_text())
        _check_keys(data)
        limits = _LIMITS | data.get("limits", {})
        programs = [file for file in sorted(path.parent.iterdir()) if file.stem == "program"]
        if not programs:
            raise ValueError("there is no program beside it")
        for file in programs:
            yield Case(
                identifier=f"{path.parent.relative_to(folder).as_posix()}/{LANGUAGES[file.suffix]}",
                language=LANGUAGES[file.suffix],
                program=file.read_bytes().decode("utf-8", "surrogatepass"),
                title=data["title"],
                attacks=data["attacks"],
                tests=_tests(data),
                verdicts=_letters(data["verdicts"]),
                exceptions=tuple(one | {"verdicts": _letters(one["verdicts"])} for one in data.get("where", [])),
                silent=data.get("silent", False),
                cpu_seconds=limits["cpu_seconds"],
                memory_bytes=limits["memory_mib"] << 20,
                checker=data.get("checker", "json" if "call" in data else "tokens"),
                call=Call(**data["call"]) if "call" in data else None,
            )
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{path} is not a case: {error!r}") from None


def _check_keys(data: dict[str, Any]) -> None:
    unknown = data.keys() - _KEYS
    unknown |= data.get("limits", {}).keys() - _LIMITS.keys()
    for exception in data.get("where", []):
        unknown |= exception.keys() - _WHERE - {"verdicts"}
    for test in data.get("tests", []):
        unknown |= test.keys() - {"input", "output", "input_times", "output_times"}
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}")


def _letters(letters: Sequence[str]) -> frozenset[str]:
    if not letters or set(letters) - _LETTERS:
        raise ValueError(f"verdicts are some of {sorted(_LETTERS)}, not {letters}")
    return frozenset(letters)


def _tests(data: dict[str, Any]) -> tuple[tuple[bytes, bytes | None], ...]:
    tests = data.get("tests") or [{key: data[key] for key in ("input", "output") if key in data}]
    return tuple(
        (
            test.get("input", "7\n").encode() * test.get("input_times", 1),
            test["output"].encode() * test.get("output_times", 1) if "output" in test else None,
        )
        for test in tests
    )
