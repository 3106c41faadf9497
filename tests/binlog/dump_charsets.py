"""Writes wlf/binlog/charset_tables.py anew: asks servers for every character, keeps what Python's codecs lack.

python -m tests.binlog.dump_charsets [--check]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer
from wlf.binlog.charset import CODECS, MULTIBYTE, UNICODE

TARGET = Path(__file__).parents[2] / "wlf" / "binlog" / "charset_tables.py"
UNDEFINED = "\ufffd"
WITHOUT_CODEC = ("armscii8", "dec8", "geostd8", "keybcs2")
USER_DEFINED = ("ujis", "eucjpms")
"""Their user-defined area has a formula."""

HEAD = '''"""Where the servers' character sets differ from Python's codecs: dumped from MySQL 9.7 and MariaDB 10.11.

Written by `python -m tests.binlog.dump_charsets`; U+FFFD stands for what a server does not define.
"""

from __future__ import annotations

'''


def sequences(charset: str) -> Iterator[bytes]:
    """All byte sequences that may be one character."""
    yield from (bytes([a]) for a in range(256))
    if charset not in MULTIBYTE:
        return
    yield from (bytes([a, b]) for a in range(0x80, 256) for b in range(256))
    if charset in USER_DEFINED:
        yield from (bytes([0x8F, a, b]) for a in range(0x80, 256) for b in range(0x80, 256))
    if charset == "gb18030":
        digits = range(0x30, 0x3A)
        yield from (bytes([a, b, c, d]) for a in (*range(0x81, 0x85), 0x90, 0xE3) for b in digits
                    for c in range(0x81, 0xFF) for d in digits)  # fmt: skip


def characters(server: SqlServer, charset: str) -> dict[bytes, str]:
    """What the server has for each sequence that it takes as one character."""
    found: dict[bytes, str] = {}
    every = list(sequences(charset))
    with server.connect(charset="utf8mb4") as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        cursor.execute("CREATE TEMPORARY TABLE mysql.sequences (b varbinary(4))")
        for start in range(0, len(every), 20_000):
            values = ",".join(f"(X'{raw.hex()}')" for raw in every[start : start + 20_000])
            cursor.execute(f"INSERT INTO mysql.sequences VALUES {values}")
        text = f"CONVERT(b USING {charset})"
        cursor.execute(f"SELECT b, HEX(CONVERT({text} USING utf32)) FROM mysql.sequences WHERE CHAR_LENGTH({text}) = 1")
        for raw, shown in cursor.fetchall():
            # A whole character with an odd byte behind is no character of its own, whatever the server makes of it.
            lead = found.get(raw[:1], UNDEFINED)
            if shown and len(shown) == 8 and (len(raw) == 1 or lead == UNDEFINED):
                character = bytes.fromhex(shown).decode("utf-32-be")
                found[raw] = UNDEFINED if character == "?" and raw != b"?" else character
    return found


def charsets(server: SqlServer) -> list[str]:
    """Those of the server that are not Unicode."""
    names = server.query("SELECT CHARACTER_SET_NAME FROM information_schema.CHARACTER_SETS ORDER BY 1")
    return [name for (name,) in names if name not in UNICODE]


def python(charset: str, raw: bytes) -> str:
    """What Python's codec has."""
    try:
        return raw.decode(CODECS[charset])
    except UnicodeDecodeError:
        return UNDEFINED


def by_formula(charset: str, raw: bytes) -> str | None:
    """The character of the user-defined area of ujis and eucjpms."""
    wide = raw.removeprefix(b"\x8f")
    if charset not in USER_DEFINED or len(wide) != 2 or wide[0] < 0xF5 or wide[1] < 0xA1 or 0xFF in wide:
        return None
    return chr((0xE3AC if len(raw) == 3 else 0xE000) + 94 * (wide[0] - 0xF5) + wide[1] - 0xA1)


def differences(charset: str, found: Mapping[bytes, str]) -> dict[str, str]:
    """By the sequence in hex."""
    return {
        raw.hex(): character
        for raw, character in sorted(found.items())
        if character not in (python(charset, raw), by_formula(charset, raw))
    }


def source(tables: Mapping[str, Mapping[bytes, str]]) -> str:
    """The module's text."""
    lines = [HEAD + "UPPER_HALVES = {"]
    for charset in WITHOUT_CODEC:
        half = [tables[charset].get(bytes([byte]), UNDEFINED) for byte in range(128, 256)]
        parts = " ".join(ascii("".join(half[start : start + 16])) for start in range(0, 128, 16))
        lines.append(f"    {charset!r}: ({parts}),")
    lines += ["}", '"""The 128 characters from 0x80 on."""', "", "DIFFERENCES: dict[str, dict[str, str]] = {"]
    for charset in sorted(set(tables) - set(WITHOUT_CODEC)):
        if differ := differences(charset, tables[charset]):
            lines.append(f"    {charset!r}: {differ!a},")
    lines += ["}", '"""By the bytes of a character in hex."""', ""]
    formatted = subprocess.run(
        [Path(sys.executable).with_name("ruff"), "format", "--line-length", "120", "-"],
        input="\n".join(lines), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return formatted.stdout


def dumped() -> str:
    """The module as the servers have it now: MariaDB's word, MySQL's for what MariaDB does not have."""
    tables: dict[str, dict[bytes, str]] = {}
    for make in (MySQL, MariaDB):
        with tempfile.TemporaryDirectory() as scratch, make(Path(scratch) / "server") as server:
            for charset in charsets(server):
                tables[charset] = characters(server, charset)
    return source(tables)


def main() -> int:
    """Write the module, or say whether it is what the servers have."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    text = dumped()
    if parser.parse_args().check:
        return int(TARGET.read_text() != text)
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
