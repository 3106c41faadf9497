"""Whatever bytes come, only DecodeError and its kin come out, in bounded memory and time.

`WLF_FUZZ_EXAMPLES` makes it longer.
"""

from __future__ import annotations

import os
import struct
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.binlog.build import CAPTURES, Raw, Reading, binlog, captured, stream, transaction
from wlf.binlog.charset import CODECS, Undecodable, to_text
from wlf.binlog.codecs import inflate
from wlf.binlog.control import inflate_record
from wlf.binlog.geometry import geometry_text
from wlf.binlog.json import decode_json
from wlf.binlog.json_diff import apply_diffs
from wlf.binlog.tablemap import parse_table_map
from wlf.errors import DecodeError, WlfError

EXAMPLES = int(os.environ.get("WLF_FUZZ_EXAMPLES", "150"))
fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

SECTIONS = {
    "mysql97_types": ["signedness year", "strings", "vector/functional", "update vcol", "minimal"],
    "mysql97_images_temporal": ["neg time", "dates", "minimal 15 col 8 set"],
    "mysql97_json_gtid_payload": ["partial: 2 diffs on j, k untouched", "partition"],
    "mariadb1011_types": ["md types", "compressed cols"],
}


def files() -> list[bytes]:
    """A small file of each section of the captures."""
    found = []
    for name, sections in SECTIONS.items():
        for section in sections:
            rows = [event for event in captured(name, section) if event.kind in (19, 23, 24, 25, 30, 31, 32, 39)]
            found.append(binlog(*transaction(*rows, *rows), mariadb=name.startswith("mariadb")))
    return found


FILES = files()
EVENTS = [event.body for name in SECTIONS for section in SECTIONS[name] for event in captured(name, section)]
MAPS = [body[6:] for body in EVENTS if len(body) > 20][:40]


def documents() -> list[bytes]:
    """Binary JSON of several shapes, by hand."""
    scalars = [
        b"\4\0",
        b"\4\1",
        b"\5\1\0",
        b"\x0b" + struct.pack("<d", 1.5),
        b"\x0c\3abc",
        b"\x0f\xf6\6\4\2\x80\x01\x32\x00\x00",
    ]
    array = b"\2\3\0\x13\0\5\1\0\5\2\0\x0c\x0d\0\2ab\0\0\0"
    return [*scalars, array, OBJECT, b"\1\1\0\0\0\x1a\0\0\0\x13\0\0\0\1\0\7\1\0\0\0a" + bytes(6)]


OBJECT = bytes.fromhex("000200140012000100130001000501000502006162")
GEOMETRIES = [
    bytes(4) + b"\1\1\0\0\0" + struct.pack("<dd", 1, 2),
    bytes(4) + b"\1\7\0\0\0\2\0\0\0" + (b"\1\1\0\0\0" + struct.pack("<dd", 1, 2)) * 2,
    bytes(4) + b"\1\3\0\0\0\1\0\0\0\2\0\0\0" + struct.pack("<4d", 1, 2, 3, 4),
]

edits = st.lists(
    st.tuples(st.sampled_from("xidr"), st.integers(0, 1 << 20), st.binary(min_size=1, max_size=8)),
    min_size=1,
    max_size=6,
)


def damaged(raw: bytes, changes: list[tuple[str, int, bytes]], *, spare: int = 0) -> bytes:
    """The bytes with parts overwritten, put in, cut out or repeated, behind the first `spare`."""
    head, out = raw[:spare], bytearray(raw[spare:])
    for how, where, what in changes:
        at = where % (len(out) + 1)
        if how == "x":
            out[at : at + len(what)] = what
        elif how == "i":
            out[at:at] = what
        elif how == "d":
            del out[at : at + what[0]]
        else:
            out[at:at] = out[at : at + what[0] * 4]
    return head + bytes(out)


