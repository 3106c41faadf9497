"""A result set as the server sends it, read without a Python object for each packet.

Protocol: "Text Resultset" of MySQL's client/server protocol. PyMySQL reads each row with several calls; on rows of few
columns that costs more than all the rest of a snapshot. Here a chunk of the stream is cut into rows by one generated
function for each table: straight lines over column numbers, with no name from the table in its source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pymysql
from msgspec import UNSET
from pymysql.connections import Connection
from pymysql.constants import COMMAND

from wlf.components.collectors._binlog.connection import refine
from wlf.components.collectors._binlog.snapshot.columns import Reading

_READ_BYTES = 262_144
_FULL_PACKET = 0xFFFFFF
_EOF_BYTES = 9
_LENGTH_BYTES = {0xFC: 2, 0xFD: 3, 0xFE: 8}

Raw = bytes
"""One row's packet without its header."""


def read_rows(connection: Connection[Any], sql: str, doing: str) -> Iterator[Raw]:
    """Send a statement and give its rows one by one as they come; the rest must be read before the next statement.

    Raises:
        pymysql.err.MySQLError: the server refuses the statement.
        Retryable: the connection broke.
    """
    try:
        packets = _packets(connection, sql)
        first = next(packets)
        _check(first)
        if first[0] == 0:
            return  # OK: no result set
        while not _is_eof(next(packets)):
            pass  # the columns
        for packet in packets:
            if packet[0] == 0xFF:
                _check(packet)
            if _is_eof(packet):
                return
            yield packet
    except OSError as error:
        raise refine(pymysql.err.OperationalError(2013, str(error)), doing) from error


def _check(packet: bytes) -> None:
    if packet[:1] == b"\xff":
        pymysql.err.raise_mysql_exception(packet)


def _is_eof(packet: bytes) -> bool:
    return packet[0] == 0xFE and len(packet) < _EOF_BYTES


def _packets(connection: Any, sql: str) -> Iterator[bytes]:
    """The packets of the answer; endless: whoever reads knows the last one."""
    connection._execute_command(COMMAND.COM_QUERY, sql)
    receive = connection._rfile.read1
    connection._sock.settimeout(connection._read_timeout)
    buffer, at, parts = b"", 0, []
    while True:
        end = len(buffer)
        while at + 4 <= end:
            size = buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16
            stop = at + 4 + size
            if stop > end:
                break
            packet = buffer[at + 4 : stop]
            at = stop
            if size == _FULL_PACKET:
                parts.append(packet)
                continue
            if parts:
                packet, parts = b"".join((*parts, packet)), []
            yield packet
        buffer, at = _more(receive, buffer[at:]), 0


def _more(receive: Callable[[int], bytes], left: bytes) -> bytes:
    """What is left with what comes; a packet that is cut is waited for, so that it is joined once."""
    wanted = max(1, int.from_bytes(left[:3], "little") + 4 - len(left)) if len(left) > 3 else 1
    pieces = [left]
    while wanted > 0:
        piece = receive(_READ_BYTES)
        if not piece:
            raise ConnectionError("the server closed the connection")
        pieces.append(piece)
        wanted -= len(piece)
    return b"".join(pieces)


def fields_of(row: Raw) -> list[bytes | None]:
    """The fields as the server sent them; NULL is None."""
    found: list[bytes | None] = []
    at = 0
    while at < len(row):
        size = row[at]
        at += 1
        if size == 0xFB:
            found.append(None)
            continue
        if size > 0xFB:
            width = _LENGTH_BYTES[size]
            size = int.from_bytes(row[at : at + width], "little")
            at += width
        found.append(row[at : at + size])
        at += size
    return found


def row_reader(readings: Sequence[Reading | None], make: Callable[..., Any]) -> Callable[[Raw], Any]:
    """A function from a row to what `make` makes of its values.

    `readings` has one for each column, None for one that rows leave out: its value is `make`'s UNSET default.
    """
    scope: dict[str, Any] = {"_make": make, "_widths": _LENGTH_BYTES, "_number": int.from_bytes, "_unset": UNSET}
    lines = ["def read(b):", " at = 0"]
    for number, reading in enumerate(readings):
        lines += _column_lines(number, reading)
        if reading is not None:
            scope[f"c{number}"] = reading.const
    lines.append(f" return _make({', '.join(f'v{number}' for number in range(len(readings)))})")
    exec(compile("\n".join(lines), "<row>", "exec"), scope)
    fast: Callable[[Raw], Any] = scope["read"]
    if not any(reading is not None and reading.lenient is not None for reading in readings):
        return fast
    slow = row_reader([_made_lenient(reading) for reading in readings], make)

    def read(row: Raw) -> Any:
        try:
            return fast(row)
        except UnicodeDecodeError:
            return slow(row)

    return read


def _made_lenient(reading: Reading | None) -> Reading | None:
    return reading if reading is None or reading.lenient is None else Reading("{c}({x})", reading.lenient)


def _column_lines(number: int, reading: Reading | None) -> list[str]:
    value = "_unset" if reading is None else reading.expr.format(x="b[at:e]", c=f"c{number}")
    return [
        " n = b[at]; at += 1",
        " if n < 251:",
        f"  e = at + n; v{number} = {value}; at = e",
        f" elif n == 251: v{number} = {'_unset' if reading is None else 'None'}",
        " else:",
        "  w = _widths[n]; n = _number(b[at:at + w], 'little'); at += w",
        f"  e = at + n; v{number} = {value}; at = e",
    ]


def converted(reading: Reading, convert: Callable[[Any], Any]) -> Reading:
    """The reading with a function behind it (mask, hash)."""
    read = row_reader([reading], lambda value: convert(value))

    def value(raw: bytes) -> Any:
        return read(b"\xfe" + len(raw).to_bytes(8, "little") + raw)

    return Reading("{c}({x})", value)
