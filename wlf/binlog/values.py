"""Bytes to values for the types that are more than an integer, with caches for what comes again and again.

Dates and times become text exactly as MySQL prints them: zero dates, negative and long times included.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal
from struct import pack, unpack
from typing import Generic, NamedTuple, TypeVar

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


_DAYS_MINUTES: Memo[int, str] = Memo(lambda x: f"{_day_text(x >> 11)}{x >> 6 & 31:02}:{x & 63:02}:")
"""By the bits of a DATETIME2 before its seconds."""
_SECONDS = tuple(f"{second:02}" for second in range(64))


def fraction_text(fsp: int, value: int) -> str:
    """`.123` with exactly `fsp` digits; `value` as stored: 1/100, 1/10 000 or 1/1 000 000 s in 1, 2 or 3 bytes."""
    if not fsp:
        return ""
    return "." + f"{value:0{(fsp + 1) // 2 * 2}}"[:fsp]


def fraction_reader(fsp: int) -> tuple[str, Memo[int, str] | Callable[[bytes], str]]:
    """The struct format of a fraction of `fsp` digits (1 to 6), and its texts: by that number, or by the bytes.

    Stored are hundredths, ten-thousandths or millionths, big-endian; the two bytes are read the other way round.
    Above four digits they hardly ever come again.
    """
    if fsp > 4:
        return "3s", lambda raw: "." + f"{int.from_bytes(raw, 'big'):06}"[:fsp]
    return ("B", "H")[fsp > 2], _FRACTIONS[fsp]


def _short_fractions(fsp: int) -> Memo[int, str]:
    parts = 100 if fsp < 3 else 10_000

    def text(stored: int) -> str:
        value = stored if fsp < 3 else stored >> 8 | (stored & 255) << 8
        if value >= parts:
            raise DecodeError(f"expected a fraction below {parts}, got {value}")
        return fraction_text(fsp, value)

    return Memo(text, parts)


_FRACTIONS = [_short_fractions(fsp) for fsp in range(5)]
"""All columns share them: ten thousand texts at most."""


class _Stamps(dict[bytes, str]):
    """Texts of whole seconds by their bytes: most rows are written at about one time.

    Misses are cheap, for other columns hold any time: they need no more than the text of a minute.
    """

    __slots__ = ()

    def _remember(self, raw: bytes, text: str) -> str:
        if len(self) >= CACHE_ENTRIES:
            self.clear()
        self[raw] = text
        return text


class DatetimeTexts(_Stamps):
    """The 5 bytes of a DATETIME2 before its fraction."""

    __slots__ = ()

    def __missing__(self, raw: bytes) -> str:
        x = int.from_bytes(raw, "big")
        return self._remember(raw, _DAYS_MINUTES[x >> 6] + _SECONDS[x & 63])


class TimestampTexts(_Stamps):
    """The 4 bytes of a TIMESTAMP2 before its fraction: UTC, seconds unsigned (MariaDB goes to 2106)."""

    __slots__ = ()

    def __missing__(self, raw: bytes) -> str:
        minute, second = divmod(int.from_bytes(raw, "big"), 60)
        return self._remember(raw, _EPOCH_MINUTES[minute] + _SECONDS[second] if minute or second else ZERO_TIME)


ZERO_TIME = "0000-00-00 00:00:00"


def _seconds_text(seconds: int) -> str:
    """Unix seconds as `YYYY-MM-DD hh:mm:ss` in UTC; 0 is the zero date."""
    minute, second = divmod(seconds, 60)
    return _EPOCH_MINUTES[minute] + _SECONDS[second] if seconds else ZERO_TIME


def _epoch_day_text(day: int) -> str:
    """Days since 1970-01-01 as a proleptic Gregorian date, with a blank behind."""
    era, rest = divmod(day + 719468, 146097)
    of_era = (rest - rest // 1460 + rest // 36524 - rest // 146096) // 365
    of_year = rest - (365 * of_era + of_era // 4 - of_era // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return f"{of_era + era * 400 + (month <= 2):04}-{month:02}-{of_year - (153 * shifted + 2) // 5 + 1:02} "


_EPOCH_MINUTES: Memo[int, str] = Memo(
    lambda minute: f"{_epoch_day_text(minute // 1440)}{minute % 1440 // 60:02}:{minute % 60:02}:"
)
"""By minutes since 1970."""


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

EXACT = Context(prec=100)
"""Enough for every DECIMAL, whatever the caller's own context is."""

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

    return size, read


class ShortDecimal(NamedTuple):
    """How the usual DECIMAL is read: one group of digits before the point and one behind, positive.

    As a big-endian number less `zero` it is at least `least` and below `limit`; the `bits` at its end are the fraction,
    in units of 1/`parts`. What does not fit into that is `decimal_reader`'s.
    """

    zero: int
    least: int
    limit: int
    bits: int
    parts: int


def short_decimal(precision: int, scale: int) -> ShortDecimal | None:
    """None where there is no short way."""
    whole = precision - scale
    if not (1 <= scale <= 9 and 1 <= whole <= 9):
        return None
    bits = 8 * _LEFTOVER_BYTES[scale] if scale < 9 else 32
    # What is nearer to zero than one may need an exponent: `decimal_reader` sees to it.
    least = 0 if scale <= SCALE_IN_PLAIN else 1 << bits
    return ShortDecimal(1 << 8 * decimal_size(precision, scale) - 1, least, 10**whole << bits, bits, 10**scale)


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
