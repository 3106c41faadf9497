"""One JSON object a text."""

from __future__ import annotations

from typing import Any

import msgspec

from wlf.components.transformers._parse.parser import Parser, no_match


def json_parser() -> Parser:
    """Values keep their types: numbers, texts, true and false, null, lists and objects."""
    decode = msgspec.json.Decoder().decode

    def parse(text: str) -> dict[str, Any]:
        try:
            found = decode(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise no_match("a JSON object") from None
        if type(found) is not dict:
            raise no_match("a JSON object")
        return found

    return parse
