"""What lies below a field of an event, as far as its type tells: `/kubernetes/namespace` of lines of pods."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from msgspec import Struct, UnsetType

from wlf.events import Event
from wlf.events.template import Pointer


def unknown_inner(pointer: Pointer, kinds: Iterable[type[Event]]) -> tuple[str, str, list[str]] | None:
    """(name, where, names that there are) of the first part of a pointer that no event can have; None: all may be."""
    structs: Iterable[type[Struct]] = kinds
    for above, token in zip(pointer.path, pointer.path[1:], strict=False):
        inner = [kind for struct in structs for kind in _kinds_of(struct, above)]
        if not inner or not all(_is_closed(kind) for kind in inner):
            return None
        known = list(dict.fromkeys(name for kind in inner for name in kind.__struct_encode_fields__))
        if token not in known:
            return token, above, known
        structs = inner
    return None


@cache
def _kinds_of(struct: type[Struct], name: str) -> tuple[Any, ...]:
    """The types that a field can have, beside being left out."""
    if name not in struct.__struct_fields__:
        return ()
    hint = get_type_hints(struct)[name]
    is_union = get_origin(hint) in (Union, UnionType)
    return tuple(kind for kind in (get_args(hint) if is_union else (hint,)) if kind not in (UnsetType, type(None)))


def _is_closed(kind: Any) -> bool:
    """Is it a struct whose fields are all that it can have? What is below an event's row is known at run time only."""
    return isinstance(kind, type) and issubclass(kind, Struct) and not issubclass(kind, Event)
