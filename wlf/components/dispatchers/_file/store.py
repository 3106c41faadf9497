"""The open files of one dispatcher: appended to, cut back after a crash, rotated, synced; all of it blocking."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import re
import stat
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator

from wlf.components.dispatchers._file.forms import Foreign, Form
from wlf.components.dispatchers._file.paths import Path

_FILE = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_MODE = 0o640
_DIRECTORY_MODE = 0o750
_REMEMBERED = 100_000
_PENDING_BYTES = 1_048_576


class Refused(Exception):
    """This path can never be written; the text says why."""


class NotSynced(Exception):
    """The system could not bring written data to the disk and does not know it any more: only a restart replays it."""


class FileStore:
    """Appends to many files below one directory with a bounded number of them open.

    Symbolic links below the base are never followed: each directory is opened relative to the one above it.

    Args:
        base: absolute path of the directory that nothing leaves; made where it is missing.
        form: how lines become bytes of a file.
        max_open: files kept open at most; the longest unused is closed.
        max_bytes: rotate before a write would take a file beyond this.
        interval_ms: rotate when a period of this length, counted from 1970, has passed since the last write.
        keep: rotated files kept; None: all.
        now: seconds since 1970.
    """

    def __init__(
        self,
        base: str,
        form: Form,
        *,
        max_open: int,
        max_bytes: int | None = None,
        interval_ms: int | None = None,
        keep: int | None = None,
        now: Callable[[], float],
        logger: logging.Logger,
    ) -> None:
        self._base = base
        self._base_fd = -1
        self._form = form
        self._max_open = max_open
        self._max_bytes = max_bytes
        self._interval_ms = interval_ms
        self._keep = keep
        self._now = now
        self._logger = logger
        self._open: OrderedDict[Path, int] = OrderedDict()
        self._sizes: dict[Path, int] = {}
        self._numbers: dict[Path, int] = {}
        self._pending: defaultdict[Path, list[bytes]] = defaultdict(list)
        self._pending_bytes = 0
        self._dirty: set[Path] = set()
        self._dirty_directories: set[Path] = set()
        self._lost = ""

    def open(self) -> None:
        """Open the base directory, making it where it is missing. Raises OSError."""
        if self._base_fd < 0:
            _make_durable(self._base)
            self._base_fd = os.open(self._base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Close every file. What waits for a member stays, and the next `sync()` writes it: it counts as delivered."""
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()
        self._sizes.clear()
        if self._base_fd >= 0:
            os.close(self._base_fd)
            self._base_fd = -1

    def append(self, path: Path, lines: bytes) -> None:
        """Add whole lines to a file: all of them, or none and an error.

        Raises:
            Refused: the path can never be written.
            OSError: it cannot be written now.
        """
        fd = self._file(path)
        if not self._form.buffered:
            self._write(path, fd, lines)
            return
        self._pending[path].append(lines)
        self._pending_bytes += len(lines)

    def make_room(self) -> None:
        """Write what waits for a member when it is a lot. Raises OSError, and then nothing more may be appended."""
        if self._pending_bytes >= _PENDING_BYTES:
            self._write_pending()

    def sync(self) -> None:
        """All that was appended is on the disk, and the names of new files too, when this returns.

        Raises:
            OSError: it cannot be written now; trying again may help.
            NotSynced: it was written, and is lost.
        """
        self._write_pending()
        if self._lost:
            raise NotSynced(self._lost)
        for path in sorted(self._dirty):
            self._sync_file(path)
            self._dirty.discard(path)
        for path in sorted(self._dirty_directories):
            with contextlib.suppress(FileNotFoundError), self._directory(path) as directory:
                self._fsync(directory, path)
            self._dirty_directories.discard(path)

    def _fsync(self, fd: int, path: Path) -> None:
        try:
            os.fsync(fd)
        except OSError as error:
            # Linux drops the failed pages and reports the error once: a second fsync would succeed over a hole.
            self._lost = f"{self._text(path)}: {error.strerror or error}"
            raise NotSynced(self._lost) from error

    def _write_pending(self) -> None:
        for path in list(self._pending):
            lines = b"".join(self._pending[path])
            self._write(path, self._file(path), self._form.pack(lines))
            del self._pending[path]
            self._pending_bytes -= len(lines)

    def _write(self, path: Path, fd: int, content: bytes) -> None:
        found = os.fstat(fd)
        if found.st_size and self._is_due(found, len(content)):
            self._rotate(path, fd)
            fd = self._file(path)
            found = os.fstat(fd)
        self._dirty.add(path)
        view = memoryview(content)
        try:
            while view:
                view = view[os.write(fd, view) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, found.st_size)
            self._forget(path)  # if the cut failed as well, opening it again makes it
            raise

    def _file(self, path: Path) -> int:
        fd = self._open.get(path)
        if fd is not None:
            self._open.move_to_end(path)
            return fd
        while len(self._open) >= self._max_open:
            self._evict()
        try:
            with self._directory(path[:-1], make=True) as directory:
                fd = self._open_file(directory, path)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.ENXIO):
                raise Refused(f"{self._text(path)}: {error.strerror}") from error
            raise
        self._open[path] = fd
        return fd

    def _open_file(self, directory: int, path: Path) -> int:
        fd = os.open(path[-1], _FILE, _FILE_MODE, dir_fd=directory)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise Refused(f"{self._text(path)}: expected a regular file")
            _lock(fd)
            if found.st_size == 0:
                self._dirty_directories.add(path[:-1])
            elif found.st_size != self._sizes.get(path):
                self._cut_back(path, fd, found.st_size)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _cut_back(self, path: Path, fd: int, size: int) -> None:
        """After a crash: take off the torn tail. Its events were not acknowledged, and come again."""
        try:
            intact = self._form.intact(fd, size)
        except Foreign as error:
            raise Refused(f"{self._text(path)}: not written by wlf: {error}") from error
        if intact < size:
            self._logger.warning("%s: %d bytes of a torn tail were cut off", self._text(path), size - intact)
            os.ftruncate(fd, intact)

    def _evict(self) -> None:
        """Close the longest unused file. Not synced here: the next `sync()` opens it again for that."""
        path, fd = self._open.popitem(last=False)
        if len(self._sizes) >= _REMEMBERED:
            self._sizes.clear()
        self._sizes[path] = os.fstat(fd).st_size
        os.close(fd)

    def _forget(self, path: Path) -> None:
        self._sizes.pop(path, None)
        os.close(self._open.pop(path))

    @contextlib.contextmanager
    def _directory(self, path: Path, *, make: bool = False) -> Iterator[int]:
        """A descriptor of a directory below the base, made on the way where `make`."""
        fd = os.dup(self._base_fd)
        try:
            for depth, name in enumerate(path):
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(name, _DIRECTORY_MODE, dir_fd=fd)
                        self._dirty_directories.add(path[:depth])
                below = os.open(name, _DIRECTORY, dir_fd=fd)
                os.close(fd)
                fd = below
            yield fd
        finally:
            os.close(fd)

    def _sync_file(self, path: Path) -> None:
        fd = self._open.get(path)
        if fd is None:
            self._sync_closed(path)
            return
        self._fsync(fd, path)
        with contextlib.suppress(FileNotFoundError), self._directory(path[:-1]) as directory:
            if os.path.samestat(os.fstat(fd), os.stat(path[-1], dir_fd=directory, follow_symlinks=False)):
                return
        self._forget(path)  # moved away from outside: the next line goes to a new file of the name

    def _sync_closed(self, path: Path) -> None:
        """A file that was evicted since it was written. Where somebody took it away, there is nothing to sync."""
        with contextlib.suppress(FileNotFoundError), self._directory(path[:-1]) as directory:
            fd = os.open(path[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
            try:
                self._fsync(fd, path)
            finally:
                os.close(fd)

    def _is_due(self, found: os.stat_result, more: int) -> bool:
        if self._max_bytes is not None and found.st_size + more > self._max_bytes:
            return True
        if self._interval_ms is None:
            return False
        return found.st_mtime_ns // 1_000_000 // self._interval_ms < int(self._now() * 1000) // self._interval_ms

    def _rotate(self, path: Path, fd: int) -> None:
        """`orders.jsonl` becomes `orders.000001.jsonl`: numbers only rise, so a name always means the same content."""
        self._fsync(fd, path)
        with self._directory(path[:-1]) as directory:
            number = self._next_number(directory, path)
            os.rename(path[-1], self._numbered(path[-1], number), src_dir_fd=directory, dst_dir_fd=directory)
            self._fsync(directory, path[:-1])
            self._numbers[path] = number
            if self._keep is not None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._numbered(path[-1], number - self._keep), dir_fd=directory)
        self._dirty.discard(path)
        self._forget(path)

    def _next_number(self, directory: int, path: Path) -> int:
        last = self._numbers.get(path)
        if last is not None:
            return last + 1
        if len(self._numbers) >= _REMEMBERED:
            self._numbers.clear()
        stem, extension = self._split(path[-1])
        pattern = re.compile(rf"{re.escape(stem)}\.(\d{{6,}}){re.escape(extension)}")
        numbers = [int(found[1]) for name in os.listdir(directory) if (found := pattern.fullmatch(name))]
        highest = max(numbers, default=0)
        if self._keep is not None:
            for number in numbers:
                if number <= highest - self._keep:
                    os.unlink(self._numbered(path[-1], number), dir_fd=directory)
        return highest + 1

    def _split(self, name: str) -> tuple[str, str]:
        suffix = self._form.suffix if self._form.suffix and name.endswith(self._form.suffix) else ""
        stem, extension = os.path.splitext(name.removesuffix(suffix))
        return stem, extension + suffix

    def _numbered(self, name: str, number: int) -> str:
        stem, extension = self._split(name)
        return f"{stem}.{number:06d}{extension}"

    def _text(self, path: Path) -> str:
        return os.path.join(self._base, *path)


def _lock(fd: int) -> None:
    """One writer a file: another would take our half-written line for a torn one."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OSError(errno.EAGAIN, "another dispatcher writes this file") from error


def _make_durable(base: str) -> None:
    """Make a directory and those above it, and sync the parent of each that is new."""
    if os.path.isdir(base):
        return
    parent = os.path.dirname(base)
    _make_durable(parent)
    with contextlib.suppress(FileExistsError):
        os.mkdir(base, _DIRECTORY_MODE)
    fd = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
