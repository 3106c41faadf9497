"""Which document an event is: `_id` from its place, from a template, or from the row's primary key."""

from __future__ import annotations

import hashlib
from typing import Any

from msgspec import UNSET

from wlf.components.dispatchers._mongodb.values import bson_of
from wlf.components.naming import NameRefused
from wlf.events import Event, RowChange, RowUpdate
from wlf.events.formats.lines import encode_one
from wlf.events.identity import identity_of

_MAX_ID_BYTES = 512


def id_of_place(event: Event) -> str | None:
    """The same after a replay; None where the event has no place: then the client makes one."""
    name = identity_of(event)
    if name is None:
        return None
    text = encode_one(name)
    return text.decode() if len(text) <= _MAX_ID_BYTES else f"sha256:{hashlib.sha256(text).hexdigest()}"


class RowKeys:
    """`_id` of a row: the value of a key of one column, else a document of the key's columns.

    `is_qualified`: it names database and table too.
    """

    def __init__(self, mode: str, *, is_qualified: bool) -> None:
        self._mode = mode
        self._is_qualified = is_qualified

    def now(self, event: RowChange) -> Any:
        """The row's `_id`. Raises NameRefused with the reason."""
        return self._id(event, self._values(event))

    def before(self, event: RowUpdate) -> Any:
        """What it was before the update; the same where the key did not change."""
        values = self._values(event)
        version = getattr(event.old, "__table__", None)
        if version is None or version.key is None:
            return self._id(event, values)
        old = version.key(event.old)
        return self._id(event, tuple(now if was is UNSET else was for was, now in zip(old, values, strict=True)))

    def _values(self, event: RowChange) -> tuple[Any, ...]:
        version = getattr(event.data, "__table__", None)
        key = version.key(event.data) if version is not None and version.key is not None else event.primary_key
        table = f"{event.database}.{event.table}"
        if key is UNSET or not key:
            raise NameRefused(f"expected a table with a primary key for mode {self._mode}, got {table}")
        if UNSET in key or None in key:
            raise NameRefused(f"expected the primary key in each row for mode {self._mode}, got {table}")
        return tuple(key)

    def _id(self, event: RowChange, values: tuple[Any, ...]) -> Any:
        version = getattr(event.data, "__table__", None)
        if version is not None and version.primary_key:
            names = [version.columns[index] for index in version.primary_key]
        elif event.primary_key_columns is not UNSET:
            names = list(event.primary_key_columns)
        else:
            names = [str(number) for number in range(len(values))]
        key = bson_of(values[0]) if len(values) == 1 else dict(zip(names, map(bson_of, values), strict=True))
        return {"database": event.database, "table": event.table, "key": key} if self._is_qualified else key
