"""Access logs of web servers: the common and the combined format."""

from __future__ import annotations

import re
from typing import Any

from wlf.components.transformers._parse.parser import Parser, no_match

_QUOTED = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_COMMON = rf"(\S++) (\S++) (\S++) \[([^\]]++)\] {_QUOTED} (\d{{3}}|-) (\d++|-)"
_NAMES = ("client", "identity", "user", "timestamp", "request", "status", "bytes", "referrer", "user_agent")
_NUMBERS = ("status", "bytes")


def access_parser(*, combined: bool) -> Parser:
    """`status` and `bytes` are numbers, and the request is taken apart; what the server wrote as `-` is left out."""
    pattern = rf"{_COMMON} {_QUOTED} {_QUOTED}" if combined else _COMMON
    match = re.compile(pattern).fullmatch
    expected = f"a line in the {'combined' if combined else 'common'} log format"

    def parse(text: str) -> dict[str, Any]:
        found = match(text.rstrip())
        if found is None:
            raise no_match(expected)
        fields: dict[str, Any] = {
            name: value for name, value in zip(_NAMES, found.groups(), strict=False) if value != "-"
        }
        for name in _NUMBERS:
            if name in fields:
                fields[name] = int(fields[name])
        words = fields.get("request", "").split(" ")
        if len(words) == 3:
            del fields["request"]
            fields["method"], fields["path"], fields["protocol"] = words
        return fields

    return parse
