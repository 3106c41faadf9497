"""Character sets by the names that statements give them, and the bytes that a character may take."""

from __future__ import annotations

WIDE = ("ucs2", "utf16", "utf16le", "utf32")
_WIDTHS = {
    **dict.fromkeys(("utf8mb4", "utf16", "utf16le", "utf32", "gb18030"), 4),
    **dict.fromkeys(("utf8mb3", "ujis", "eucjpms"), 3),
    **dict.fromkeys(("ucs2", "gbk", "gb2312", "big5", "sjis", "cp932", "euckr"), 2),
}


def charset_named(name: str) -> str:
    """The name as information_schema has it: in lower case, and `utf8` is utf8mb3."""
    lower = name.lower()
    return "utf8mb3" if lower == "utf8" else lower


def charset_of_collation(collation: str) -> str | None:
    """The character set of a collation by its name; None for `uca1400_ai_ci` and others that go with any."""
    lower = collation.lower()
    if lower == "binary":
        return "binary"
    head, _, rest = lower.partition("_")
    if not rest or head == "uca1400":
        return None
    return charset_named(head)


def bytes_per_character(charset: str) -> int:
    """At most."""
    return _WIDTHS.get(charset_named(charset), 1)
