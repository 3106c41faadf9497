"""Events as write operations: which collection, which document, which change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from bson import ObjectId
from msgspec import UNSET
from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne

from wlf.components.dispatchers._mongodb.keys import RowKeys, id_of_place
from wlf.components.dispatchers._mongodb.options import MongodbConfig
from wlf.components.dispatchers._mongodb.values import document_of, row_of
from wlf.components.naming import NameRefused
from wlf.events import Event, RowChange, RowDelete, RowUpdate, SchemaChange
from wlf.events.template import MissingField


class Write(NamedTuple):
    """One operation, and the event it is for."""

    event: int
    operation: Any
    content: Mapping[str, Any]
    """What the client encodes for it."""
    is_insert: bool = False
    """A document of that `_id` that is there already is the same one."""


class Ignored(Exception):
    """Nothing is to be done for the event: DDL, which a mirror has no use for."""


Compose = Callable[[int, Event], Sequence[Write]]
"""The operations of one event, in order. Raises NameRefused with the reason, and Ignored."""


def composer(config: MongodbConfig) -> Compose:
    """What the `mode` asks for."""
    if config.mode == "insert":
        return _insert
    pointers = {pointer.text for name in (config.database, config.collection) for pointer in name.pointers}
    keys = RowKeys(config.mode, is_qualified=not {"/database", "/table"} <= pointers)
    return Upsert(config, keys) if config.mode == "upsert" else Mirror(config, keys)


def _insert(number: int, event: Event) -> Sequence[Write]:
    id = id_of_place(event)
    document = {"_id": ObjectId() if id is None else id, **_fields(event)}
    return (Write(number, InsertOne(document), document, is_insert=True),)


def _fields(document: Any) -> dict[str, Any]:
    try:
        return document_of(document)
    except TypeError as error:
        raise NameRefused(f"cannot be encoded: {error}") from error


class Upsert:
    """The last event of each key."""

    def __init__(self, config: MongodbConfig, keys: RowKeys) -> None:
        self._key = config.key
        self._missing = None if config.on_missing == "reject" else config.on_missing
        self._keys = keys

    def __call__(self, number: int, event: Event) -> Sequence[Write]:
        """One replacement."""
        id = self._id(event)
        return (_replace(number, {"_id": id, **_fields(event)}),)

    def _id(self, event: Event) -> Any:
        if self._key is None:
            if isinstance(event, RowChange):
                return self._keys.now(event)
            raise NameRefused(f"expected a row change for mode upsert without `key`, got {type(event).__name__}")
        try:
            return self._key.render(event)
        except MissingField as error:
            if self._missing is None:
                raise NameRefused(str(error)) from error
            return self._key.fill(event, self._missing)


class Mirror:
    """A document for each row, which follows its table."""

    def __init__(self, config: MongodbConfig, keys: RowKeys) -> None:
        self._keys = keys
        self._sets = config.updates == "set"

    def __call__(self, number: int, event: Event) -> Sequence[Write]:
        """A delete, or the row; behind the delete of its former self where its key changed."""
        if isinstance(event, SchemaChange):
            raise Ignored
        if not isinstance(event, RowChange):
            raise NameRefused(f"expected a row change for mode mirror, got {type(event).__name__}")
        id = self._keys.now(event)
        if isinstance(event, RowDelete):
            return (_delete(number, id),)
        row = row_of(event.data)
        if "_id" in row and row.pop("_id") != id:
            raise NameRefused("expected a column `_id` to be the primary key alone")
        before = self._keys.before(event) if isinstance(event, RowUpdate) and event.old is not UNSET else id
        leave = () if before == id else (_delete(number, before),)
        return (*leave, self._row(number, event, id, row, is_new=bool(leave)))

    def _row(self, number: int, event: RowChange, id: Any, row: dict[str, Any], *, is_new: bool) -> Write:
        if self._sets and not any("." in name or name.startswith("$") or not name for name in row):
            changed = row
            if isinstance(event, RowUpdate) and event.old is not UNSET and not is_new:
                changed = {name: row[name] for name in row_of(event.old) if name in row}
            rest = {name: value for name, value in row.items() if name not in changed}
            verbs = {"$set": changed, "$setOnInsert": rest}
            change = {verb: fields for verb, fields in verbs.items() if fields} or {"$setOnInsert": {"_id": id}}
            return Write(number, UpdateOne({"_id": id}, change, upsert=True), change)
        if _is_partial(event.data):
            raise NameRefused("expected all columns of the row: set binlog_row_image to FULL, or `updates: set`")
        return _replace(number, {"_id": id, **row})


def _replace(number: int, document: dict[str, Any]) -> Write:
    return Write(number, ReplaceOne({"_id": document["_id"]}, document, upsert=True), document)


def _delete(number: int, id: Any) -> Write:
    return Write(number, DeleteOne({"_id": id}), {"_id": id})


def _is_partial(row: Any) -> bool:
    version = getattr(row, "__table__", None)
    if version is None or not version.nulls:
        return False
    return any(getattr(row, f"f{i}") is UNSET for i in range(len(version.columns)) if i not in version.skip)
