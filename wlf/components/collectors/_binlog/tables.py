"""Which tables are read at all: the `tables` option, then what the graph below wants."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

from wlf.components.collectors._binlog.options import TableOptions


def table_filter(options: TableOptions, wants: Callable[[str, str], bool]) -> Callable[[str, str], bool]:
    """A function that says whether rows of (database, table) are decoded."""
    if not (options.include or options.exclude):
        return wants

    def wanted(database: str, table: str) -> bool:
        path = f"{database}.{table}"
        if options.include and not any(fnmatchcase(path, pattern) for pattern in options.include):
            return False
        if any(fnmatchcase(path, pattern) for pattern in options.exclude):
            return False
        return wants(database, table)

    return wanted
