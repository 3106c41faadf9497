"""Decimals near zero: every encoder writes them without an exponent, with all digits of their scale."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

import msgspec
import pytest

from wlf.binlog.codecs import JSON_NULL
from wlf.binlog.values import decimal_reader
from wlf.events.java_text import java_text
from wlf.events.plain import plain_number, plain_text

as_json = msgspec.json.Encoder(decimal_format="number", enc_hook=plain_number).encode
as_msgpack = msgspec.msgpack.Encoder(decimal_format="string", enc_hook=plain_text).encode


def stored(text: str, scale: int) -> Decimal:
    """A positive DECIMAL(scale + 2, scale) as the binlog has it, read."""
    size, read = decimal_reader(scale + 2, scale)
    digits = text.replace(".", "").rjust(scale + 2, "0")
    groups = [digits[:2], *(digits[at : at + 9] for at in range(2, scale + 2, 9))]
    widths = [1, *([4] * (scale // 9)), *([(0, 1, 1, 2, 2, 3, 3, 4, 4)[scale % 9]] if scale % 9 else [])]
    raw = b"".join(int(group).to_bytes(width, "big") for group, width in zip(groups, widths, strict=True))
    assert len(raw) == size
    return read(bytes([raw[0] ^ 0x80]) + raw[1:])


@pytest.mark.parametrize(
    "text",
    [
        *("0.000000001", "0.000000000", "0.0000000", "0.0000001", "0.000000999"),
        *("1.000000000", "0.000001", "0.0000010", "0." + "0" * 29 + "1", "0." + "0" * 30),
    ],
)
def test_a_decimal_near_zero_has_no_exponent(text: str) -> None:
    value = stored(text, len(text) - 2)
    assert value == Decimal(text)
    assert as_json(value).decode() == text
    assert msgspec.msgpack.decode(as_msgpack(value)) == text
    assert as_json({"d": [value]}) == b'{"d":[%b]}' % text.encode()
    assert java_text(value) == str(Decimal(text))  # BigDecimal.toString() has one


def test_json_null_is_null_everywhere_and_not_none() -> None:
    assert JSON_NULL is not None
    assert isinstance(JSON_NULL, Enum)
    assert (as_json([JSON_NULL]), as_msgpack([JSON_NULL])) == (b"[null]", b"\x91\xc0")


def test_what_is_no_number_is_an_error() -> None:
    with pytest.raises(TypeError, match="got object"):
        as_json(object())
