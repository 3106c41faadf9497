"""Rows events to rows: a generic reader for every row, generated functions for the NULL patterns that come often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from struct import error as StructError
from typing import Any, TypeAlias

from msgspec import UNSET

from wlf.binlog.charset import Undecodable
from wlf.binlog.codecs import JSON_NULL, NAMES, codec_for
from wlf.binlog.codegen import (
    Image,
    Slot,
    compile_any_single,
    compile_any_update,
    compile_single,
    compile_update,
    expression,
)
from wlf.binlog.control import inflate_record
from wlf.binlog.items import Binding, Kind
from wlf.binlog.json_diff import apply_diffs
from wlf.binlog.tablemap import JSON, OLD_TIMES, TableMap
from wlf.binlog.values import OLD_FRACTIONS
from wlf.binlog.wire import lenenc, take
from wlf.errors import DecodeError

SIGHTINGS = 8
"""A NULL pattern is compiled when it is seen for the 8th time ..."""
MAX_COMPILED = 32
"""... unless its table has this many functions."""
ANY_AFTER = 64
"""After so many rows of patterns without a function, one for whatever NULLs takes them."""
MERGE_AFTER, MERGED, MERGED_COLUMNS = 512, 8, 240
"""When patterns have changed so often from row to row, the most frequent of them get one function together: so many,
and of so many columns in all, for compiling takes longer the more there are."""

Decoded: TypeAlias = tuple[list[Any], list[Any] | None]
RowsFn: TypeAlias = Callable[[bytes, int, int], Decoded]

KINDS: dict[int, Kind] = {
    23: "insert",
    24: "update",
    25: "delete",
    30: "insert",
    31: "update",
    32: "delete",
    39: "update",
}
"""Rows events by type: v1 (also MariaDB's), v2, and MySQL's updates with partial JSON."""

PARTIAL = 39

COMPRESSED = range(166, 172)
"""MariaDB's with log_bin_compress: v1 and v2 in the same order."""

DAMAGE = (StructError, LookupError, ValueError, ArithmeticError, RecursionError, TypeError)
"""What reading damaged bytes as something else can end in."""


class _Step:
    """How the generic reader reads one column."""

    __slots__ = ("codec", "convert", "decode", "index", "length", "size", "skip", "unpack")

    def __init__(self, index: int, slot: Slot) -> None:
        self.index = index
        self.codec = codec = slot.codec
        layout = Struct("<" + codec.fmt)
        self.unpack, self.size = layout.unpack_from, layout.size
        self.length = expression(f"lambda x, y=0: {codec.length.format(x='x', y='y')}", {})
        # Strict UTF-8 is for the generated functions; this one replaces and counts what is broken.
        lenient = codec.expr == "{x}.decode()"
        expr = "c(x)" if lenient else codec.expr.format(x="x", y="y", c="c", d="d")
        self.decode = expression(f"lambda x, y=0: {expr}", {**NAMES, "c": codec.const, "d": codec.more})
        self.skip, self.convert = slot.skip, slot.convert

    def read(self, buf: bytes, at: int, end: int) -> tuple[bytes, int]:
        """The column's raw bytes and where they end; never beyond `end`."""
        stop = at + self.size
        if self.codec.variable:
            if stop > end:
                raise DecodeError(f"column {self.index + 1}: expected a length, got the end of the event")
            at, stop = stop, stop + self.length(*self.unpack(buf, at))
        if stop > end:
            raise DecodeError(f"column {self.index + 1}: expected {stop - at} bytes, got {max(end - at, 0)}")
        return buf[at:stop], stop

    def value(self, raw: bytes) -> Any:
        """The value that raw bytes stand for; raises DecodeError with the column."""
        if self.skip:
            return UNSET
        try:
            value = self.decode(raw) if self.codec.variable else self.decode(*self.unpack(raw))
        except (DecodeError, *DAMAGE) as error:
            raise DecodeError(f"column {self.index + 1}: {_told(error)}") from error
        return value if self.convert is None else self.convert(value)


class _Reader:
    """Reads single images of one column bitmap."""

    __slots__ = ("null_bytes", "present", "steps")

    def __init__(self, slots: Sequence[Slot], present: tuple[int, ...]) -> None:
        self.present = present
        self.steps = [_Step(index, slots[index]) for index in present]
        self.null_bytes = (len(present) + 7) // 8

    def image(self, raw: bytes) -> Image:
        """What a null bitmap says; bits behind the last column are ignored."""
        nulls = (index for bit, index in enumerate(self.present) if raw[bit >> 3] >> (bit & 7) & 1)
        return Image(self.present, frozenset(nulls), raw)

    def read(self, buf: bytes, at: int, end: int) -> tuple[dict[int, bytes | None], bytes, int]:
        """Raw bytes by column (None = NULL), the null bitmap, and where the image ends."""
        nulls = buf[at : at + self.null_bytes]
        at += self.null_bytes
        if at > end:
            raise DecodeError("expected a row, got the end of the event")
        raws: dict[int, bytes | None] = {}
        for bit, step in enumerate(self.steps):
            if nulls[bit >> 3] >> (bit & 7) & 1:
                raws[step.index] = None
            else:
                raws[step.index], at = step.read(buf, at, end)
        return raws, nulls, at

    def values(self, raws: dict[int, bytes | None], without: frozenset[int] = frozenset()) -> dict[int, Any]:
        """Values by column; skipped columns are left out."""
        return {
            step.index: None if (raw := raws[step.index]) is None else step.value(raw)
            for step in self.steps
            if not step.skip and step.index not in without
        }


class Table:
    """One wanted table version with its row functions."""

    __slots__ = ("_compiled", "_fns", "_has_old_times", "_head_sizes", "_slots", "_width", "binding", "table_map")

    def __init__(self, table_map: TableMap, binding: Binding, undecodable: Undecodable) -> None:
        self.table_map = table_map
        self.binding = binding
        skip, convert = binding.skip, binding.convert
        self._slots = [
            Slot(codec_for(column, undecodable), index in skip, convert.get(index))
            for index, column in enumerate(table_map.columns)
        ]
        self._width = len(self._slots)
        bitmap = (self._width + 7) // 8
        width = 1 if self._width < 251 else 3
        self._head_sizes = {kind: width + bitmap * (2 if name == "update" else 1) for kind, name in KINDS.items()}
        self._has_old_times = any(column.type in OLD_TIMES for column in table_map.columns)
        self._fns: dict[bytes, RowsFn] = {}
        self._compiled = 0

    def rows(self, kind: int, buf: bytes, start: int, end: int) -> Decoded:
        """The rows of one rows event (header included, checksum not), and for updates the former values.

        Raises:
            DecodeError: the event does not fit the table, with the table's name and where it is known the column.
        """
        at = start + 27
        if kind >= 30:
            at += buf[at] | buf[at + 1] << 8
        stop = at + self._head_sizes[kind]
        head = buf[at:stop]
        try:
            fn = self._fns.get(head) if kind != PARTIAL else self._partial(head)
            if fn is None:
                fn = self._new(head, KINDS[kind] == "update")
            if stop > end:
                raise DecodeError("expected a rows event, got one that ends in its head")
            return fn(buf, stop, end)
        except (DecodeError, *DAMAGE) as error:
            told = f"expected rows, got other bytes: {OLD_FRACTIONS}" if self._has_old_times else _told(error)
            raise DecodeError(f"{self.name}: {told}") from error

    def plain(self, kind: int, buf: bytes, start: int, end: int) -> tuple[int, bytes]:
        """A compressed rows event of MariaDB (166 to 171) as the event it stands for: its type and bytes.

        The length in the header stays that of the compressed one. Raises DecodeError.
        """
        kind -= 143 if kind < 169 else 139
        at = start + 27
        if kind >= 30:
            at += buf[at] | buf[at + 1] << 8
        at += self._head_sizes[kind]
        return kind, buf[start:at] + inflate_record(buf[at:end])

    def _new(self, head: bytes, update: bool) -> RowsFn:
        readers = self._readers(head, update)
        fn = _Updates(self, *readers).decode if update else _Singles(self, *readers).decode
        if len(self._fns) >= 256:  # bitmaps of one table; damaged events must not fill the memory
            self._fns.clear()
        self._fns[head] = fn
        return fn

    def _partial(self, head: bytes) -> RowsFn:
        return _PartialUpdates(self, *self._readers(head, update=True)).decode

    def _readers(self, head: bytes, update: bool) -> list[_Reader]:
        width, at = lenenc(head, 0)
        if width != self._width:
            raise DecodeError(f"expected rows of {self._width} columns as in the table map, got {width}")
        size = (width + 7) // 8
        masks = [head[at + size * part : at + size * (part + 1)] for part in range(1 + update)]
        if len(head) != at + size * len(masks):
            raise DecodeError("expected column bitmaps, got the end of the event")
        return [_Reader(self._slots, _bits(mask, width)) for mask in masks]

    @property
    def name(self) -> str:
        """`database.table`, for messages."""
        return f"{self.table_map.database}.{self.table_map.table}"

    @property
    def slots(self) -> list[Slot]:
        """The columns as row functions need them."""
        return self._slots

    def may_compile(self) -> bool:
        """Whether one more function may be generated; counts it."""
        self._compiled += 1
        return self._compiled <= MAX_COMPILED


def _bits(mask: bytes, width: int) -> tuple[int, ...]:
    """The columns of a bitmap; padding bits may hold anything."""
    return tuple(index for index in range(width) if mask[index >> 3] >> (index & 7) & 1)


class _Patterns:
    """Counts NULL patterns and keeps the functions that were generated for them."""

    __slots__ = ("_compile", "_seen", "_table", "compiled")

    def __init__(self, table: Table, compile_one: Callable[[tuple[bytes, ...]], Callable[..., int]]) -> None:
        self._table = table
        self._compile = compile_one
        self._seen: dict[tuple[bytes, ...], int] = {}
        self.compiled: dict[bytes, list[Callable[..., int]]] = {}

    def sighted(self, nulls: tuple[bytes, ...]) -> None:
        seen = self._seen.get(nulls, 0) + 1
        if seen == SIGHTINGS and self._table.may_compile():
            self.compiled.setdefault(nulls[0], []).append(self._compile(nulls))
        if len(self._seen) >= 1024:
            self._seen.clear()
        self._seen[nulls] = seen


class _Singles:
    """Inserts and deletes: one image a row."""

    __slots__ = ("_changes", "_other", "_others", "_patterns", "_reader", "_table", "_turns")

    def __init__(self, table: Table, reader: _Reader) -> None:
        self._table = table
        self._reader = reader
        self._patterns = _Patterns(table, self._compile)
        self._turns: dict[bytes, int] | None = {}
        """How often rows of a pattern came behind those of another; None once they are merged."""
        self._changes = 0
        self._other = self._row
        """Reads a row whose pattern has no function."""
        self._others = 0

    def _compile(self, nulls: tuple[bytes, ...]) -> Callable[..., int]:
        return compile_single(self._table.slots, self._table.binding.row, [self._reader.image(nulls[0])])

    def decode(self, buf: bytes, at: int, end: int) -> Decoded:
        rows: list[Any] = []
        compiled, size, start = self._patterns.compiled, self._reader.null_bytes, at
        try:
            if not size:
                at = self._slow(buf, at, end, rows)
            while size and at < end:
                nulls = buf[at : at + size]
                fn = compiled.get(nulls)
                at = (fn[0] if fn else self._other)(buf, at, end, rows)
                if at < end and self._turns is not None:
                    self._turn(nulls)
        except (DecodeError, *DAMAGE):  # broken text is no error to the slow way, and else it tells the column
            rows.clear()
            at = self._slow(buf, start, end, rows)
        if at != end:
            raise _misfit(at, end)
        return rows, None

    def _turn(self, nulls: bytes) -> None:
        """Rows of another pattern follow."""
        turns = self._turns
        assert turns is not None
        turns[nulls] = turns.get(nulls, 0) + 1
        self._changes += 1
        if self._changes >= MERGE_AFTER and len(turns) > 1:
            self._turns = None
            most = min(MERGED, MERGED_COLUMNS // len(self._reader.present))
            often = sorted(turns, key=turns.__getitem__, reverse=True)[:most]
            if len(often) > 1:
                images = [self._reader.image(pattern) for pattern in often]
                merged = compile_single(self._table.slots, self._table.binding.row, images)
                self._patterns.compiled.update((pattern, [merged]) for pattern in often)

    def _slow(self, buf: bytes, at: int, end: int, rows: list[Any]) -> int:
        start = -1
        # A row without any column takes no byte: then there is one, and the event ends here.
        while start < at:
            start, at = at, self._row(buf, at, end, rows)
            if at == end:
                break
        return at

    def _row(self, buf: bytes, at: int, end: int, rows: list[Any]) -> int:
        raws, nulls, at = self._reader.read(buf, at, end)
        rows.append(_build(self._table, self._reader.values(raws)))
        if nulls:
            self._patterns.sighted((nulls,))
            self._others += 1
            if self._others == ANY_AFTER:
                self._other = compile_any_single(self._table.slots, self._table.binding.row, self._reader.present)
        return at


class _Updates:
    """Updates: an image before and one after."""

    __slots__ = ("_after", "_before", "_old", "_other", "_others", "_patterns", "_table")

    def __init__(self, table: Table, before: _Reader, after: _Reader) -> None:
        self._table = table
        self._before = before
        self._after = after
        self._old = _old_row(table, before, after)
        self._patterns = _Patterns(table, self._compile)
        self._other = self._row
        self._others = 0

    def _compile(self, nulls: tuple[bytes, ...]) -> Callable[..., int]:
        before, after = self._before.image(nulls[0]), self._after.image(nulls[1])
        return compile_update(self._table.slots, self._table.binding.row, before, after, self._old)

    def decode(self, buf: bytes, at: int, end: int) -> Decoded:
        rows: list[Any] = []
        olds: list[Any] = []
        compiled, size, start = self._patterns.compiled, self._before.null_bytes, at
        try:
            if not size:
                at = self._slow(buf, at, end, rows, olds)
            while size and at < end:
                row = at
                for fn in compiled.get(buf[at : at + size], ()):
                    at = fn(buf, at, end, rows, olds)
                    if at != row:
                        break
                else:
                    at = self._other(buf, at, end, rows, olds)
        except (DecodeError, *DAMAGE):  # broken text is no error to the slow way, and else it tells the column
            rows.clear()
            olds.clear()
            at = self._slow(buf, start, end, rows, olds)
        if at != end:
            raise _misfit(at, end)
        return rows, olds

    def _slow(self, buf: bytes, at: int, end: int, rows: list[Any], olds: list[Any]) -> int:
        start = -1
        while start < at:
            start, at = at, self._row(buf, at, end, rows, olds)
            if at == end:
                break
        return at

    def _row(self, buf: bytes, at: int, end: int, rows: list[Any], olds: list[Any]) -> int:
        before, nulls, at = self._before.read(buf, at, end)
        after, nulls_after, at = self._after.read(buf, at, end)
        former = self._before.values(before)
        rows.append(_build(self._table, {**former, **self._after.values(after)}))
        changed = {index: value for index, value in former.items() if index in after and before[index] != after[index]}
        olds.append(_build(self._table, changed, self._old))
        if nulls and nulls_after:
            self._patterns.sighted((nulls, nulls_after))
            self._others += 1
            if self._others == ANY_AFTER:
                images = self._before.present, self._after.present
                self._other = compile_any_update(self._table.slots, self._table.binding.row, *images, self._old)
        return at


class _PartialUpdates:
    """Updates whose new JSON documents may be given as changes of the former ones."""

    __slots__ = ("_after", "_before", "_documents", "_old", "_table")

    def __init__(self, table: Table, before: _Reader, after: _Reader) -> None:
        self._table = table
        self._old = _old_row(table, before, after)
        self._before = before
        self._after = after
        columns = table.table_map.columns
        self._documents = [index for index, column in enumerate(columns) if column.type == JSON]

    def decode(self, buf: bytes, at: int, end: int) -> Decoded:
        rows: list[Any] = []
        olds: list[Any] = []
        while at < end:
            before, _, at = self._before.read(buf, at, end)
            changed, at = self._changed(buf, at)
            after, _, at = self._after.read(buf, at, end)
            former, new = self._before.values(before), self._after.values(after, changed)
            new.update(self._documents_after(before, after, changed))
            unlike = {index for index in before if index in after and before[index] != after[index]}
            unlike -= {index for index in changed if not after[index]}
            rows.append(_build(self._table, {**former, **new}))
            differing = {index: former[index] for index in unlike if index in former}
            olds.append(_build(self._table, differing, self._old))
        if at != end:
            raise _misfit(at, end)
        return rows, olds

    def _changed(self, buf: bytes, at: int) -> tuple[frozenset[int], int]:
        """The columns that come as changes, by a bitmap over all JSON columns of the table, and where it ends."""
        options, at = lenenc(buf, at)
        if options != 1:
            if options:
                raise DecodeError(f"expected value options 0 or 1, got {options}")
            return frozenset(), at
        size = (len(self._documents) + 7) // 8
        mask = take(buf, at, size)
        bits = _bits(mask, len(self._documents))
        present = self._after.present
        return frozenset(self._documents[bit] for bit in bits if self._documents[bit] in present), at + size

    def _documents_after(
        self, before: dict[int, bytes | None], after: dict[int, bytes | None], changed: frozenset[int]
    ) -> dict[int, Any]:
        documents: dict[int, Any] = {}
        for index in changed:
            slot, diffs, former = self._table.slots[index], after[index], before.get(index)
            if slot.skip or diffs is None:
                documents[index] = UNSET if slot.skip else None
            elif former is None:
                raise DecodeError(
                    f"expected JSON column {index + 1} in the image before its partial update "
                    f"(binlog_row_value_options=PARTIAL_JSON): it takes binlog_row_image=FULL"
                )
            else:
                value = slot.codec.const(former) if not diffs else apply_diffs(former, diffs)
                value = JSON_NULL if value is None else value
                documents[index] = value if slot.convert is None else slot.convert(value)
        return documents


def _old_row(table: Table, before: _Reader, after: _Reader) -> Callable[..., Any]:
    """What makes the old values: it is told which columns only the image after has, and which none (see Binding)."""
    unknown = tuple(index for index in after.present if index not in before.present)
    logged = {*before.present, *after.present}
    missing = tuple(index for index in range(len(table.slots)) if index not in logged)
    old_row = getattr(table.binding, "old_row", None)
    if old_row is None or not (unknown or missing):
        plain: Callable[..., Any] = table.binding.row
        return plain
    made: Callable[..., Any] = old_row(unknown, missing)
    return made


def _build(table: Table, values: dict[int, Any], row: Callable[..., Any] | None = None) -> Any:
    return (row or table.binding.row)(*(values.get(index, UNSET) for index in range(len(table.slots))))


def _told(error: Exception) -> str:
    return error.message if isinstance(error, DecodeError) else f"expected rows, got other bytes ({error})"


def _misfit(at: int, end: int) -> DecodeError:
    return DecodeError(f"expected the rows to end with their event, got {at - end:+} bytes")
