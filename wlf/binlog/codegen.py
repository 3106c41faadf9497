"""Straight-line row functions: Python source for one table, one pair of column bitmaps and one pattern of NULLs.

The source holds integers and numbered names only; nothing that a table, column or value is called gets into it.
Functions read past a damaged event's end without noticing: whoever calls them checks where they stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from struct import Struct, calcsize
from types import CodeType
from typing import Any, NamedTuple

from msgspec import UNSET

from wlf.binlog.codecs import NAMES, Codec


class Slot(NamedTuple):
    """One column of the table as a row function needs it."""

    codec: Codec
    skip: bool
    convert: Callable[[Any], Any] | None


class Image(NamedTuple):
    """One row image: which columns it has, which of them are NULL, and its null bitmap byte for byte."""

    present: tuple[int, ...]
    nulls: frozenset[int]
    raw: bytes


class _Reader:
    """Writes the source that reads one image, from `base`; afterwards `end` is the source of where it stopped."""

    def __init__(self, slots: Sequence[Slot], image: Image, base: str, letter: str, scope: dict[str, Any]) -> None:
        self.lines: list[str] = []
        self.fields: dict[int, tuple[str, ...]] = {}
        self._slots = slots
        self._base, self._offset, self._letter = base, 0, letter
        self._formats, self._names = [f"{len(image.raw)}x"], list[str]()
        self._scope = scope
        for index in image.present:
            if index not in image.nulls:
                self._column(index)
        self._flush()

    @property
    def end(self) -> str:
        return f"{self._base} + {self._offset}" if self._offset else self._base

    def _column(self, index: int) -> None:
        codec, skip, _ = self._slots[index]
        if not codec.variable and skip:
            self._formats.append(f"{calcsize('<' + codec.fmt)}x")
            return
        names = tuple(f"{self._letter}{index}{part}" for part in "xy"[: codec.fields])
        self._formats.append(codec.fmt)
        self._names += names
        if not codec.variable:
            self.fields[index] = names
            return
        self._flush()
        start, stop = f"{self._letter}{index}s", f"{self._letter}{index}e"
        self.lines.append(f"{start} = {self.end}")
        length = codec.length.format(x=names[0], y=names[-1])
        self.lines.append(f"{stop} = {start} + ({length})")
        self.fields[index] = (f"b[{start}:{stop}]",)
        self._base, self._offset = stop, 0

    def _flush(self) -> None:
        """One unpack for all fixed columns since the last variable one, and the next one's length."""
        layout = "<" + "".join(self._formats)
        if len(self._names) == 1 and self._formats[-1] == "B":
            at = calcsize(layout) - 1 + self._offset
            self.lines.append(f"{self._names[0]} = b[{self._base} + {at}]")
        elif self._names:
            unpack = f"u{len(self._scope)}"
            self._scope[unpack] = Struct(layout).unpack_from
            self.lines.append(f"{', '.join(self._names)}, = {unpack}(b, {self.end})")
        self._offset += calcsize(layout)
        self._formats, self._names = [], []


def _value(slot: Slot, index: int, fields: tuple[str, ...], scope: dict[str, Any]) -> str:
    codec = slot.codec
    text = codec.expr.format(x=fields[0], y=fields[-1], c=f"c{index}", d=f"d{index}")
    scope[f"c{index}"], scope[f"d{index}"] = codec.const, codec.more
    if slot.convert is None:
        return text
    scope[f"k{index}"] = slot.convert
    return f"k{index}({text})"


def _row(slots: Sequence[Slot], parts: dict[int, str], make: str = "row") -> str:
    return f"{make}({', '.join(parts.get(index, 'U') for index in range(len(slots)))})"


def _differs(image: Image, base: str, name: str, scope: dict[str, Any]) -> str:
    if len(image.raw) == 1:
        return f"b[{base}] != {image.raw[0]}"
    scope[name] = image.raw
    return f"b[{base}:{base} + {len(image.raw)}] != {name}"


def _image_parts(slots: Sequence[Slot], image: Image, reader: _Reader, scope: dict[str, Any]) -> dict[int, str]:
    """Source of each column's value in one image."""
    parts: dict[int, str] = {}
    for index in image.present:
        if slots[index].skip:
            continue
        parts[index] = "None" if index in image.nulls else _value(slots[index], index, reader.fields[index], scope)
    return parts


