"""Regular expressions with named groups, tried in turn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from wlf.components.transformers._parse.parser import Parser, no_match


def compiled(pattern: str) -> re.Pattern[str]:
    """A user's pattern. Raises ValueError, which says where in the pattern the mistake is."""
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"expected a regular expression, got {pattern!r}: {error}") from error


def regex_parser(patterns: Sequence[str]) -> Parser:
    """The groups of the first pattern that is found anywhere in the text; a group that took no part is left out.

    Raises:
        ValueError: a pattern is none, or names no group.
    """
    found = [compiled(pattern) for pattern in patterns]
    for regex in found:
        if not regex.groupindex:
            raise ValueError(f"expected named groups such as (?P<status>[0-9]+), got {regex.pattern!r}")
    searches = tuple(regex.search for regex in found)

    def parse(text: str) -> dict[str, Any]:
        for search in searches:
            match = search(text)
            if match is not None:
                return {name: value for name, value in match.groupdict().items() if value is not None}
        raise no_match("a text that the pattern matches")

    return parse
