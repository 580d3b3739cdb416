"""The store's index: which text's vector lies in which row of which segment (SQLite)."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from chainbert.errors import StoreError

SCHEMA_VERSION = 1
BUSY_S = 60.0
LOOKUP_ROWS = 500
SCHEMA = """
CREATE TABLE encoder (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, dimension INTEGER NOT NULL);
CREATE TABLE segment (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, encoder INTEGER NOT NULL, rows INTEGER NOT NULL
);
CREATE TABLE vector (
    encoder INTEGER NOT NULL, text BLOB NOT NULL, segment INTEGER NOT NULL, row INTEGER NOT NULL,
    tokens INTEGER NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (encoder, text)
) WITHOUT ROWID;
"""
# SQLite's WAL needs shared memory, which these do not give between machines: the index would be damaged.
NETWORK_FILE_SYSTEMS = (
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs", "fuse.",
)  # fmt: skip
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored vector: where it is, how many tokens its text had, and the checksum of its bytes."""

    segment: str
    row: int
    tokens: int
    crc: int


def journal_mode(folder: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """``wal``, or ``delete`` where the folder lies on a network file system (said once in the log)."""
    kind = _file_system(folder, mounts)
    if not any(kind == name or (name.endswith(".") and kind.startswith(name)) for name in NETWORK_FILE_SYSTEMS):
        return "wal"
    log.info("%s lies on a network file system (%s): no WAL there; the slower rollback journal is used", folder, kind)
    return "delete"


def _file_system(folder: Path, mounts: Path) -> str:
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return ""
    place, best, kind = folder.resolve(), -1, ""
    for line in lines:
        _, point, found, *_ = [*line.split(" "), "", "", ""]
        point = point.replace("\\040", " ")
        if place.is_relative_to(point or "/") and len(point) >= best:
            best, kind = len(point), found
    return kind


class Index:
    """An open index; one per call and thread, closed by ``open_index``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside is committed together, or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            # A full disk may have rolled back already.
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def encoder(self, fingerprint: str, dimension: int) -> int:
        """The encoder's number, given at its first use. Raises StoreError where its vectors had another length."""
        query = "SELECT id, dimension FROM encoder WHERE fingerprint = ?"
        row = self._connection.execute(query, (fingerprint,)).fetchone()
        if row is None:
            with self.transaction():
                insert = "INSERT OR IGNORE INTO encoder (fingerprint, dimension) VALUES (?, ?)"
                self._connection.execute(insert, (fingerprint, dimension))
            row = self._connection.execute(query, (fingerprint,)).fetchone()
        if row[1] != dimension:
            raise StoreError(f"encoder {fingerprint}: {row[1]} numbers a vector are stored, {dimension} were given")
        return int(row[0])

    def find(self, encoder: int, texts: Sequence[bytes]) -> dict[bytes, Entry]:
        """The entries of those text hashes that are stored."""
        found: dict[bytes, Entry] = {}
        for start in range(0, len(texts), LOOKUP_ROWS):
            some = texts[start : start + LOOKUP_ROWS]
            rows = self._connection.execute(
                "SELECT v.text, s.name, v.row, v.tokens, v.crc FROM vector v JOIN segment s ON s.id = v.segment "
                f"WHERE v.encoder = ? AND v.text IN ({','.join('?' * len(some))})",
                (encoder, *some),
            )
            found.update((text, Entry(*entry)) for text, *entry in rows)
        return found

    def segments(self, encoder: int) -> dict[str, int]:
        """Name → committed rows of the encoder's segments, the oldest first."""
        query = "SELECT name, rows FROM segment WHERE encoder = ? ORDER BY id"
        return dict(self._connection.execute(query, (encoder,)))

    def add_segment(self, encoder: int, name: str) -> None:
        """Make a new, empty segment known."""
        with self.transaction():
            self._connection.execute("INSERT INTO segment (name, encoder, rows) VALUES (?, ?, 0)", (name, encoder))

    def add(self, encoder: int, entries: dict[bytes, Entry], segment: str, rows: int) -> None:
        """Commit entries of one segment, which has ``rows`` rows from now on; a text that is there already stays."""
        with self.transaction():
            (number,) = self._connection.execute("SELECT id FROM segment WHERE name = ?", (segment,)).fetchone()
            self._connection.executemany(
                "INSERT OR IGNORE INTO vector VALUES (?, ?, ?, ?, ?, ?)",
                [(encoder, text, number, one.row, one.tokens, one.crc) for text, one in entries.items()],
            )
            self._connection.execute("UPDATE segment SET rows = ? WHERE id = ?", (rows, number))

    def forget(self, encoder: int, entries: dict[bytes, Entry]) -> None:
        """Remove entries whose bytes are gone, unless another process has stored them anew meanwhile."""
        with self.transaction():
            self._connection.executemany(
                "DELETE FROM vector WHERE encoder = ? AND text = ? AND row = ? "
                "AND segment = (SELECT id FROM segment WHERE name = ?)",
                [(encoder, text, one.row, one.segment) for text, one in entries.items()],
            )

    def count(self) -> int:
        """Stored vectors of all encoders."""
        return int(self._connection.execute("SELECT count(*) FROM vector").fetchone()[0])

    def rows_by_segment(self) -> list[tuple[str, int, int, list[tuple[int, int]]]]:
        """Each segment's name, dimension, committed rows, and its (row, crc) pairs in order of rows."""
        segments = self._connection.execute(
            "SELECT s.id, s.name, e.dimension, s.rows FROM segment s JOIN encoder e ON e.id = s.encoder ORDER BY s.id"
        ).fetchall()
        pairs: dict[int, list[tuple[int, int]]] = {number: [] for number, *_ in segments}
        for number, row, crc in self._connection.execute("SELECT segment, row, crc FROM vector ORDER BY segment, row"):
            pairs[number].append((row, crc))
        return [(name, dimension, rows, pairs[number]) for number, name, dimension, rows in segments]


@contextlib.contextmanager
def open_index(folder: Path) -> Iterator[Index]:
    """The index of a store folder, made if it is not there.

    Raises StoreError where it is damaged, written by a newer chainbert, locked for long, or the disk is full.
    """
    path = folder / "index.sqlite"
    try:
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        try:
            _prepare(connection, folder)
            yield Index(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreError(_explain(path, error)) from error


def _prepare(connection: sqlite3.Connection, folder: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        with FileLock(folder / "index.lock"):
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                connection.execute(f"PRAGMA journal_mode = {journal_mode(folder)}")
                connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
                version = SCHEMA_VERSION
    if version != SCHEMA_VERSION:
        raise StoreError(
            f"{folder}: its index has layout {version}, this chainbert reads {SCHEMA_VERSION}; "
            "use the chainbert that wrote it, or another folder"
        )
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal" and journal_mode(folder) != "wal":
        connection.execute("PRAGMA journal_mode = delete")  # the folder was copied to a network file system
    connection.execute("PRAGMA synchronous = FULL")


def _explain(path: Path, error: sqlite3.Error) -> str:
    text = str(error)
    if "full" in text or "disk I/O" in text:
        return f"{path}: could not be written ({text}); what was committed before is kept. Free space and run again"
    if "locked" in text:
        return f"{path}: locked by another process for over {BUSY_S:.0f} s; wait for it to end, then run again"
    if "unable to open" in text or "readonly" in text:
        return f"{path}: cannot be opened for writing ({text}); check the folder's permissions, or name another store"
    return f"{path}: the index is damaged ({text}); delete the folder {path.parent} and its vectors are computed again"