def compile_single(slots: Sequence[Slot], row: Callable[..., Any], images: Sequence[Image]) -> Callable[..., int]:
    """`f(b, p, e, rows)` for inserts and deletes: reads rows from p on while they have one of these NULL patterns.

    All images have the same columns; the most frequent one should come first. The caller has seen that the first row
    has one of them.

    Returns:
        A function that appends to `rows` and returns where it stopped: e, or the first row of another pattern.
    """
    scope: dict[str, Any] = {**NAMES, "row": row, "U": UNSET}
    if len(images) > 1:
        return _compile(_any_of(slots, images, scope), scope)
    (image,) = images
    lines, call, end = _single(slots, image, scope)
    source = ["def f(b, p, e, rows):"]
    if all(not slots[index].codec.variable for index in image.present):
        source += _fixed(slots, image, call, scope)
    source += [
        " append = rows.append",
        " while 1:",
        *(f"  {line}" for line in lines),
        f"  append({call})",
        f"  p = {end}",
        f"  if p >= e or {_differs(image, 'p', 'n0', scope)}:",
        "   return p",
    ]
    return _compile(source, scope)


def _single(slots: Sequence[Slot], image: Image, scope: dict[str, Any]) -> tuple[list[str], str, str]:
    """Source of the lines that read one row from `p`, of the call that makes it, and of where it ends."""
    reader = _Reader(slots, image, "p", "a", scope)
    return reader.lines, _row(slots, _image_parts(slots, image, reader, scope)), reader.end


def _any_of(slots: Sequence[Slot], images: Sequence[Image], scope: dict[str, Any]) -> list[str]:
    """One branch for each pattern: rows whose NULLs change from one to the next need no call each."""
    size = len(images[0].raw)
    scope["which"] = {image.raw: number for number, image in enumerate(images)}.get
    source = ["def f(b, p, e, rows):", " append = rows.append", " while p < e:"]
    source.append("  n = b[p]" if size == 1 else f"  n = which(b[p:p + {size}])")
    for number, image in enumerate(images):
        lines, call, end = _single(slots, image, scope)
        source.append(f"  {'elif' if number else 'if'} n == {image.raw[0] if size == 1 else number}:")
        source += (f"   {line}" for line in (*lines, f"append({call})", f"p = {end}"))
    return [*source, "  else:", "   return p", " return p"]


def _fixed(slots: Sequence[Slot], image: Image, call: str, scope: dict[str, Any]) -> list[str]:
    """Where all rows have one size and no other NULLs, one `iter_unpack` reads the whole event."""
    layout, names = f"<{len(image.raw)}x", list[str]()
    for index in image.present:
        if index in image.nulls:
            continue
        codec, skip, _ = slots[index]
        if skip:
            layout += f"{calcsize('<' + codec.fmt)}x"
        else:
            layout += codec.fmt
            names += (f"a{index}{part}" for part in "xy"[: codec.fields])
    if not names:
        return []
    size = calcsize(layout)
    scope["many"] = Struct(layout).iter_unpack
    same = [f"b[p + {i}:e:{size}].count({byte}) == n" for i, byte in enumerate(image.raw)]
    return [
        f" n, rest = divmod(e - p, {size})",
        f" if not rest and {' and '.join(same)}:",
        f"  rows += [{call} for {', '.join(names)}, in many(b[p:e])]",
        "  return e",
    ]


def compile_update(
    slots: Sequence[Slot],
    row: Callable[..., Any],
    before: Image,
    after: Image,
    old_row: Callable[..., Any] | None = None,
) -> Callable[..., int]:
    """`f(b, p, e, rows, olds)` for updates: the images' bytes are compared, only what differs is decoded twice.

    `old_row` makes the old values; by default `row` does.
    """
    scope: dict[str, Any] = {**NAMES, "row": row, "old": old_row or row, "U": UNSET}
    first = _Reader(slots, before, "p", "a", scope)
    second = _Reader(slots, after, "r", "z", scope)
    new, old, lines = _update_parts(slots, before, after, first, second, scope)
    source = [
        "def f(b, p, e, rows, olds):",
        " append, remember = rows.append, olds.append",
        " while 1:",
        *(f"  {line}" for line in first.lines),
        f"  r = {first.end}",
        f"  if r >= e or {_differs(after, 'r', 'n1', scope)}:",
        "   return p",
        *(f"  {line}" for line in (*second.lines, *lines)),
        f"  append({_row(slots, new)})",
        f"  remember({_row(slots, old, 'old')})",
        f"  p = {second.end}",
        f"  if p >= e or {_differs(before, 'p', 'n0', scope)}:",
        "   return p",
    ]
    return _compile(source, scope)


