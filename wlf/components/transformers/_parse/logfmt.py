"""logfmt: `level=info msg="request served" status=200 cached`."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from wlf.components.transformers._parse.parser import Parser, no_match

_PAIR = re.compile(
    r"""([^\s="]++)                          # the key
        (?: (=) (?: "([^"\\]*+(?:\\.[^"\\]*+)*+)"(?=\s|\Z)  # a value in quotes
              | ([^\s"]*+)(?=\s|\Z) ) )?+    # or without
        | (\S)                               # what is neither""",
    re.VERBOSE | re.DOTALL,
)


def logfmt_parser() -> Parser:
    """Values are text, a key alone is true. A text without any `=` is no logfmt."""
    pairs = _PAIR.findall

    def parse(text: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        assigned = False
        for key, equals, quoted, plain, stray in pairs(text):
            if stray:
                raise no_match("pairs such as key=value")
            if not equals:
                found[key] = True
                continue
            assigned = True
            found[key] = (_unquoted(quoted) if "\\" in quoted else quoted) if quoted else plain
        if not assigned:
            raise no_match("pairs such as key=value")
        return found

    return parse


def _unquoted(text: str) -> str:
    """The escapes are those of JSON; where one is not, a backslash stands for the character behind it."""
    try:
        return msgspec.json.decode(f'"{text}"', type=str)
    except (msgspec.MsgspecError, ValueError):
        return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
