"""A batch as a plugin gets it: a line of JSON for each event, with its index in the batch as `_i`."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from itertools import chain

from wlf.events import Event
from wlf.events.formats.lines import encode_text


def write_lines(events: Sequence[Event]) -> bytes:
    """The lines, in order, with a line end behind each."""
    return number_lines(encode_text(events))


def number_lines(text: bytes) -> bytes:
    """The lines of JSON objects with `_i` in front of their members; the text ends with a line end."""
    if text.startswith(b"{}\n") or b"\n{}\n" in text:
        return b"".join(_number_one(index, line) for index, line in enumerate(text.split(b"\n")[:-1]))
    # Reading lines finds them several times faster than `split` does.
    rests = [line[1:] for line in BytesIO(text).readlines()]
    return b"".join(chain.from_iterable(zip(_first(len(rests)), rests, strict=False)))


def _number_one(index: int, line: bytes) -> bytes:
    comma = b"," if line != b"{}" else b""
    return b'{"_i":%d%b%b\n' % (index, comma, line[1:])


_beginnings: tuple[bytes, ...] = ()
"""`{"_i":0,` and so on: what comes in the place of the brace that a line begins with. Replaced by a longer one, never
changed: several threads read it."""


def _first(count: int) -> tuple[bytes, ...]:
    """At least so many beginnings."""
    global _beginnings
    found = _beginnings
    if len(found) < count:
        _beginnings = found = tuple(b'{"_i":%d,' % index for index in range(2 * count))
    return found
