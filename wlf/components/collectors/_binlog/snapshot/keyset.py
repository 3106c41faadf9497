"""The SELECT of one chunk: rows behind a key, in the key's order."""

from __future__ import annotations

from collections.abc import Sequence

from wlf.components.collectors._binlog.snapshot.columns import SourceColumn, literal_of, quoted, selected
from wlf.components.collectors._binlog.snapshot.definition import Definition


def key_columns(table: Definition) -> list[str]:
    """What is selected behind the columns, to tell where the next chunk begins: labels are ordered by their number."""
    return [f"{quoted(column.name)} + 0" for column in _key(table) if column.is_label]


def select_chunk(table: Definition, last: Sequence[str], upper: Sequence[str], limit: int, *, locking: str = "") -> str:
    """Rows behind `last` and up to `upper` (both as SQL literals, () for no bound), at most `limit`."""
    conditions = []
    if last:
        conditions.append(_beyond(table, last, ">", strict=True))
    if upper:
        conditions.append(_beyond(table, upper, "<", strict=False))
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    order = ", ".join(quoted(column.name) for column in _key(table))
    return f"{select_all(table)}{where} ORDER BY {order} LIMIT {limit}{locking}"


def select_all(table: Definition) -> str:
    """All rows, in whatever order."""
    return f"SELECT {', '.join([*map(selected, table.columns), *key_columns(table)])} FROM {table.name}"


def select_greatest(table: Definition) -> str:
    """The greatest key, as `key_of_row` reads it: the columns that `select_all` has."""
    order = ", ".join(f"{quoted(column.name)} DESC" for column in _key(table))
    return f"{select_all(table)} ORDER BY {order} LIMIT 1"


def key_of_row(table: Definition, raw: Sequence[bytes | None]) -> tuple[str, ...]:
    """The key of a row of `select_all`, given as the server sent it, as SQL literals."""
    numbers = iter(raw[len(table.columns) :])
    found = []
    for index in table.key:
        column = table.columns[index]
        value = next(numbers) if column.is_label else raw[index]
        found.append(literal_of(column, value or b""))
    return tuple(found)


def _key(table: Definition) -> list[SourceColumn]:
    return [table.columns[index] for index in table.key]


def _beyond(table: Definition, bound: Sequence[str], sign: str, *, strict: bool) -> str:
    """`(a > x OR (a = x AND b > y))`: a comparison of rows that the server turns into ranges of the index."""
    names = [quoted(column.name) for column in _key(table)]
    terms = []
    for count in range(len(names)):
        equal = [f"{name} = {value}" for name, value in zip(names[:count], bound, strict=False)]
        last = "=" if count == len(names) - 1 and not strict else ""
        terms.append(" AND ".join([*equal, f"{names[count]} {sign}{last} {bound[count]}"]))
    return f"({' OR '.join(f'({term})' for term in terms)})"


def select_keys(table: Definition, keys: Sequence[Sequence[str]], *, locking: str = "") -> str:
    """The rows of these keys, given as SQL literals."""
    names = [quoted(column.name) for column in _key(table)]
    each = (" AND ".join(f"{name} = {value}" for name, value in zip(names, key, strict=True)) for key in keys)
    return f"{select_all(table)} WHERE {' OR '.join(f'({terms})' for terms in each)}{locking}"
