"""The filter of a Maxwell config: its rules as they are, those of old releases, and what Maxwell hides by itself."""

from __future__ import annotations

import re

from wlf.graph.maxwell.catalogue import OLD_FILTER
from wlf.graph.maxwell.source import Source
from wlf.graph.maxwell.tree import Leaf

_WORD = re.compile(r"[A-Za-z0-9_]+")


def filter_of(source: Source) -> Leaf:
    """The `filter` of BinlogFilter."""
    given = source.text("filter")
    old = _old_rules(source, beside=given is not None)
    rules = [str(given.value).rstrip(", ")] if given is not None else old
    line = given.line if given is not None else 0
    return Leaf(", ".join((*filter(None, rules), *_hidden(source))), line)


def _hidden(source: Source) -> list[str]:
    """Tables whose rows Maxwell never lets out: its own, and those that managed servers write to."""
    named = source.take("schema_database")
    name = named.value.strip() if named is not None else "maxwell"
    own = name if _WORD.fullmatch(name) else f"`{re.escape(name).replace(chr(92), chr(92) * 2)}`"
    return [f"blacklist: {own}.*", "blacklist: mysql.ha_health_check", "blacklist: mysql./^rds_heartbeat/"]


def _old_rules(source: Source, *, beside: bool) -> list[str]:
    """Maxwell's own way from the keys of old releases to rules."""
    rules: list[str] = []
    included = source.has("include_dbs") or source.has("include_tables")
    for key, rule in OLD_FILTER.items():
        if key == "include_dbs" and included:
            rules.append("exclude: *.*")
        entry = source.take(key)
        if entry is None:
            continue
        rules += [rule.format(name.strip()) for name in entry.value.split(",") if name.strip()]
        source.unknown(entry, "`filter` counts, not this" if beside else "an old key: it is taken as rules of `filter`")
    values = source.take("include_column_values")
    if values is not None:
        for pair in filter(None, values.value.split(",")):
            column, _, value = (part.strip() for part in pair.partition("="))
            rules += [f"exclude: *.*.{column}=*", f"include: *.*.{column}={value}"]
        source.unknown(
            values, "`filter` counts, not this" if beside else "an old key: it is taken as rules of `filter`"
        )
    return rules
