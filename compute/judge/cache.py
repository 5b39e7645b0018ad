"""Verdicts already known, kept in an SQLite file that the judges of a host share.

A row is one program on one test under one setting (language, limits, isolation): content hashes in, letter and
measurements out. Infrastructure trouble is never stored. The file is bounded: what was added first leaves first. The
cache only saves work: when its file cannot be used the judge goes on without it and says so once.
"""

import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from compute.judge.outcome import Outcome

log = logging.getLogger(__name__)

MOST_BYTES = 2 << 30
_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS verdicts (
    program BLOB, setting TEXT, test BLOB,
    letter TEXT NOT NULL, cpu_seconds REAL NOT NULL, wall_seconds REAL NOT NULL, memory_bytes INTEGER NOT NULL,
    rule TEXT NOT NULL, added INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER)),
    PRIMARY KEY (program, setting, test)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS verdicts_by_age ON verdicts (added);
"""
_FORGET = """
DELETE FROM verdicts WHERE (program, setting, test) IN (
    SELECT program, setting, test FROM verdicts ORDER BY added LIMIT (SELECT COUNT(*) / 4 FROM verdicts)
)
"""


class VerdictCache:
    """`path` None keeps nothing. Use from one thread at a time; any number of processes may share a file."""

    def __init__(self, path: Path | None, most_bytes: int = MOST_BYTES) -> None:
        self._connection: sqlite3.Connection | None = None
        self._most_bytes = most_bytes
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
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            connection.execute("DROP TABLE IF EXISTS verdicts")
            connection.execute(f"PRAGMA user_version={_VERSION}")
        for statement in filter(str.strip, _SCHEMA.split(";")):
            connection.execute(statement)
        connection.execute("COMMIT")
        return connection

    def get(self, program: bytes, setting: str) -> dict[bytes, Outcome]:
        """What is known of a program, by test."""
        if self._connection is None:
            return {}
        query = (
            "SELECT test, letter, cpu_seconds, wall_seconds, memory_bytes, rule "
            "FROM verdicts WHERE program = ? AND setting = ?"
        )
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
        columns = "program, setting, test, letter, cpu_seconds, wall_seconds, memory_bytes, rule"
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                f"INSERT OR IGNORE INTO verdicts ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values
            )
            if self._used_bytes() > self._most_bytes:
                self._connection.execute(_FORGET)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._give_up(error)

    def _used_bytes(self) -> int:
        assert self._connection is not None
        pages, free, size = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def _give_up(self, error: sqlite3.Error) -> None:
        log.warning("The verdict cache is not used any more: %s", error)
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
