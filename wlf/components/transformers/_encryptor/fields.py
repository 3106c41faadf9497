"""Fields of events that are no rows: texts of their own, and what lies in maps such as `attributes`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import UNSET, Struct

from wlf.components.transformers._encryptor.actions import Protect
from wlf.events.retyped import changed

Path: TypeAlias = tuple[str, ...]


class NotText(ValueError):
    """A text cannot stand in place of the value."""


class ProtectedFields:
    """Events of which fields are protected; an event without such a field is left alone."""

    def __init__(self, rules: Mapping[Path, Protect]) -> None:
        self._rules = rules

    def event(self, event: Any) -> Any:
        """The event with its fields protected. Raises NotText."""
        fields: dict[str, Any] = {}
        for path, protect in self._rules.items():
            value = fields.get(path[0], getattr(event, path[0], UNSET))
            if value is UNSET or value is None:
                continue
            if len(path) == 1 and not isinstance(value, str):
                raise NotText(f"expected a text in /{path[0]}, got {type(value).__name__}")
            made = _inside(value, path[1:], protect)
            if made is not value:
                fields[path[0]] = made
        return changed(event, **fields) if fields else event


def _inside(value: Any, path: Path, protect: Protect) -> Any:
    """The value with the one at `path` below it protected; the very same where there is none."""
    if not path:
        return value if value is None else protect(value)
    if isinstance(value, dict):
        below = value.get(path[0])
        made = below if below is None else _inside(below, path[1:], protect)
        return value if made is below else {**value, path[0]: made}
    if isinstance(value, list | tuple) and path[0].isdecimal() and int(path[0]) < len(value):
        index = int(path[0])
        made = _inside(value[index], path[1:], protect)
        return value if made is value[index] else type(value)((*value[:index], made, *value[index + 1 :]))
    if isinstance(value, Struct):  # shared by many events, such as what is known of a pod
        raise NotText(f"what lies in a {type(value).__name__} cannot be changed")
    return value
