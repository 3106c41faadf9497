"""Cursors in an SQLite file that one wlf at a time may write."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from wlf.errors import StateError
from wlf.runtime.tracker import Cursor

_SCHEMA = """
CREATE TABLE IF NOT EXISTS lanes (collector TEXT, dispatcher TEXT, PRIMARY KEY (collector, dispatcher)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cursors (
    collector TEXT, dispatcher TEXT, "partition" TEXT, position BLOB, number INTEGER NOT NULL,
    PRIMARY KEY (collector, dispatcher, "partition")
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (collector TEXT, name TEXT, value BLOB, PRIMARY KEY (collector, name));
"""
_LOAD_STATE = "SELECT name, value FROM state WHERE collector = ? AND substr(name, 1, length(?)) = ?"
_VERSION = 1
_MAX_NUMBER = 2**63 - 1


class Key(NamedTuple):
    """Whose cursor it is."""

    collector: str
    dispatcher: str
    partition: str


class Changes(NamedTuple):
    """What one transaction writes.

    First all that is known of the collectors in `forgotten` goes; then `cursors` are written (None deletes the row),
    and `lanes` exist from now on.
    """

    cursors: Mapping[Key, Cursor | None]
    lanes: Iterable[tuple[str, str]] = ()
    forgotten: Iterable[str] = ()


class CursorStore(Protocol):
    """Where cursors are kept, and what collectors keep beside them. Calls may come from several threads."""

    is_blocking: bool
    """Is a call to run in a thread?"""

    def load(self) -> dict[tuple[str, str], dict[str, Cursor]]:
        """All known lanes (collector, dispatcher) with their cursors by partition."""
        ...

    def save(self, changes: Changes) -> None:
        """Write all or nothing; durable when it returns. Raises StateError."""
        ...

    def load_state(self, collector: str, prefix: str) -> dict[str, bytes]:
        """What a collector keeps, by name. Raises StateError."""
        ...

    def save_state(self, collector: str, changes: Mapping[str, bytes | None]) -> None:
        """Write (None: remove) all or nothing; durable when it returns. Raises StateError."""
        ...

    def close(self) -> None:
        """Let go of the file and its lock."""
        ...


class SqliteStore:
    """`STATE_DIR/NAME.db`, with `STATE_DIR/NAME.lock` held as long as it is open.

    Raises:
        StateError: the directory or the file cannot be used, or another wlf holds the lock.
    """

    is_blocking = True

    def __init__(self, state_dir: Path, name: str) -> None:
        self.path = state_dir / f"{name}.db"
        self._turn = threading.Lock()
        with _state_errors(self.path):
            state_dir.mkdir(parents=True, exist_ok=True)
            self._lock = _take_lock(state_dir / f"{name}.lock")
            try:
                self._database = _open_database(self.path)
            except BaseException:
                os.close(self._lock)
                raise

    def load(self) -> dict[tuple[str, str], dict[str, Cursor]]:
        """All known lanes with their cursors."""
        with self._turn, _state_errors(self.path):
            return _read(self._database)

    def save(self, changes: Changes) -> None:
        """One transaction, synced to the disk."""
        written = [(*key, cursor.position, cursor.number) for key, cursor in changes.cursors.items() if cursor]
        deleted = [key for key, cursor in changes.cursors.items() if cursor is None]
        with self._turn, _state_errors(self.path), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for table in ("cursors", "lanes", "state"):
                self._database.executemany(f"DELETE FROM {table} WHERE collector = ?", zip(changes.forgotten))
            self._database.executemany("INSERT OR IGNORE INTO lanes VALUES (?, ?)", changes.lanes)
            self._database.executemany("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, ?, ?)", written)
            self._database.executemany(
                'DELETE FROM cursors WHERE collector = ? AND dispatcher = ? AND "partition" = ?', deleted
            )

    def load_state(self, collector: str, prefix: str) -> dict[str, bytes]:
        """What a collector keeps, by name."""
        with self._turn, _state_errors(self.path):
            return dict(self._database.execute(_LOAD_STATE, (collector, prefix, prefix)))

    def save_state(self, collector: str, changes: Mapping[str, bytes | None]) -> None:
        """One transaction, synced to the disk."""
        with self._turn, _state_errors(self.path), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            _write_state(self._database, collector, changes)

    def close(self) -> None:
        """Let go of the file and its lock; may be called twice."""
        with self._turn:
            if self._lock >= 0:
                self._database.close()
                os.close(self._lock)
                self._lock = -1


def leave_state(state_dir: Path, name: str, collector: str, changes: Mapping[str, bytes | None]) -> None:
    """Write what a collector finds with `State.load`, without the lock: also while a wlf runs. Raises StateError."""
    path = state_dir / f"{name}.db"
    with _state_errors(path):
        state_dir.mkdir(parents=True, exist_ok=True)
        database = _open_database(path)
        try:
            with database:
                database.execute("BEGIN IMMEDIATE")
                _write_state(database, collector, changes)
        finally:
            database.close()


def _write_state(database: sqlite3.Connection, collector: str, changes: Mapping[str, bytes | None]) -> None:
    written = [(collector, name, value) for name, value in changes.items() if value is not None]
    deleted = [(collector, name) for name, value in changes.items() if value is None]
    database.executemany("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", written)
    database.executemany("DELETE FROM state WHERE collector = ? AND name = ?", deleted)


def read_cursors(state_dir: Path, name: str) -> dict[tuple[str, str], dict[str, Cursor]]:
    """What is stored, without the lock: also while a wlf runs. Raises StateError."""
    path = state_dir / f"{name}.db"
    if not path.exists():
        return {}
    with _state_errors(path):
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return _read(database)
        finally:
            database.close()


def _read(database: sqlite3.Connection) -> dict[tuple[str, str], dict[str, Cursor]]:
    lanes: dict[tuple[str, str], dict[str, Cursor]] = {
        (collector, dispatcher): {} for collector, dispatcher in database.execute("SELECT * FROM lanes")
    }
    for collector, dispatcher, partition, position, number in database.execute("SELECT * FROM cursors"):
        lanes.setdefault((collector, dispatcher), {})[partition] = Cursor(position, number)
    return lanes


def _open_database(path: Path) -> sqlite3.Connection:
    # Threads take turns.
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise StateError(f"{path}: expected version {_VERSION} of the state, got {version}\n  hint: update wlf")
        database.executescript(_SCHEMA)
        if version != _VERSION:
            database.execute(f"PRAGMA user_version = {_VERSION}")
        if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("the file is damaged")
    except BaseException:
        database.close()
        raise
    return database


def is_running(state_dir: Path, name: str) -> bool:
    """Does a wlf hold the pipeline's lock? Raises StateError."""
    path = state_dir / f"{name}.lock"
    with _state_errors(path):
        try:
            lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
    return False


def _take_lock(path: Path) -> int:
    """The open, locked file; the kernel lets go of it when the process ends, however it ends."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as error:
        owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(lock)
        raise StateError(
            f"{path}: another wlf runs this pipeline, pid {owner}\n"
            "  hint: stop it first, or give this one another `name`"
        ) from error
    except BaseException:
        os.close(lock)
        raise
    return lock


@contextmanager
def _state_errors(path: Path) -> Iterator[None]:
    """Errors of the file system and of SQLite as StateError, with the place and what to do."""
    try:
        yield
    except OSError as error:
        text = error.strerror or type(error).__name__
        raise StateError(
            f"{error.filename or path}: {text.lower()}\n  hint: --state-dir must be a directory that wlf may write to"
        ) from error
    except sqlite3.Error as error:
        raise StateError(f"{path}: {error}\n  hint: {_hint(error, path)}") from error


def _hint(error: sqlite3.Error, path: Path) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_FULL"):
        return "make room on that disk; nothing is lost, delivery goes on from the last stored cursors"
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_PERM")):
        return "--state-dir must be a directory that wlf may write to"
    if name.startswith("SQLITE_BUSY"):
        return "another program holds the file open"
    return f"move {path.name} away (with {path.name}-wal) to begin anew; the cursors in it are then lost"


def next_number(lanes: Mapping[tuple[str, str], Mapping[str, Cursor]], collector: str) -> int:
    """A number above all that are stored for a collector."""
    numbers = [c.number for (owner, _), cursors in lanes.items() if owner == collector for c in cursors.values()]
    return min(max(numbers, default=0) + 1, _MAX_NUMBER)


def close_quietly(store: CursorStore) -> None:
    """Close where an error is already on its way to the user."""
    with suppress(StateError, sqlite3.Error, OSError):
        store.close()
