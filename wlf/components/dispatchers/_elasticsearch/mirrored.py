"""Which document of a mirror a row is: compiled once for each table version and index."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import UNSET

from wlf.components.naming import NameRefused
from wlf.events import RowChange, RowDelete, RowUpdate
from wlf.events.formats.lines import encode_one

_MAX_ID_BYTES = 512


class Rows:
    """The rows of one table version that go to one index.

    It holds neither the version nor the row class, see `RowsOf`.
    """

    def __init__(self, row: Any, index: str, table: tuple[str, ...]) -> None:
        self._table = table
        self._head = b'{"_index":%b,"_id":' % encode_one(index)
        version = getattr(row, "__table__", None)
        self._key = ""
        """The field of a key of one column."""
        self._form = b""
        """The document of a row whose key is one integer, as most are."""
        self._is_partial: Callable[[Any], bool] | None = None
        if version is None:
            return
        self._is_partial = _lacks(tuple(i for i in range(len(version.columns)) if i not in version.skip))
        if len(version.primary_key) == 1:
            self._key = f"f{version.primary_key[0]}"
            before = encode_one(encode_one(table).decode()[:-1] + ",")[:-1] if table else b'"'
            form = self._head + before
            if len(before) < _MAX_ID_BYTES - 30:
                self._form = form.replace(b"%", b"%%") + (b'%d]"}' if table else b'%d"}')

    def document(self, event: RowChange) -> bytes:
        """`{"_index":"orders","_id":"7"}`. Raises NameRefused with the reason."""
        row = event.data
        if self._form and type(value := getattr(row, self._key)) is int:
            document = self._form % value
        else:
            document = self._of_key(_key(event))
        if self._is_partial is not None and self._is_partial(row) and not isinstance(event, RowDelete):
            raise NameRefused("expected all columns of the row for mode mirror: set binlog_row_image to FULL")
        return document

    def former(self, event: RowUpdate, document: bytes) -> bytes:
        """The document that the row was before; `document` where its key did not change."""
        old = event.old
        if old is UNSET or (self._key and getattr(old, self._key, UNSET) is UNSET):
            return document
        return self._of_key(_former_key(event, _key(event)))

    def _of_key(self, key: tuple[Any, ...]) -> bytes:
        return b"%b%b}" % (self._head, encode_one(bounded(_key_text(key, self._table))))


class RowsOf:
    """Finds the `Rows` of an event. `is_qualified`: an id names database and table too."""

    def __init__(self, *, is_qualified: bool) -> None:
        self._is_qualified = is_qualified
        # Weak, for a row class is freed only when nobody holds it, and tables come and go.
        self._known: WeakKeyDictionary[type, dict[tuple[str, ...], Rows]] = WeakKeyDictionary()

    def of(self, index: str, event: RowChange) -> Rows:
        """Those of the event's table version."""
        row = type(event.data)
        table = (event.database, event.table) if self._is_qualified else ()
        known = self._known.get(row)
        if known is None:
            known = self._known[row] = {}
        found = known.get((index, *table))
        if found is None:
            found = known[index, *table] = Rows(row, index, table)
        return found


@lru_cache(maxsize=256)
def _lacks(columns: tuple[int, ...]) -> Callable[[Any], bool]:
    """Did the server log some of these columns only? Then the document would lose the others."""
    found: Callable[[Any], bool] = eval(
        f"lambda row: {' or '.join(f'row.f{index} is UNSET' for index in columns) or False}", {"UNSET": UNSET}
    )
    return found


def _key(event: RowChange) -> tuple[Any, ...]:
    version = getattr(event.data, "__table__", None)
    key = version.key(event.data) if version is not None and version.key is not None else event.primary_key
    if key is UNSET or not key:
        raise NameRefused(f"expected a table with a primary key for mode mirror, got {event.database}.{event.table}")
    if UNSET in key or None in key:
        raise NameRefused(f"expected the primary key in each row for mode mirror, got {event.database}.{event.table}")
    return tuple(key)


def _former_key(event: RowUpdate, key: tuple[Any, ...]) -> tuple[Any, ...]:
    """The key before the update: `old` has those of its columns that changed."""
    version = getattr(event.old, "__table__", None)
    if version is None or version.key is None:
        return key
    return tuple(now if was is UNSET else was for was, now in zip(version.key(event.old), key, strict=True))


def _key_text(key: tuple[Any, ...], table: tuple[str, ...]) -> str:
    """The plain value of a one-column key, a JSON array of all others: two keys never give one text."""
    if len(key) == 1 and not table:
        value = key[0]
        if type(value) is int:
            return str(value)
        if type(value) is str and value and value[0] not in '["':
            return value
        return encode_one(value).decode()
    return encode_one((*table, *key)).decode()


def bounded(id: str) -> str:
    """Ids are at most 512 bytes long: a longer one is hashed."""
    raw = id.encode("utf-8", "surrogatepass")
    return id if len(raw) <= _MAX_ID_BYTES else f"sha256:{hashlib.sha256(raw).hexdigest()}"