def _update_parts(
    slots: Sequence[Slot], before: Image, after: Image, first: _Reader, second: _Reader, scope: dict[str, Any]
) -> tuple[dict[int, str], dict[int, str], list[str]]:
    """Source of the new and the old values, and of the lines that prepare them."""
    # Variable values are used twice, in the comparison and as a value.
    lines = []
    for reader, letter in ((first, "a"), (second, "z")):
        for index, fields in reader.fields.items():
            if slots[index].codec.variable and not slots[index].skip:
                lines.append(f"{letter}{index} = {fields[0]}")
                reader.fields[index] = (f"{letter}{index}",)
    new = {**_image_parts(slots, before, first, scope), **_image_parts(slots, after, second, scope)}
    old: dict[int, str] = {}
    for index in before.present:
        if slots[index].skip or index not in after.present:
            continue
        if index in before.nulls:
            if index not in after.nulls:
                old[index] = "None"
            continue
        value = _value(slots[index], index, first.fields[index], scope)
        if index not in after.nulls:
            pairs = zip(first.fields[index], second.fields[index], strict=True)
            value = f"U if {' and '.join(f'{x} == {y}' for x, y in pairs)} else {value}"
        old[index] = value
    return new, old, lines


def compile_any_single(slots: Sequence[Slot], row: Callable[..., Any], present: Sequence[int]) -> Callable[..., int]:
    """`f(b, p, e, rows)` for inserts and deletes with whatever NULLs: reads the one row at p, and returns its end."""
    scope: dict[str, Any] = {**NAMES, "row": row, "U": UNSET}
    lines, fields = _any_image(slots, present, "a", scope)
    parts = {index: _or_null(slots[index], index, found, scope) for index, found in fields.items()}
    source = ["def f(b, p, e, rows):", *(f" {line}" for line in lines)]
    return _compile([*source, f" rows.append({_row(slots, parts)})", " return p"], scope)


def compile_any_update(
    slots: Sequence[Slot],
    row: Callable[..., Any],
    before: Sequence[int],
    after: Sequence[int],
    old_row: Callable[..., Any] | None = None,
) -> Callable[..., int]:
    """The same for updates: `f(b, p, e, rows, olds)`."""
    scope: dict[str, Any] = {**NAMES, "row": row, "old": old_row or row, "U": UNSET}
    lines, former = _any_image(slots, before, "a", scope)
    more, later = _any_image(slots, after, "z", scope)
    new = {index: _or_null(slots[index], index, found, scope) for index, found in {**former, **later}.items()}
    old: dict[int, str] = {}
    for index in former.keys() & later.keys():
        same = " and ".join(f"{x} == {y}" for x, y in zip(former[index], later[index], strict=True))
        old[index] = f"U if {same} else {_or_null(slots[index], index, former[index], scope)}"
    source = ["def f(b, p, e, rows, olds):", *(f" {line}" for line in (*lines, *more))]
    source += [f" rows.append({_row(slots, new)})", f" olds.append({_row(slots, old, 'old')})", " return p"]
    return _compile(source, scope)


def _any_image(
    slots: Sequence[Slot], present: Sequence[int], letter: str, scope: dict[str, Any]
) -> tuple[list[str], dict[int, tuple[str, ...]]]:
    """Source that reads one image from `p`, and the names of what each column that is not skipped holds, or None."""
    size = (len(present) + 7) // 8
    lines = [f"{', '.join(f'{letter}n{byte}' for byte in range(size))}, = b[p:p + {size}]", f"p += {size}"]
    fields: dict[int, tuple[str, ...]] = {}
    for bit, index in enumerate(present):
        codec, skip, _ = slots[index]
        names = tuple(f"{letter}{index}{part}" for part in "xy"[: codec.fields])
        width = calcsize("<" + codec.fmt)
        unpack = f"u{index}"
        scope[unpack] = Struct("<" + codec.fmt).unpack_from
        read = [f"{', '.join(names)}, = {unpack}(b, p)"]
        kept = names[:1] if codec.variable else names
        if codec.variable:
            read += [f"s = p + {width}", f"p = s + ({codec.length.format(x=names[0], y=names[-1])})"]
            read.append(f"{names[0]} = b[s:p]")
        else:
            read.append(f"p += {width}")
        lines.append(f"if {letter}n{bit >> 3} & {1 << (bit & 7)}: {' = '.join(kept)} = None")
        lines += ["else:", *(f" {line}" for line in read)]
        if not skip:
            fields[index] = kept
    return lines, fields


def _or_null(slot: Slot, index: int, fields: tuple[str, ...], scope: dict[str, Any]) -> str:
    return f"None if {fields[0]} is None else {_value(slot, index, fields, scope)}"


def _compile(source: list[str], scope: dict[str, Any]) -> Callable[..., int]:
    exec(_code("\n".join(source), "exec"), scope)
    made: Callable[..., int] = scope["f"]
    return made


@lru_cache(maxsize=256)
def _code(source: str, mode: str) -> CodeType:
    """Tables of like columns have the same source: it is compiled once for all of them."""
    return compile(source, "<rows>", mode)


def expression(source: str, scope: dict[str, Any]) -> Any:
    """The value of an expression."""
    return eval(_code(source, "eval"), scope)