def only_decode_errors(read: Callable[[], Any], size: int) -> None:
    """Nothing else may come out, and not much memory be taken."""
    tracemalloc.start()
    try:
        read()
    except WlfError as error:
        said = str(error)
    else:
        said = "nothing"
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert said
    assert peak < 4_000_000 + 300 * size


@fuzzed
@given(st.sampled_from(FILES), edits, st.lists(st.integers(0, 4000), max_size=4), st.booleans(), st.booleans())
def test_a_damaged_file_or_stream(
    content: bytes, changes: list[tuple[str, int, bytes]], cuts: list[int], streamed: bool, sized: bool
) -> None:
    whole = stream(content) if streamed else content
    broken = damaged(whole, changes, spare=130 if sized else 4)

    def read() -> None:
        if streamed:
            Reading(mode="stream").chunks([broken[: min(cuts or [50])], broken[min(cuts or [50]) :]])
        else:
            Reading().file(broken, cuts)

    only_decode_errors(read, len(broken))


@fuzzed
@given(st.sampled_from(FILES), st.integers(0, 1 << 20), st.integers(0, 255))
def test_one_changed_byte_in_the_rows(content: bytes, where: int, byte: int) -> None:
    """Headers and sizes stay as they are, so that the damage comes to the values."""
    at = content.index(b"BEGIN") + 24
    broken = bytearray(content)
    broken[at + where % (len(content) - at)] = byte
    only_decode_errors(lambda: Reading(verify_checksum=False).file(bytes(broken)), len(broken))


@fuzzed
@given(st.sampled_from(documents()), edits)
def test_damaged_json(document: bytes, changes: list[tuple[str, int, bytes]]) -> None:
    broken = damaged(document, changes)
    only_decode_errors(lambda: decode_json(broken), len(broken))


@fuzzed
@given(st.binary(max_size=300), st.integers(0, 15))
def test_random_json(raw: bytes, kind: int) -> None:
    only_decode_errors(lambda: decode_json(bytes([kind]) + raw), len(raw))


DIFFS = b"\0\3$.a\3\5\7\0" + b"\1\4$.ab\5\x0c\3abc" + b"\2\3$.b" + b'\1\7$."x y"\2\4\0'


@fuzzed
@given(edits, st.sampled_from([OBJECT, *documents()]))
def test_damaged_partial_updates(changes: list[tuple[str, int, bytes]], document: bytes) -> None:
    broken = damaged(DIFFS, changes)
    only_decode_errors(lambda: apply_diffs(document, broken), len(broken) + len(document))


@fuzzed
@given(st.sampled_from(GEOMETRIES), edits)
def test_damaged_geometries(raw: bytes, changes: list[tuple[str, int, bytes]]) -> None:
    broken = damaged(raw, changes)
    only_decode_errors(lambda: geometry_text(broken), len(broken))


@fuzzed
@given(st.sampled_from(MAPS), edits, st.booleans())
def test_damaged_table_maps(raw: bytes, changes: list[tuple[str, int, bytes]], mariadb: bool) -> None:
    broken = damaged(raw, changes)
    only_decode_errors(lambda: parse_table_map(broken, mariadb=mariadb), len(broken))


@fuzzed
@given(st.binary(max_size=64))
def test_damaged_compressed_values(raw: bytes) -> None:
    for read in (inflate, inflate_record):
        only_decode_errors(lambda read=read: read(b"\x82\0\x40" + raw), 16384)  # type: ignore[misc]
        only_decode_errors(lambda read=read: read(raw), len(raw))  # type: ignore[misc]


@fuzzed
@given(st.sampled_from(sorted(CODECS)), st.binary(max_size=64))
def test_no_bytes_are_too_odd_for_a_character_set(charset: str, raw: bytes) -> None:
    count = Undecodable()
    text = to_text(charset, count)(raw)
    assert ("\ufffd" in text) >= count.values


def small_array(entries: list[tuple[int, int]], tail: bytes) -> bytes:
    size = 4 + 3 * len(entries) + len(tail)
    return b"\2" + struct.pack("<HH", len(entries), size) + b"".join(struct.pack("<BH", *e) for e in entries) + tail


