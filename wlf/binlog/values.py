"""Bytes to values for the types that are more than an integer, with caches for what comes again and again.

Dates and times become text exactly as MySQL prints them: zero dates, negative and long times included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Context, Decimal
from struct import pack, unpack
from typing import Generic, TypeVar

from wlf.errors import DecodeError

Key = TypeVar("Key")
Value = TypeVar("Value")

CACHE_ENTRIES = 4096


class Memo(dict[Key, Value], Generic[Key, Value]):
    """A dict that computes what it lacks and starts anew when it is full; a hit costs a plain subscription."""

    __slots__ = ("_compute", "_limit")

    def __init__(self, compute: Callable[[Key], Value], limit: int = CACHE_ENTRIES) -> None:
        super().__init__()
        self._compute = compute
        self._limit = limit

    def __missing__(self, key: Key) -> Value:
        value = self._compute(key)
        if len(self) >= self._limit:
            self.clear()
        self[key] = value
        return value


def date_text(raw: bytes) -> str:
    """DATE, 3 bytes LE."""
    value = int.from_bytes(raw, "little")
    return f"{value >> 9:04}-{value >> 5 & 15:02}-{value & 31:02}"


DATES: Memo[bytes, str] = Memo(date_text)


def _day_text(day: int) -> str:
    """The 23 upper bits of a DATETIME2 (year * 13 + month, day), with a blank behind."""
    months = (day >> 5) - 0x20000
    return f"{months // 13:04}-{months % 13:02}-{day & 31:02} "


def _clock_text(clock: int) -> str:
    """Hours, minutes and seconds as DATETIME2 and TIME2 pack them, six bits for each of the last two."""
    return f"{clock >> 12:02}:{clock >> 6 & 63:02}:{clock & 63:02}"


_DAYS: Memo[int, str] = Memo(_day_text)
# Tables instead of caches: they are small and never miss.
_MINUTES = tuple(f"{hour:02}:{minute:02}:" for hour in range(32) for minute in range(64))
_SECONDS = tuple(f"{second:02}" for second in range(64))
_DAY_MINUTES = tuple(f"{hour:02}:{minute:02}:" for hour in range(24) for minute in range(60))


def fraction_text(fsp: int, value: int) -> str:
    """`.123` with exactly `fsp` digits; `value` as stored: 1/100, 1/10 000 or 1/1 000 000 s in 1, 2 or 3 bytes."""
    if not fsp:
        return ""
    return "." + f"{value:0{(fsp + 1) // 2 * 2}}"[:fsp]


def _fractions(fsp: int) -> Sequence[str] | Memo[int, str]:
    """By the stored fraction: tables up to four digits, a cache above."""
    if fsp > 4:
        return Memo(lambda value: fraction_text(fsp, value))
    texts: dict[str, str] = {}
    every = (fraction_text(fsp, value) for value in range((1, 100, 10_000)[(fsp + 1) // 2]))
    return tuple(texts.setdefault(text, text) for text in every)


_FRACTIONS = [_fractions(fsp) for fsp in range(7)]


def datetime2(fsp: int) -> tuple[int, Callable[[bytes], str]]:
    """Size and reader of DATETIME(fsp)."""
    days, minutes, seconds, fractions = _DAYS, _MINUTES, _SECONDS, _FRACTIONS[fsp]
    number, tail = int.from_bytes, (fsp + 1) // 2
    bits = 8 * tail
    mask, to_minute, to_day = (1 << bits) - 1, bits + 6, bits + 17

    def text(raw: bytes) -> str:
        x = number(raw, "big")
        clock = minutes[x >> to_minute & 0x7FF] + seconds[x >> bits & 63]
        return f"{days[x >> to_day]}{clock}{fractions[x & mask]}"

    def whole(raw: bytes) -> str:
        x = number(raw, "big")
        return days[x >> 17] + minutes[x >> 6 & 0x7FF] + seconds[x & 63]

    return 5 + tail, text if tail else whole


def _seconds_text(seconds: int) -> str:
    """Unix seconds as `YYYY-MM-DD hh:mm:ss` in UTC; 0 is the zero date."""
    if not seconds:
        return "0000-00-00 00:00:00"
    minute = seconds // 60
    return _EPOCH_DAYS[minute // 1440] + _DAY_MINUTES[minute % 1440] + _SECONDS[seconds - minute * 60]


def _epoch_day_text(day: int) -> str:
    """Days since 1970-01-01 as a proleptic Gregorian date, with a blank behind."""
    era, rest = divmod(day + 719468, 146097)
    of_era = (rest - rest // 1460 + rest // 36524 - rest // 146096) // 365
    of_year = rest - (365 * of_era + of_era // 4 - of_era // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return f"{of_era + era * 400 + (month <= 2):04}-{month:02}-{of_year - (153 * shifted + 2) // 5 + 1:02} "


_EPOCH_DAYS: Memo[int, str] = Memo(_epoch_day_text)


def timestamp2(fsp: int) -> tuple[int, Callable[[bytes], str]]:
    """Size and reader of TIMESTAMP(fsp): UTC, seconds unsigned (MariaDB goes to 2106)."""
    tail = (fsp + 1) // 2
    bits, fractions = 8 * tail, _FRACTIONS[fsp]

    def text(raw: bytes) -> str:
        x = int.from_bytes(raw, "big")
        return _seconds_text(x >> bits) + fractions[x & (1 << bits) - 1]

    return 4 + tail, text


def time2(fsp: int) -> tuple[int, Callable[[bytes], str]]:
    """Size and reader of TIME(fsp)."""
    size = 3 + (fsp + 1) // 2
    bits, zero = 8 * (size - 3), 1 << 8 * size - 1

    def text(raw: bytes) -> str:
        number = int.from_bytes(raw, "big") - zero
        x = abs(number)
        clock = _clock_text(x >> bits)
        return ("-" if number < 0 else "") + clock + fraction_text(fsp, x & (1 << bits) - 1)

    return size, text


OLD_FRACTIONS = (
    "a table of mysql56_temporal_format=OFF with fractions of a second cannot be read: ALTER TABLE ... FORCE on a "
    "server with mysql56_temporal_format=ON"
)
"""MariaDB logs such columns in a form of its own, and with metadata that does not tell it."""


def old_timestamp(seconds: int) -> str:
    """TIMESTAMP of before MySQL 5.6.4."""
    return _seconds_text(seconds)


def old_time(number: int) -> str:
    """TIME of before 5.6.4: the decimal digits hhmmss with a sign; raises DecodeError where they are no time."""
    x = abs(number)
    if x > 838_59_59 or x % 100 > 59 or x // 100 % 100 > 59:
        raise DecodeError(f"expected a TIME, got {number}: {OLD_FRACTIONS}")
    return f"{'-' if number < 0 else ''}{x // 10000:02}:{x // 100 % 100:02}:{x % 100:02}"


def old_datetime(number: int) -> str:
    """DATETIME of before 5.6.4: the decimal digits YYYYMMDDhhmmss; raises DecodeError where they are none."""
    day, clock = divmod(number, 1_000_000)
    if day > 9999_12_31 or day % 100 > 31 or day // 100 % 100 > 12 or clock > 23_59_59:
        raise DecodeError(f"expected a DATETIME, got {number}: {OLD_FRACTIONS}")
    date = f"{day // 10000:04}-{day // 100 % 100:02}-{day % 100:02}"
    return f"{date} {clock // 10000:02}:{clock // 100 % 100:02}:{clock % 100:02}"


def packed_datetime(packed: int, *, date_only: bool) -> str:
    """A date or datetime inside JSON; datetimes always with six digits."""
    x = abs(packed)
    seconds = x >> 24
    day = _day_text((seconds >> 17) + (0x20000 << 5))
    return day[:-1] if date_only else f"{day}{_clock_text(seconds & 0x1FFFF)}.{x & 0xFFFFFF:06}"


def packed_time(packed: int) -> str:
    """A time inside JSON, always with six digits."""
    x = abs(packed)
    return f"{'-' if packed < 0 else ''}{_clock_text(x >> 24)}.{x & 0xFFFFFF:06}"


def year(byte: int) -> int:
    """YEAR: 0 is the year 0000."""
    return 1900 + byte if byte else 0


_LEAST_NORMAL = 2.0**-126


def float32(value: float) -> float:
    """The double with the fewest digits that is stored as this FLOAT: 1.1, not 1.100000023841858."""
    # Subnormal numbers have fewer digits than others.
    for digits in range(1 if abs(value) < _LEAST_NORMAL else 6, 9):
        short = float(f"{value:.{digits}g}")
        try:
            if unpack("<f", pack("<f", short))[0] == value:
                return short
        except OverflowError:
            continue
    return float(f"{value:.9g}")


class PlainDecimal(Decimal):
    """A decimal near zero, which as text would otherwise get an exponent: 0.000000001, not 1E-9.

    msgspec's encoders need a hook for it: `wlf.events.plain`.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return format(self, "f")


