"""What is known of a value before the run: which kinds of values it may be, and what lies below it."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin

from msgspec import Struct, UnsetType

from wlf.events.base import Event, Kinds, known_types
from wlf.events.rows import RowChange

KINDS = frozenset(("null", "bool", "number", "text", "bytes", "list", "map"))
"""Every value is of one of these; a field that an event lacks is null."""
_ORDER = ("text", "number", "bool", "bytes", "list", "map", "null")


@dataclass(frozen=True, slots=True)
class Type:
    """The kinds that a value may be of.

    Args:
        fields: what a map has; None where that is not known before the run.
        items: what the items of a list or the values of a map are; None where that is not known.
    """

    kinds: frozenset[str]
    fields: Mapping[str, Type] | None = None
    items: Type | None = None

    def __str__(self) -> str:
        shown = [kind for kind in _ORDER if kind in self.kinds]
        return "any value" if self.kinds == KINDS else " or ".join(shown)

    @property
    def known(self) -> frozenset[str]:
        """The kinds without null."""
        return self.kinds - _NULL

    def only(self, *kinds: str) -> bool:
        """Is it of one of these, and never null?"""
        return self.kinds <= frozenset(kinds)

    def or_null(self) -> Type:
        """The same where it may be null besides."""
        return self if "null" in self.kinds else Type(self.kinds | _NULL, self.fields, self.items)


_NULL = frozenset(("null",))
ANY = Type(KINDS)
NULL = Type(_NULL)
BOOL = Type(frozenset(("bool",)))
NUMBER = Type(frozenset(("number",)))
TEXT = Type(frozenset(("text",)))
LIST = Type(frozenset(("list",)))
MAP = Type(frozenset(("map",)))
ROW = Type(frozenset(("map", "null")))


def union(found: Iterable[Type]) -> Type:
    """What may be either of these."""
    parts = tuple(found)
    if len(parts) == 1:
        return parts[0]
    kinds = frozenset[str]().union(*(part.kinds for part in parts))
    maps = [part for part in parts if "map" in part.kinds]
    fields = None
    if maps and all(part.fields is not None for part in maps):
        names = dict.fromkeys(name for part in maps for name in part.fields or ())
        fields = {name: union((part.fields or {}).get(name, NULL) for part in maps) for name in names}
    holders = [part for part in parts if part.kinds & {"map", "list"} and part.fields is None]
    items = None
    if holders and all(part.items is not None for part in holders):
        items = union(part.items for part in holders if part.items is not None)
    return Type(kinds, fields, items)


_PLAIN: Mapping[Any, Type] = {
    str: TEXT,
    bool: BOOL,
    int: NUMBER,
    float: NUMBER,
    Decimal: NUMBER,
    bytes: Type(frozenset(("bytes",))),
    types.NoneType: NULL,
    UnsetType: NULL,
}


def type_of(annotation: Any) -> Type:
    """The type behind an annotation of an event's field."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    found = _PLAIN.get(annotation)
    if found is not None:
        return found
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return union(map(type_of, arguments))
    if origin in (list, tuple, set, frozenset) or annotation in (list, tuple):
        return Type(LIST.kinds, items=type_of(arguments[0]) if arguments else None)
    if origin is dict or annotation is dict:
        return Type(MAP.kinds, items=type_of(arguments[1]).or_null() if arguments else None)
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return Type(MAP.kinds, {name: field for name, (_, field) in fields_of(annotation).items()})
    return ANY


@lru_cache(maxsize=1024)
def fields_of(kind: type[Struct]) -> Mapping[str, tuple[str, Type]]:
    """A struct's fields by the names that they have outside: (attribute, type)."""
    try:
        hints = typing.get_type_hints(kind, include_extras=True)
    except NameError:  # a name that is imported for type checkers alone
        hints = {}
    fields = {
        name: (attribute, type_of(hints.get(attribute, Any)))
        for name, attribute in zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True)
    }
    if issubclass(kind, RowChange):
        for name in ("data", "old"):
            if name in fields:
                fields[name] = (name, ROW)
    return fields


def field_type(kinds: Kinds, name: str) -> Type | None:
    """What a field of events of these types may be; None where none of them has it."""
    if not kinds or Event in kinds:
        return ANY
    leaves = known_types(kinds)
    found = [fields_of(kind).get(name) for kind in leaves]
    if not any(found):
        return None
    return union(NULL if each is None else each[1] for each in found)


def field_names(kinds: Kinds) -> tuple[str, ...]:
    """All fields that events of these types may have, for hints."""
    leaves = sorted(known_types(kinds), key=lambda kind: kind.__name__)
    return tuple(dict.fromkeys(name for kind in leaves for name in fields_of(kind)))


def annotation_of(found: Type) -> Any:
    """The annotation of a field that holds such values; where it is null, the field is absent."""
    whole: dict[str, Any] = {
        "text": str,
        "number": int | float | Decimal,
        "bool": bool,
        "bytes": bytes,
        "list": list[Any],
        "map": dict[str, Any],
    }
    if found.kinds == KINDS or not found.known:
        return Any
    parts = [whole[kind] for kind in _ORDER if kind in found.known]
    if "null" in found.kinds:
        parts.append(UnsetType)
    return Union[tuple(parts)]  # noqa: UP007 - they are known at run time alone
