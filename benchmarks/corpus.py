"""Binlog files to measure on: the loads as a real MySQL logs them, kept outside the repository.

Each one with and without checksums, row metadata FULL. What is in them: `benchmarks/loads`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from benchmarks.loads import LOADS, SEED, Load
from tests.servers.cache import locked
from tests.servers.mysql import MySQL

__all__ = ["A_ROWS", "CHECKSUMS", "NAMES", "SEED", "VERSION", "beginning", "corpus", "directory", "generate"]

VERSION = 1  # goes up when a corpus changes, so that old files are not used
CHECKSUMS = ("NONE", "CRC32")
NAMES = tuple(LOADS)
A_ROWS = LOADS["A"].changes()

_ENDS = (16, 40)
"""XID, and the payload of a compressed transaction: a file may be cut behind them."""
_OPTIONS = {
    "binlog-row-metadata": "FULL",
    "innodb-flush-log-at-trx-commit": 0,
    "sync-binlog": 0,
    "max-binlog-size": 1 << 30,
    "innodb-buffer-pool-size": "256M",
}


def directory() -> Path:
    """Where the files are kept: `$WLF_CORPUS_DIR` when given."""
    return Path(os.environ.get("WLF_CORPUS_DIR") or Path.home() / ".cache" / "wlf-corpora" / f"v{VERSION}").absolute()


def corpus(name: str, checksum: str = "NONE") -> Path:
    """The path of one corpus; those that are missing are generated (two or three minutes for all).

    Raises:
        NotInstalled: there is no MySQL to write it.
    """
    path = directory() / f"{name}-{checksum}.binlog"
    if not path.is_file():
        generate()
    return path


def beginning(path: Path, size: int, folder: Path) -> Path:
    """The first transactions of a binlog file, about so many bytes; 0 is all of it."""
    if not size or path.stat().st_size <= size:
        return path
    target = folder / path.name
    with path.open("rb") as file:
        content = file.read(size)
    at = end = 4
    while at + 19 <= len(content):
        kind = content[at + 4]
        at += int.from_bytes(content[at + 9 : at + 13], "little")
        if kind in _ENDS and at <= len(content):
            end = at
    target.write_bytes(content[:end])
    return target


def generate() -> None:
    """Write the corpora that are missing."""
    directory().mkdir(parents=True, exist_ok=True)
    paths = {(name, checksum): directory() / f"{name}-{checksum}.binlog" for checksum in CHECKSUMS for name in NAMES}
    with locked(directory() / "generate.lock"):
        missing = {key: path for key, path in paths.items() if not path.is_file()}
        if missing:
            _write(missing)


def _write(missing: dict[tuple[str, str], Path]) -> None:
    with tempfile.TemporaryDirectory() as scratch, MySQL(Path(scratch) / "server", options=_OPTIONS) as server:
        for (name, checksum), path in missing.items():
            server.reset()
            server.execute(f"SET GLOBAL binlog_checksum = {checksum}")
            _record(server, path, LOADS[name])


def _record(server: MySQL, target: Path, load: Load) -> None:
    server.flush_logs()
    load.prepare(server)
    if load.fill is not None:
        server.flush_logs()  # only the changes count
    load.write(server)
    complete = server.flush_logs()
    part = target.with_suffix(".part")
    shutil.copyfile(complete, part)
    part.rename(target)


if __name__ == "__main__":
    generate()
