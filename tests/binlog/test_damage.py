"""Damaged bytes end in DecodeError with a place, or in other rows: in nothing else, and in finite time."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.binlog.build import Raw, Reading, binlog, captured, stream, transaction
from tests.binlog.test_captures import JSON, rows_only
from tests.binlog.test_walk import everything
from wlf.binlog import ServerRefused
from wlf.binlog.geometry import geometry_text
from wlf.binlog.json import decode_json
from wlf.errors import DecodeError

json_map = next(event for event in captured(JSON, "partial: none diff") if event.kind == 19)
CONTENT = binlog(*everything(), *transaction(json_map, *captured(JSON, "json opaque"), number=60))
MARIADB = binlog(
    *transaction(*rows_only(captured("mariadb1011_types", "md types"))),
    *transaction(*rows_only(captured("mariadb1011_types", "compressed cols")), number=2),
    mariadb=True,
)
STREAM = stream(CONTENT)

damages = st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255), st.integers(1, 4)), min_size=1, max_size=4)
quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def damaged(content: bytes, changes: list[tuple[int, int, int]], keep: int) -> bytes:
    """The bytes with some of them overwritten; the first `keep` stay."""
    out = bytearray(content)
    for at, value, width in changes:
        start = keep + at % (len(out) - keep)
        out[start : start + width] = bytes([value]) * min(width, len(out) - start)
    return bytes(out)


def attempt(content: bytes, mode: str, *, details: bool = False) -> None:
    reading, failed = Reading(mode=mode, verify_checksum=False, details=details), None
    try:
        if mode == "file":
            reading.file(content)
        else:
            reading.chunks([content])
    except DecodeError as error:
        failed = error
    if failed is not None:
        assert failed.position is not None
        assert str(failed).startswith((failed.file or "binlog") + ":")


@quick
@given(damages)
def test_a_damaged_file(changes: list[tuple[int, int, int]]) -> None:
    attempt(damaged(CONTENT, changes, 4), "file")


@quick
@given(damages)
def test_a_damaged_mariadb_file(changes: list[tuple[int, int, int]]) -> None:
    attempt(damaged(MARIADB, changes, 4), "file")


@quick
@given(damages)
def test_a_damaged_stream(changes: list[tuple[int, int, int]]) -> None:
    content = damaged(STREAM, changes, 0)
    try:
        attempt(content, "stream")
    except ServerRefused:
        assert b"\xff" in content  # a damaged packet may look like one of the server's errors


@quick
@given(st.binary(max_size=200))
def test_any_bytes_as_a_file(content: bytes) -> None:
    attempt(binlog()[:-4] + bytes(4) + content, "file")


@quick
@given(st.binary(max_size=120))
def test_any_bytes_as_rows(body: bytes) -> None:
    table_map, write = rows_only(captured("mysql97_types", "strings"))
    attempt(binlog(*transaction(table_map, Raw(30, write.body[:14] + body))), "file")


@quick
@given(st.binary(max_size=80), st.booleans())
def test_any_bytes_as_a_table_map(body: bytes, mariadb: bool) -> None:
    content = Raw(19, bytes(6) + b"\1\0\1t\0\1t\0" + body)
    attempt(binlog(*transaction(content), mariadb=mariadb), "file")


@quick
@given(st.binary(max_size=80))
def test_any_bytes_as_json_and_geometry(body: bytes) -> None:
    for read in (decode_json, geometry_text):
        try:
            read(body)
        except DecodeError:
            continue


def test_a_json_document_cannot_multiply_itself() -> None:
    # Each array has two entries that are both the array behind it: 2 ** depth values in a few bytes.
    level = b"\2\0" + b"\xff\xff" + b"\2" + b"\x0a\0" + b"\2" + b"\x0a\0"
    depth = 60
    parts = bytearray(b"\2")
    for _ in range(depth):
        parts += level
    parts += b"\0\0\4\0"
    size = len(parts) - 1
    for at in range(1, len(parts) - 4, 10):
        parts[at + 2 : at + 4] = (size - at + 1).to_bytes(2, "little")
    with pytest.raises(DecodeError, match="of 24 bytes, got 28"):
        decode_json(bytes(parts))


def test_a_huge_size_does_not_make_the_decoder_wait() -> None:
    content = bytearray(CONTENT)
    second = 4 + int.from_bytes(content[13:17], "little")
    content[second + 9 : second + 13] = (1 << 29).to_bytes(4, "little")
    with pytest.raises(DecodeError) as caught:
        Reading().file(bytes(content))
    assert caught.value.position == second


def test_rows_without_any_column_are_one_row_or_damage() -> None:
    # An image without columns takes no byte: a loop over such rows would never end.
    table_map, head = rows_only(captured("mysql97_types", "signedness year"))[0], "970000000000 0100 0200 06"
    assert Reading().file(binlog(*transaction(table_map, Raw(30, bytes.fromhex(head + "00"))))).rows == [{}]
    for kind, bitmaps in ((30, "00"), (31, "0000"), (32, "c0")):
        with pytest.raises(DecodeError, match="expected the rows to end with their event"):
            Reading().file(binlog(*transaction(table_map, Raw(kind, bytes.fromhex(head + bitmaps) + b"left"))))
