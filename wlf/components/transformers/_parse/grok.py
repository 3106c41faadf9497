"""grok: expressions of named patterns, `%{IP:client} %{NUMBER:took:float}`, compiled to one regular expression."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from wlf.components.transformers._parse.grok_patterns import PATTERNS
from wlf.components.transformers._parse.parser import Parser, no_match
from wlf.components.transformers._parse.regex import compiled

_REFERENCE = re.compile(r"%\{([^{}:]*)(?::([^{}:]*))?(?::([^{}:]*))?\}")
_NAMED_GROUP = re.compile(r"\(\?<(?![=!])")
_TYPES: Mapping[str, Callable[[str], Any]] = {"int": int, "float": float}
_MAX_DEPTH = 50
_MAX_CHARACTERS = 100_000


class _Field(NamedTuple):
    """A group of the expression, and the field that it fills."""

    group: int
    name: str
    convert: Callable[[str], Any] | None


def grok_parser(patterns: Sequence[str], own: Mapping[str, str]) -> Parser:
    """The fields of the first pattern that is found anywhere in the text. `own` patterns go before the built-in ones.

    Raises:
        ValueError: an unknown name, a pattern that contains itself, or one that names no field.
    """
    tries = [_compile(pattern, own) for pattern in patterns]

    def parse(text: str) -> dict[str, Any]:
        for search, fields in tries:
            match = search(text)
            if match is not None:
                return _fields_of(match, fields)
        raise no_match("a text that the pattern matches")

    return parse


def _fields_of(match: re.Match[str], fields: Sequence[_Field]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for group, name, convert in fields:
        value: Any = match.group(group)
        if value is None or name in found:
            continue
        if convert is not None:
            try:
                value = convert(value)
            except ValueError:
                raise no_match(f"a number in '{name}'") from None
        found[name] = value
    return found


def _compile(pattern: str, own: Mapping[str, str]) -> tuple[Callable[[str], re.Match[str] | None], list[_Field]]:
    names: dict[str, tuple[str, Callable[[str], Any] | None]] = {}
    regex = compiled(_expand(pattern, own, names, ()))
    fields = [_Field(index, *names.get(group, (group, None))) for group, index in regex.groupindex.items()]
    if not fields:
        raise ValueError(f"expected a pattern that names a field, such as %{{IP:client}}, got {pattern!r}")
    return regex.search, sorted(fields)


def _expand(
    pattern: str,
    own: Mapping[str, str],
    names: dict[str, tuple[str, Callable[[str], Any] | None]],
    within: Sequence[str],
) -> str:
    """The regular expression behind a pattern; `names` gets the field of each group that is made."""

    def put(match: re.Match[str]) -> str:
        name, field, kind = match.groups()
        found = own.get(name, PATTERNS.get(name))
        if found is None:
            raise ValueError(f"no grok pattern {name!r}")
        if name in within or len(within) > _MAX_DEPTH:
            raise ValueError(f"the grok pattern {name!r} contains itself")
        if kind and kind not in _TYPES:
            raise ValueError(f"expected int or float behind %{{{name}:{field}:, got {kind!r}")
        group = f"w_{len(names)}" if field else ""
        if field:
            names[group] = field, _TYPES.get(kind or "")
        inner = _expand(found, own, names, (*within, name))
        return f"(?P<{group}>{inner})" if field else f"(?:{inner})"

    made = _NAMED_GROUP.sub("(?P<", _REFERENCE.sub(put, pattern))
    if len(made) > _MAX_CHARACTERS:
        raise ValueError(f"expected a grok pattern of at most {_MAX_CHARACTERS} characters once its names are replaced")
    return made
