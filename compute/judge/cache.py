"""Verdicts already known, kept in an SQLite file that several judges share.

A row is one program on one test under one setting (language, limits, isolation): content hashes in, letter and
measurements out. Infrastructure trouble is never stored. The cache only saves work: when its file cannot be used the
judge goes on without it and says so once.
"""

import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS verdicts (
    program BLOB, setting TEXT, test BLOB,
    letter TEXT NOT NULL, cpu_seconds REAL NOT NULL, memory_bytes INTEGER NOT NULL,
    PRIMARY KEY (program, setting, test)
) WITHOUT ROWID
"""


class Outcome(NamedTuple):
    """The verdict letter of one test with what the program used."""

    letter: str
    cpu_seconds: float
    memory_bytes: int


class VerdictCache:
    """`path` None keeps nothing. Use from one thread at a time."""

    def __init__(self, path: Path | None) -> None:
        self._connection: sqlite3.Connection | None = None
        if path is not None:
            try:
                self._connection = self._open(path)
            except (sqlite3.Error, OSError) as error:
                log.warning("The verdict cache %s is not used: %s", path, error)

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")  # a lost verdict is judged again
        connection.execute(_SCHEMA)
        return connection

    def get(self, program: bytes, setting: str) -> dict[bytes, Outcome]:
        """What is known of a program, by test."""
        if self._connection is None:
            return {}
        query = "SELECT test, letter, cpu_seconds, memory_bytes FROM verdicts WHERE program = ? AND setting = ?"
        try:
            rows = self._connection.execute(query, (program, setting)).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return {}
        return {row[0]: Outcome(*row[1:]) for row in rows}

    def put(self, rows: Iterable[tuple[bytes, str, bytes, Outcome]]) -> None:
        """Add (program, setting, test, outcome) rows in one transaction. A row that another judge wrote first stays."""
        values = [(program, setting, test, *outcome) for program, setting, test, outcome in rows]
        if self._connection is None or not values:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR IGNORE INTO verdicts VALUES (?, ?, ?, ?, ?, ?)", values)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._give_up(error)

    def _give_up(self, error: sqlite3.Error) -> None:
        log.warning("The verdict cache is not used any more: %s", error)
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
