"""From changed lines back to events of the kind that they were: their classes, row classes, places and types."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import FieldInfo, astuple, fields

from wlf.components.transformers._wasm.values import BAD_JSON, Misfit, mended, plain, why_bad
from wlf.events import Event, RowChange
from wlf.events.rows import put_place

__all__ = ["Forms", "Misfit"]

_MAX_SHARED = 1_000
_decode_any = msgspec.json.Decoder(float_hook=Decimal).decode


class Forms:
    """The way back for each event class that came by. What did not change is the very object that it was."""

    def __init__(self) -> None:
        self._forms: dict[type[Event], _Form] = {}

    def decoder(self, kind: type[Event]) -> msgspec.json.Decoder[Any]:
        """Of the lines of such events: to `wlf_index`, then the event's fields, and no other ones."""
        return self._form(kind).decoder

    def restore(self, read: Sequence[Any], olds: Sequence[Event]) -> list[Event]:
        """The events that decoded lines stand for, given those that the plugin got.

        Raises:
            Misfit: one does not have the form of such an event.
        """
        if len(set(map(type, olds))) == 1:
            return self._form(type(olds[0])).restore(read, olds)
        made: list[Event] = []
        for kind, group in groupby(zip(read, olds, strict=True), key=lambda pair: type(pair[1])):
            lines, events = zip(*group, strict=True)
            try:
                made += self._form(kind).restore(lines, events)
            except Misfit as error:
                error.number += len(made)
                raise
        return made

    def _form(self, kind: type[Event]) -> _Form:
        form = self._forms.get(kind)
        if form is None:
            form = self._forms[kind] = _Form(kind)
        return form


class _Form:
    """One event class. It works by columns, since most of them are the same before and after."""

    def __init__(self, kind: type[Event]) -> None:
        infos = fields(kind)
        self._types = [info.type for info in infos]
        self._names = [info.encode_name for info in infos]
        self._make = _maker(kind, [info.name for info in infos])
        self._is_row = issubclass(kind, RowChange)
        self.decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_line_class(kind, infos), float_hook=Decimal)
        self._shared: dict[tuple[int, bytes], tuple[Any, Any]] = {}
        """What became of an object that many events have in common: (the object, what is in its place)."""

    def restore(self, read: Sequence[Any], olds: Sequence[Event]) -> list[Event]:
        columns = list(zip(*map(astuple, read), strict=True))[1:]
        formers = zip(*map(astuple, olds), strict=True)
        made = [self._column(n, new, old) for n, (new, old) in enumerate(zip(columns, formers, strict=True))]
        events = list(map(self._make, *made))
        if self._is_row:
            _copy_places(olds, events)
        return events

    def _column(self, column: int, new: tuple[Any, ...], old: tuple[Any, ...]) -> Sequence[Any]:
        if new == old:
            return old
        if self._types[column] is str:
            return [b if a == b else a for a, b in zip(new, old, strict=True)]
        values: list[Any] = []
        for a, b in zip(new, old, strict=True):
            try:
                values.append(b if a == b else self._mend(column, a, b))
            except Misfit as error:
                error.number = len(values)
                raise
        return values

    def _mend(self, column: int, new: Any, old: Any) -> Any:
        """One field that is not what it was, or not of the same type."""
        if type(new) is Raw:
            return self._share(column, bytes(new), old)
        if old is UNSET or old is None:
            return plain(new)
        return mended(new, old, self._names[column])

    def _share(self, column: int, text: bytes, old: Any) -> Any:
        """A struct inside the event, such as the pod of a line: one object stays one object."""
        key = (id(old), text)
        found = self._shared.get(key)
        if found is not None and found[0] is old:
            return found[1]
        if old is UNSET or old is None:
            made = _convert(text, self._types[column], self._names[column])
        else:
            made = mended(_convert(text, Any, self._names[column]), old, self._names[column])
        if len(self._shared) >= _MAX_SHARED:
            self._shared.clear()
        self._shared[key] = (old, made)
        return made


def _line_class(kind: type[Event], infos: tuple[FieldInfo, ...]) -> type[Struct]:
    members: list[Any] = [("wlf_index", int)]
    names = {"wlf_index": "_i"}
    for info in infos:
        type_of = Raw | UnsetType if _holds_struct(info.type) else info.type
        names[info.name] = info.encode_name
        if info.required:
            members.append((info.name, type_of))
        elif info.default is not msgspec.NODEFAULT:
            members.append((info.name, type_of, info.default))
        else:
            members.append((info.name, type_of, msgspec.field(default_factory=info.default_factory)))
    return msgspec.defstruct(kind.__name__, members, rename=names, kw_only=True, forbid_unknown_fields=True, gc=False)


def _maker(kind: type[Event], names: Sequence[str]) -> Callable[..., Event]:
    """The class itself, or a way around fields that it takes by name only."""
    parameters = inspect.signature(kind).parameters.values()
    if any(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters):
        return lambda *values: kind(**dict(zip(names, values, strict=True)))
    return kind


def _holds_struct(kind: Any) -> bool:
    if isinstance(kind, type) and issubclass(kind, Struct):
        return True
    return any(map(_holds_struct, typing.get_args(kind)))


def _convert(text: bytes, kind: Any, name: str) -> Any:
    try:
        return _decode_any(text) if kind is Any else msgspec.json.decode(text, type=kind)
    except BAD_JSON as error:
        raise Misfit(f"{name}: {why_bad(error)}") from error


def _copy_places(olds: Sequence[Any], events: Sequence[Any]) -> None:
    """Of rows; the slot is empty in those that no binlog brought."""
    for old, event in zip(olds, events, strict=True):
        place = getattr(old, "place", None)
        if place is not None:
            put_place((event,), place)
