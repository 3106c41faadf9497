"""Texts of values with a delimiter between them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any

from wlf.components.transformers._parse.parser import Parser, no_match


def csv_parser(columns: Sequence[str], delimiter: str, quote: str) -> Parser:
    """The values under the names of `columns`; a column named "" is left out.

    Raises:
        ValueError: two columns of a name, or a delimiter that cannot be one.
    """
    named = [name for name in columns if name]
    if not named or len(set(named)) != len(named):
        raise ValueError("expected `columns`: names, each once")
    list(csv.reader((), delimiter=delimiter, quotechar=quote))
    count, gaps = len(columns), len(named) != len(columns)

    def parse(text: str) -> dict[str, Any]:
        values = _quoted(text, delimiter, quote) if quote in text else text.split(delimiter)
        if len(values) != count:
            raise no_match(f"{count} values, got {len(values)}")
        found = dict(zip(columns, values, strict=True))
        if gaps:
            del found[""]
        return found

    return parse


def _quoted(text: str, delimiter: str, quote: str) -> list[str]:
    try:
        rows = list(csv.reader((text,), delimiter=delimiter, quotechar=quote, strict=True))
    except csv.Error:
        raise no_match("values in quotes that are closed") from None
    return rows[0] if len(rows) == 1 else []
