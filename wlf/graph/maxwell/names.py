"""Names with `%{database}`, `%{table}` and `%{type}` in them, as templates of wlf."""

from __future__ import annotations

import re

from wlf.graph.maxwell.properties import Entry
from wlf.graph.maxwell.source import Source
from wlf.graph.maxwell.tree import Leaf

_PLACEHOLDER = re.compile(r"%\{([^}]*)\}?")
_FIELDS = ("database", "table", "type")


def template(source: Source, key: str, default: str) -> Leaf:
    """The template of a key; `default` where it is not there."""
    entry = source.take(key)
    return Leaf(default) if entry is None else template_of(source, entry)


def template_of(source: Source, entry: Entry) -> Leaf:
    """The template of an entry."""
    text = entry.value.strip()
    for found in _PLACEHOLDER.finditer(text):
        if found.group(1) not in _FIELDS or not found.group().endswith("}"):
            source.wrong(entry, f"expected %{{database}}, %{{table}} or %{{type}}, got {found.group()}")
    return Leaf(_PLACEHOLDER.sub(r"%{/\1}", text), entry.line)


def literal(source: Source, entry: Entry) -> Leaf:
    """A name that is no template."""
    if "%{" in entry.value:
        source.wrong(entry, f"expected a name without %{{...}}, got {entry.value!r}")
    return Leaf(entry.value.strip(), entry.line)
