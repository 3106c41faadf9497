"""What a corpus holds, as MySQL's own mysqlbinlog tells it: every row change by its identity, and where one may cut."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from benchmarks.end_to_end.expected import Identity
from tests.servers.cache import require
from tests.servers.mysql import MySQL

_CHANGE = re.compile(rb"### (INSERT INTO|UPDATE|DELETE FROM) `.*`\.`(.*)`")
_VALUE = re.compile(rb"###   @(\d+)=(-?\d+)")
_END = re.compile(rb"#.* end_log_pos (\d+).*\tXid = ")


class Ledger(msgspec.Struct):
    """The row changes of one binlog file, in order."""

    stamp: tuple[int, int]
    """Size and age of the file that was read."""
    start: int
    """Offset of the first transaction with row changes."""
    identities: list[Identity]
    ends: list[tuple[int, int]]
    """For each transaction the offset behind it, and how many row changes there were up to its end."""

    def cut(self, limit: int | None) -> tuple[int | None, int]:
        """Offset behind the transaction with which `limit` row changes are reached, and their exact count."""
        if limit is not None:
            for offset, count in self.ends:
                if count >= limit:
                    return offset, count
        return None, len(self.identities)


def ledger(path: Path, columns: Mapping[str, Sequence[int]]) -> Ledger:
    """Read a file, once: what was found is kept beside it.

    Args:
        path: a binlog file.
        columns: for each table the numbers, counted from 1, of the whole-number columns that make the identity.
    """
    kept = path.with_suffix(".ledger")
    stamp = (path.stat().st_size, path.stat().st_mtime_ns)
    if kept.is_file():
        known = msgspec.msgpack.decode(kept.read_bytes(), type=Ledger)
        if known.stamp == stamp:
            return known
    found = Reading(columns).read(_lines(path), stamp)
    part = kept.with_suffix(".part")
    part.write_bytes(msgspec.msgpack.encode(found))
    part.rename(kept)
    return found


def _lines(path: Path) -> Iterator[bytes]:
    program = require(MySQL.recipe.name, MySQL.recipe.edition) / "bin" / "mysqlbinlog"
    argv = [program, "--no-defaults", "-v", "--base64-output=decode-rows", path]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        yield from child.stdout
    if child.returncode:
        raise ValueError(f"{path}: mysqlbinlog ended with status {child.returncode}")


class Reading:
    """The way through what mysqlbinlog prints."""

    def __init__(self, columns: Mapping[str, Sequence[int]]) -> None:
        self._columns = columns
        self._table = ""
        self._order: Sequence[int] = ()
        self._row: dict[int, int] = {}
        self._images = 0
        """Row images to come until the change is complete: an update has the row before and the row after."""
        self._identities: list[Identity] = []

    def read(self, lines: Iterable[bytes], stamp: tuple[int, int] = (0, 0)) -> Ledger:
        """All of it."""
        start = at = begin = 0
        ends: list[tuple[int, int]] = []
        for line in lines:
            if line.startswith(b"###   @"):
                self._value(line)
            elif line.startswith(b"### "):
                self._change(line)
            elif line.startswith(b"# at "):
                at = int(line[5:])
            elif b"\tGTID\t" in line:
                begin = at
            elif (end := _END.match(line)) and len(self._identities) > (ends[-1][1] if ends else 0):
                start = start or begin
                ends.append((int(end[1]), len(self._identities)))
        return Ledger(stamp, start, self._identities, ends)

    def _change(self, line: bytes) -> None:
        if change := _CHANGE.match(line):
            self._table = change[2].decode()
            self._order = self._columns[self._table]
            self._images = 2 if change[1] == b"UPDATE" else 1

    def _value(self, line: bytes) -> None:
        value = _VALUE.match(line)
        if value is None or (number := int(value[1])) not in self._order:
            return
        self._row[number] = int(value[2])
        if number == max(self._order):
            self._images -= 1
            if not self._images:
                self._identities.append((self._table, *[self._row[column] for column in self._order]))
