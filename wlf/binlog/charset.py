"""Character sets: collation id -> how a column's bytes become text.

Ids are those of information_schema.COLLATIONS on MySQL 9 and MariaDB 10.11. Bytes that a character set does not define
become U+FFFD and are counted (SELECT shows `?` there); a value is never lost and the stream never stops for it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from wlf.binlog.charset_tables import DIFFERENCES, UPPER_HALVES
from wlf.errors import DecodeError

ToText: TypeAlias = Callable[[bytes], str]

BINARY = 63

_IDS: dict[str, str] = {
    "utf8mb4": "45-46 224-247 255-323 608-610 1069-1070 2304-2559",
    "utf8mb3": "33 76 83 192-215 223 576-578 1057 1107 2048-2303",
    "binary": "63",
    "latin1": "5 8 15 31 47-49 94",
    "ascii": "11 65",
    "latin2": "2 9 21 27 77",
    "latin5": "30 78",
    "latin7": "20 41 42 79",
    "cp850": "4 80",
    "cp852": "40 81",
    "macroman": "39 53",
    "macce": "38 43",
    "koi8r": "7 74",
    "koi8u": "22 75",
    "cp866": "36 68",
    "cp1251": "14 23 50-52",
    "cp1250": "26 34 44 66 99",
    "cp1257": "29 58 59",
    "hp8": "6 72",
    "greek": "25 70",
    "hebrew": "16 71",
    "cp1256": "57 67",
    "tis620": "18 89",
    "ucs2": "35 90 128-151 159 640-642 2560-2815",
    "utf16": "54 55 101-124 672-674 2816-3071",
    "utf16le": "56 62",
    "utf32": "60 61 160-183 736-738 3072-3327",
    "euckr": "19 85",
    "gbk": "28 87",
    "gb2312": "24 86",
    "gb18030": "248-250",
    "big5": "1 84",
    "sjis": "13 88",
    "cp932": "95 96",
    "ujis": "12 91",
    "eucjpms": "97 98",
    "dec8": "3 69",
    "swe7": "10 82",
    "keybcs2": "37 73",
    "armscii8": "32 64",
    "geostd8": "92 93",
}

CODECS: dict[str, str] = {
    "utf8mb4": "utf-8",
    "utf8mb3": "utf-8",
    "utf8": "utf-8",
    "latin1": "cp1252",
    "ascii": "ascii",
    "latin2": "iso8859-2",
    "latin5": "iso8859-9",
    "latin7": "iso8859-13",
    "cp850": "cp850",
    "cp852": "cp852",
    "macroman": "mac-roman",
    "macce": "mac-latin2",
    "koi8r": "koi8-r",
    "koi8u": "koi8-u",
    "cp866": "cp866",
    "cp1251": "cp1251",
    "cp1250": "cp1250",
    "cp1257": "cp1257",
    "hp8": "hp-roman8",
    "greek": "iso8859-7",
    "hebrew": "iso8859-8",
    "cp1256": "cp1256",
    "tis620": "tis-620",
    "ucs2": "utf-16-be",
    "utf16": "utf-16-be",
    "utf16le": "utf-16-le",
    "utf32": "utf-32-be",
    "euckr": "cp949",
    "gbk": "gbk",
    "gb2312": "gb2312",
    "gb18030": "gb18030",
    "big5": "big5",
    "sjis": "shift-jis",
    "cp932": "cp932",
    "ujis": "euc-jp",
    "eucjpms": "euc-jp",
    # Python has no codec for these: the lower half is ASCII, the rest is in the tables.
    "dec8": "ascii",
    "swe7": "ascii",
    "keybcs2": "ascii",
    "armscii8": "ascii",
    "geostd8": "ascii",
}

_UTF8 = ("utf8mb4", "utf8mb3", "utf8")
WIDE = ("ucs2", "utf16", "utf16le", "utf32")
_ASIAN = ("euckr", "gbk", "gb2312", "gb18030", "big5", "sjis", "cp932", "ujis", "eucjpms")
UNICODE = frozenset((*_UTF8, *WIDE, "binary"))
MULTIBYTE = frozenset((*_UTF8, *WIDE, *_ASIAN))

_EUC = rb"\x8f[\xa1-\xfe][\xa1-\xfe]|\x8e[\xa1-\xdf]|[\xa1-\xfe][\xa1-\xfe]|."
_SHIFT = rb"[\x81-\x9f\xe0-\xfc][\x40-\x7e\x80-\xfc]|."
_CHARACTERS = {
    "big5": rb"[\xa1-\xf9][\x40-\x7e\xa1-\xfe]|.",
    "euckr": rb"[\x81-\xfe][\x41-\x5a\x61-\x7a\x81-\xfe]|.",
    "gb2312": rb"[\xa1-\xf7][\xa1-\xfe]|.",
    "gbk": rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]|.",
    "gb18030": rb"[\x81-\xfe][\x30-\x39][\x81-\xfe][\x30-\x39]|[\x81-\xfe][\x40-\x7e\x80-\xfe]|.",
    "ujis": _EUC,
    "eucjpms": _EUC,
    "sjis": _SHIFT,
    "cp932": _SHIFT,
}
"""How bytes part into characters, where a text has one that Python decodes otherwise or not at all."""


def _expand() -> dict[int, str]:
    names: dict[int, str] = {}
    for name, spans in _IDS.items():
        for span in spans.split():
            first, _, last = span.partition("-")
            names.update(dict.fromkeys(range(int(first), int(last or first) + 1), name))
    return names


_NAMES = _expand()


def charset_of(collation: int) -> str:
    """The character set's name; raises DecodeError for an id of no known server.

    MariaDB's NOPAD collations are their PAD twin + 1024.
    """
    name = _NAMES.get(collation) or _NAMES.get(collation - 1024)
    if name is None:
        raise DecodeError(f"expected a known collation id, got {collation}")
    return name


def is_utf8(charset: str) -> bool:
    """Whether plain `bytes.decode()` is the right decoder."""
    return charset in _UTF8


class Undecodable:
    """Counts the values that held bytes their character set does not define."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values = 0


