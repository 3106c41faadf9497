"""Binlog files on disk: which ones there are, and reading them one after the other."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from wlf.components.collectors._binlog.place import Position, file_order
from wlf.errors import SetupError

READ_BYTES = 4_194_304
"""Reads of this size, not mmap: a mapped GiB stays resident, and a truncated file would kill the process."""


def find_files(patterns: Sequence[str]) -> list[Path]:
    """The files behind paths and globs, in the order in which the server wrote them.

    Raises:
        SetupError: a pattern matches no file, or two files have the same name.
    """
    found: dict[str, Path] = {}
    for pattern in patterns:
        matches = [path for path in map(Path, glob.glob(pattern)) if path.is_file()]
        if not matches:
            raise SetupError(f"files: no file matches {pattern!r}", hint="paths are relative to the working directory")
        for path in matches:
            other = found.setdefault(path.name, path)
            if other.absolute() != path.absolute():
                raise SetupError(
                    f"files: {other} and {path} have the same name, so their positions cannot be told apart"
                )
    return [found[name] for name in sorted(found, key=file_order)]


def files_from(files: Sequence[Path], position: Position | None) -> list[Path]:
    """The files that are still to be read from `position` on.

    Raises:
        SetupError: the file of `position` is not among them.
    """
    if position is None:
        return list(files)
    names = [path.name for path in files]
    if position.file not in names:
        raise SetupError(
            f"files: {position.file}, where reading goes on at {position.offset}, is not among {names[0]} .. "
            f"{names[-1]}",
            hint="bring the file back, or wlf position reset CONFIG --collector ID",
        )
    return list(files[names.index(position.file) :])


class FileReader:
    """Reads one file in pieces from an offset on."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        try:
            self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError as error:
            raise SetupError(f"{path}: cannot read: {error.strerror}") from error

    def read(self, size: int = READ_BYTES) -> bytes:
        """The next bytes; b"" at the end. Blocks, for a few milliseconds on a local disk.

        Raises:
            SetupError: the disk cannot be read.
        """
        try:
            chunk = os.pread(self._fd, size, self.offset)
        except OSError as error:
            raise SetupError(f"{self.path}:{self.offset}: cannot read: {error.strerror}") from error
        self.offset += len(chunk)
        return chunk

    def close(self) -> None:
        """Close the file."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
