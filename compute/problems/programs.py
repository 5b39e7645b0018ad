"""The known programs of a problem set: a file of JSON lines beside the set's own. Runs nothing."""

from collections.abc import Iterable
from pathlib import Path

from compute.problems.problem import KnownProgram, read_rows, write_atomically


def programs_beside(problem_set: Path) -> Path:
    """Where the known programs of the set at `problem_set` lie: `X.programs.jsonl` beside `X.jsonl`."""
    return problem_set.with_name(f"{problem_set.stem}.programs.jsonl")


def read_known_programs(path: Path) -> list[KnownProgram]:
    """Raises MissingInput when the file is absent and ConfigError, naming the line, when a line is not a program."""
    return read_rows(path, KnownProgram, f"There are no known programs at {path}.", "a known program")


def write_known_programs(path: Path, programs: Iterable[KnownProgram]) -> None:
    """Write all or nothing."""
    write_atomically(path, "".join(program.model_dump_json() + "\n" for program in programs).encode())