@lru_cache(maxsize=64)
def _table(charset: str) -> str:
    """All 256 characters of a single-byte character set."""
    if charset in UPPER_HALVES:
        return "".join(map(chr, range(128))) + UPPER_HALVES[charset]
    codec, differ = CODECS[charset], DIFFERENCES.get(charset, {})
    return "".join(differ.get(f"{byte:02x}") or bytes([byte]).decode(codec, "replace") for byte in range(256))


def to_text(charset: str, undecodable: Undecodable) -> ToText:
    """The decoder of one character set, replacing what is undefined in it and counting such values in `undecodable`."""
    if charset not in CODECS:
        raise DecodeError(f"expected a known character set, got {charset}")
    if charset in UNICODE:
        return _unicode(CODECS[charset], undecodable)
    if charset in MULTIBYTE:
        return _asian(charset, undecodable)
    return _single_byte(_table(charset), undecodable)


def _unicode(codec: str, undecodable: Undecodable) -> ToText:
    decode = codecs.getdecoder(codec)

    def text(raw: bytes) -> str:
        try:
            return decode(raw)[0]
        except UnicodeDecodeError:
            undecodable.values += 1
            return decode(raw, "replace")[0]

    return text


class _Characters(dict[bytes, str]):
    """Characters by their bytes: those that the server has otherwise than Python, others when they are asked for."""

    def __init__(self, charset: str) -> None:
        super().__init__((bytes.fromhex(raw), text) for raw, text in DIFFERENCES.get(charset, {}).items())
        self._codec = CODECS[charset]
        self._has_user_area = charset in ("ujis", "eucjpms")
        wrong = [raw for raw, text in self.items() if raw.decode(self._codec, "ignore") not in ("", text)]
        self.wrong = re.compile(b"|".join(map(re.escape, wrong)), re.DOTALL).search if wrong else None
        """Finds what Python decodes without an error, and not as the server."""

    def __missing__(self, raw: bytes) -> str:
        wide = raw.removeprefix(b"\x8f")
        if self._has_user_area and len(wide) == 2 and wide[0] >= 0xF5:
            return chr((0xE3AC if len(raw) == 3 else 0xE000) + 94 * (wide[0] - 0xF5) + wide[1] - 0xA1)
        try:
            return raw.decode(self._codec)
        except UnicodeDecodeError:
            return "\ufffd"


@lru_cache(maxsize=16)
def _characters(charset: str) -> _Characters:
    return _Characters(charset)


def _asian(charset: str, undecodable: Undecodable) -> ToText:
    """Python's codec for whole texts, and character by character where it has one otherwise than the server."""
    decode, characters = codecs.getdecoder(CODECS[charset]), _characters(charset)
    wrong = characters.wrong or (lambda raw: None)
    each = re.compile(_CHARACTERS[charset], re.DOTALL).findall

    def text(raw: bytes) -> str:
        if not wrong(raw):
            try:
                return decode(raw)[0]
            except UnicodeDecodeError:
                pass
        value = "".join(map(characters.__getitem__, each(raw)))
        if "\ufffd" in value:
            undecodable.values += 1
        return value

    return text


def _single_byte(table: str, undecodable: Undecodable) -> ToText:
    decode = codecs.charmap_decode
    ascii_same = table[:128] == "".join(map(chr, range(128)))
    defined = "\ufffd" not in table

    def text(raw: bytes) -> str:
        if ascii_same and raw.isascii():
            return raw.decode("ascii")
        value = decode(raw, "replace", table)[0]
        if not defined and "\ufffd" in value:
            undecodable.values += 1
        return value

    return text