SCALE_IN_PLAIN = 6
"""With so many digits behind the point, Python writes no decimal with an exponent."""

_EXACT = Context(prec=100)
_LEFTOVER_BYTES = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)


def decimal_size(precision: int, scale: int) -> int:
    """Bytes of a DECIMAL(precision, scale)."""
    whole = precision - scale
    if not 0 <= scale <= precision <= 81 or precision == 0:
        raise DecodeError(f"expected a DECIMAL's precision and scale, got ({precision},{scale})")
    return whole // 9 * 4 + _LEFTOVER_BYTES[whole % 9] + scale // 9 * 4 + _LEFTOVER_BYTES[scale % 9]


def decimal_reader(precision: int, scale: int) -> tuple[int, Callable[[bytes], Decimal]]:
    """Size and reader of a DECIMAL: exact, with all digits of its scale.

    Groups of nine digits are big-endian integers of four bytes, the outer leftovers smaller ones; the top bit is
    the sign's complement, negative numbers have all bits inverted.
    """
    size = decimal_size(precision, scale)
    whole = precision - scale
    groups = [whole % 9] * (whole % 9 > 0) + [9] * (whole // 9) + [9] * (scale // 9) + [scale % 9] * (scale % 9 > 0)
    widths = [_LEFTOVER_BYTES[digits] if digits < 9 else 4 for digits in groups]
    top, ones = 1 << 8 * size - 1, (1 << 8 * size) - 1
    tiny = 10 ** (scale - SCALE_IN_PLAIN) if scale > SCALE_IN_PLAIN else 0

    def read(raw: bytes) -> Decimal:
        x = int.from_bytes(raw, "big") ^ top
        negative = x & top
        if negative:
            x ^= ones
        raw = x.to_bytes(size, "big")
        number = at = 0
        for digits, width in zip(groups, widths, strict=True):
            part = int.from_bytes(raw[at : at + width], "big")
            if part >= 10**digits:
                raise DecodeError(f"expected {digits} decimal digits, got {part}")
            number = number * 10**digits + part
            at += width
        text = f"{number:0{scale + 1}}"
        point = len(text) - scale
        sign = "-" if negative and number else ""
        text = f"{sign}{text[:point]}.{text[point:]}" if scale else f"{sign}{text}"
        return PlainDecimal(text) if number < tiny else Decimal(text)

    if len(groups) == 2 and scale and whole:
        return size, _two_groups(groups, widths, read)
    return size, read


def _two_groups(groups: list[int], widths: list[int], exact: Callable[[bytes], Decimal]) -> Callable[[bytes], Decimal]:
    """The usual case, for instance DECIMAL(10,2): one group before the point and one behind, positive."""
    bits, limit = 8 * widths[1], 10 ** groups[1]
    mask, top, high = (1 << bits) - 1, 1 << 8 * sum(widths) - 1, 10 ** groups[0]
    number, times, unit = int.from_bytes, _EXACT.multiply, Decimal(1).scaleb(-groups[1])
    # What is nearer to zero than one may need an exponent: `exact` sees to it.
    least = 0 if groups[1] <= SCALE_IN_PLAIN else 1 << bits

    def read(raw: bytes) -> Decimal:
        x = number(raw, "big") - top
        part = x & mask
        whole = x >> bits
        if x < least or part >= limit or whole >= high:
            return exact(raw)
        return times(whole * limit + part, unit)

    return read


def zero_padded(size: int) -> Callable[[bytes], bytes]:
    """BINARY(size): the server strips trailing zero bytes from the binlog; they belong to the value."""
    return lambda raw: raw.ljust(size, b"\0")


def set_reader(labels: tuple[str, ...]) -> Callable[[int], tuple[str, ...]]:
    """SET: a bit mask to the labels, in the order of the definition."""
    known = (1 << len(labels)) - 1

    def members(mask: int) -> tuple[str, ...]:
        if mask & ~known:
            raise DecodeError(f"expected a SET of {len(labels)} labels, got the mask {mask:#x}")
        return tuple(label for index, label in enumerate(labels) if mask >> index & 1)

    return members


def vector(raw: bytes) -> list[float]:
    """VECTOR: 32-bit floats, each with the fewest digits that tell it."""
    if len(raw) % 4:
        raise DecodeError(f"expected 4 bytes for each number of a vector, got {len(raw)} in all")
    return [float32(value) for value in unpack(f"<{len(raw) // 4}f", raw)]