def shared_string(count: int) -> bytes:
    """Many elements that are all the same long string."""
    return small_array([(12, 4 + 3 * count)] * count, b"\xff\x7f" + b"x" * 16383)


def shared_array(count: int) -> bytes:
    """Many elements that are all the same long array."""
    inner = small_array([(5, 1)] * 13_000, b"")[1:]
    return small_array([(2, 4 + 3 * count)] * count, inner)


def shared_arrays(depth: int) -> bytes:
    """Each array has two elements, and both are the array behind it."""
    parts = bytearray(b"\2")
    for _ in range(depth):
        parts += b"\2\0\xff\xff\2\x0a\0\2\x0a\0"
    return bytes(parts + b"\0\0\4\0")


def deep(levels: int) -> bytes:
    """A geometry collection in a geometry collection in ..."""
    return bytes(4) + b"\1\7\0\0\0\1\0\0\0" * levels


def many_changes(count: int) -> bytes:
    """Each adds a member of its own."""
    parts = []
    for number in range(count):
        path = f"$.m{number}".encode()
        parts.append(b"\1" + bytes([len(path)]) + path + b"\3\5\1\0")
    return b"".join(parts)


@pytest.mark.parametrize(
    "read",
    [
        lambda: decode_json(shared_string(16000)),
        lambda: decode_json(shared_arrays(60)),
        lambda: decode_json(shared_array(8000)),
        lambda: decode_json(b"\3" + struct.pack("<II", 0xFFFFFFFF, 0xFFFFFFFF) + bytes(1000)),
        lambda: decode_json(b"\2" + b"\1\0\xff\xff\2\7\0" * 9000),
        lambda: decode_json(b"\x0c" + b"\xff" * 100),
        lambda: geometry_text(deep(5000)),
        lambda: geometry_text(bytes(4) + b"\1\2\0\0\0" + b"\xff" * 1000),
        lambda: apply_diffs(OBJECT, many_changes(20_000)),
        lambda: apply_diffs(OBJECT, b"\0\xfc\xff\xff" + b"$" + b".a" * 32767),
        lambda: parse_table_map(b"\1\0\1d\0\1t\0" + b"\xfe" + b"\xff" * 8, mariadb=False),
        lambda: inflate(b"\x84\x3f\xff\xff\xff" + b"x\x9c" + bytes(99)),
    ],
    ids=range(12),
)
def test_a_few_bytes_do_not_take_long_or_much(read: Callable[[], Any]) -> None:
    began = time.process_time()
    only_decode_errors(read, 300_000)
    assert time.process_time() - began < 3


def test_a_table_with_all_null_patterns_stays_small() -> None:
    """Generated functions and counted patterns are bounded, whatever the rows are."""
    columns = 13
    names = b"".join(bytes([2]) + f"c{n:x}".encode() for n in range(columns))
    head = b"\1\0\1d\0\1t\0" + bytes([columns]) + b"\1" * columns + b"\0" + b"\xff\x1f"
    table = Raw(19, bytes(6) + head + b"\1\2\0\0" + b"\4" + bytes([len(names)]) + names)
    rows = [bytes(6) + b"\1\0\2\0" + bytes([columns]) + b"\xff\xff"]
    patterns = range(1 << columns)
    rows += [struct.pack("<H", pattern | 0xE000) + bytes(columns - pattern.bit_count()) for pattern in patterns]
    event = Raw(30, b"".join(rows))
    reading = Reading(batch_rows=1 << 30)
    content = binlog(*transaction(table, event))
    tracemalloc.start()
    reading.file(content)
    found = len(reading.rows)
    reading.items.clear()
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == 1 << columns
    assert left < 3_000_000


def test_captures_are_there() -> None:
    assert CAPTURES.is_dir()
    assert len(FILES) == sum(map(len, SECTIONS.values()))
    for content in FILES:
        assert Reading().file(content).rows
    with pytest.raises(DecodeError):
        decode_json(b"\xff")
