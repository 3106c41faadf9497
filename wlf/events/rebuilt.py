"""From wlf's own JSON back to typed events: what is encoded again is the same text.

The place of a row in its binlog, the types of its columns and what an image did not hold are not in the JSON, so a
rebuilt row has none of them. Bytes stay base64, as they were written.
"""

from __future__ import annotations

import types
import typing
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import NODEFAULT, UNSET, Raw

from wlf.events.aggregate import Aggregate
from wlf.events.base import Event
from wlf.events.ddl import SchemaChange
from wlf.events.dead_letter import DeadLetter
from wlf.events.derived import derived
from wlf.events.encrypted import Encrypted
from wlf.events.formats.lines import encode_one
from wlf.events.log import ContainerLine, FileLine, LogLine, PodLine
from wlf.events.rows import RowChange, RowDelete, RowInsert, RowSnapshot, RowUpdate
from wlf.events.table import TableVersion, TableVersions

_KINDS: dict[str, type[Event]] = {
    "insert": RowInsert,
    "update": RowUpdate,
    "delete": RowDelete,
    "bootstrap-insert": RowSnapshot,
    "aggregate": Aggregate,
    "encrypted": Encrypted,
    "dead-letter": DeadLetter,
    "ddl": SchemaChange,
}
_SCHEMA = ("table-", "database-")
_LINES: tuple[tuple[frozenset[str], type[Event]], ...] = (
    (frozenset(("time", "stream", "file")), PodLine),
    (frozenset(("time", "stream")), ContainerLine),
    (frozenset(("file",)), FileLine),
    (frozenset(), LogLine),
)
"""The fields by which a line is known: those that its class writes always."""


class NotRebuilt(ValueError):
    """The text is no event that wlf knows; the reason holds nothing of its contents."""


class WrittenNumber(Decimal):
    """A number that keeps the notation in which it was written."""

    __slots__ = ("_text",)
    _text: str

    def __new__(cls, text: str) -> WrittenNumber:
        """From the text of a JSON number."""
        made = super().__new__(cls, text)
        made._text = text
        return made

    def __str__(self) -> str:
        return self._text


def _number(text: str) -> Decimal:
    plain = Decimal(text)
    return plain if str(plain) == text else WrittenNumber(text)


_decode_any = msgspec.json.Decoder(float_hook=_number).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_BAD = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)


class Rebuilder:
    """Makes events; equal tables share one row class."""

    def __init__(self) -> None:
        self._versions = TableVersions()

    def event(self, text: bytes | Raw) -> Event:
        """The event of one JSON object.

        Raises:
            NotRebuilt: it is none, of an unknown type, or something of it would be lost.
        """
        made = self._event(text)
        if _decode_any(encode_one(made)) != _decode_any(text):
            raise NotRebuilt(
                f"a {type(made).__name__} holds something that wlf does not know, or that is no such value"
            )
        return made

    def _event(self, text: bytes | Raw) -> Event:
        try:
            found = _decode_fields(text)
        except _BAD as error:
            raise NotRebuilt("expected a JSON object") from error
        kind = _kind_of(found)
        values: dict[str, Any] = {}
        for name, (attribute, decoder, is_required) in _fields(kind).items():
            raw = found.pop(name, None)
            if raw is not None:
                values[attribute] = (
                    self._event(raw) if (kind, name) == (DeadLetter, "event") else _value(raw, decoder, name)
                )
            elif is_required:
                raise NotRebuilt(f"expected the field '{name}' in a {kind.__name__}")
        if issubclass(kind, RowChange):
            self._make_rows(values)
        if not found:
            return kind(**values)
        more = derived(kind, tuple((name, Any) for name in found))
        first = len(kind.__struct_fields__)
        added = {f"m{first + index}": _value(raw, _anything, name) for index, (name, raw) in enumerate(found.items())}
        return more(**values, **added)

    def _make_rows(self, values: dict[str, Any]) -> None:
        """Objects of columns become rows of one version of the table."""
        rows = {name: values[name] for name in ("data", "old") if isinstance(values.get(name), dict)}
        columns = _merged(list(rows.get("data", ())), list(rows.get("old", ())))
        key = values.get("primary_key_columns") or ()
        indices = [columns.index(name) for name in key if name in columns]
        version: TableVersion = self._versions.get(
            values["database"], values["table"], columns, indices if len(indices) == len(key) else ()
        )
        for name, row in rows.items():
            values[name] = version.row(*(row.get(column, UNSET) for column in columns))


def _kind_of(found: dict[str, Raw]) -> type[Event]:
    raw = found.get("type")
    name = None if raw is None else _value(raw, _anything, "type")
    if not isinstance(name, str):
        raise NotRebuilt("expected an event with its 'type'")
    if name == "log":
        return next(kind for marks, kind in _LINES if marks <= found.keys())
    kind = SchemaChange if name.startswith(_SCHEMA) else _KINDS.get(name)
    if kind is None:
        raise NotRebuilt(f"expected a type of event that wlf has, got '{name[:40]}'")
    return kind


def _value(raw: Raw, decoder: msgspec.json.Decoder[Any], name: str) -> Any:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise NotRebuilt(f"{name}: {str(error)[:1].lower()}{str(error)[1:]}") from error
    except _BAD as error:
        raise NotRebuilt(f"{name}: expected JSON") from error


_anything: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=_number)


@lru_cache(maxsize=64)
def _fields(kind: type[Event]) -> dict[str, tuple[str, msgspec.json.Decoder[Any], bool]]:
    """By the name in the JSON: the attribute, what decodes it, and whether it must be there."""
    return {
        info.encode_name: (
            info.name,
            msgspec.json.Decoder(_lenient(info.type), float_hook=_number),
            info.default is NODEFAULT and info.default_factory is NODEFAULT,
        )
        for info in msgspec.structs.fields(kind)
    }


def _lenient(kind: Any) -> Any:
    """A time may be written without a fraction, and stays as it was written."""
    if kind is float:
        return int | float
    if isinstance(kind, types.UnionType) and float in typing.get_args(kind):
        return kind | int
    return kind


def _merged(columns: list[str], others: list[str]) -> list[str]:
    """The columns of both in the table's order: either list may lack some, where an image was not logged whole."""
    merged = list(columns)
    known = set(columns)
    behind = 0
    for name in others:
        if name in known:
            behind = merged.index(name) + 1
        else:
            merged.insert(behind, name)
            behind += 1
    return merged
