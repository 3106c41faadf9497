"""One generated function for each event type: a list of events in, a list of changed events out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import time
from typing import Any, TypeAlias

from msgspec import UNSET

from wlf.components.transformers._map.changes import Changes, Target, is_row, map_type, refusal
from wlf.components.transformers._map.rows import RowChanges, RowMakers
from wlf.events import Event, LogLine, RowChange
from wlf.events.derived import derived
from wlf.events.expressions.check import infer
from wlf.events.expressions.codegen import Writer, compiled
from wlf.events.expressions.kinds import annotation_of, fields_of
from wlf.events.rows import copy_places
from wlf.events.table import TableVersions

Maker: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]


def added(changes: Changes, kind: type[Event]) -> tuple[tuple[str, Any], ...]:
    """The fields that events of this type get: name and annotation."""
    if not issubclass(kind, LogLine):
        return ()
    return tuple(
        (each.field, annotation_of(infer(value.tree, frozenset((kind,)))))
        for each, value in changes.values.items()
        if each.key is None and each.field not in fields_of(kind)
    )


def mapped(changes: Changes, kind: type[Event]) -> type[Event]:
    """What becomes of an event type."""
    fields = added(changes, kind)
    return derived(kind, fields) if fields else kind


def maker(changes: Changes, kind: type[Event], clock: Callable[[], float] = time) -> Maker | None:
    """The function for events of just this type; None where nothing of them changes."""
    if all(refusal(option, each, kind) for option, each in changes.targets()):
        return None
    return _Maker(changes, kind, clock).made()


class _Maker:
    """Writes the function of one type."""

    def __init__(self, changes: Changes, kind: type[Event], clock: Callable[[], float]) -> None:
        self._changes = changes
        self._kind = kind
        self._writer = Writer(frozenset((kind,)), clock)
        self._versions = TableVersions()
        self._names = 0

    def made(self) -> Maker:
        """The function."""
        parts = [self._field(name, attribute) for name, (attribute, _) in fields_of(self._kind).items()]
        parts += [self._value(Target(name)) for name, _ in added(self._changes, self._kind)]
        scope = {**self._writer.scope, "make": mapped(self._changes, self._kind)}
        lines = ["def f(events):", f" return [make({', '.join(parts)}) for e in events]"]
        build: Callable[[Sequence[Any]], list[Any]] = compiled(lines, scope)
        if not issubclass(self._kind, RowChange):
            return build
        return lambda events: copy_places(events, build(events))

    def _field(self, name: str, attribute: str) -> str:
        whole = Target(name)
        if whole in self._changes.values and not refusal("set", whole, self._kind):
            return self._value(whole)
        if whole in self._changes.removed and not refusal("remove", whole, self._kind):
            return "U"
        below = {t.field for _, t in self._changes.targets() if t.key is not None}
        if is_row(self._kind, name):
            return self._row(name, attribute) if below & {name, "data"} else f"e.{attribute}"
        if name in below and map_type(self._kind, name) is not None:
            return self._map(name, attribute)
        return f"e.{attribute}"

    def _value(self, each: Target) -> str:
        """Source of a field's new value; null leaves the field out."""
        tree = self._changes.values[each].tree
        value = self._writer.value(tree)
        if "null" not in self._writer.type_of(tree).kinds:
            return value
        self._names += 1
        return f"(U if (w{self._names} := {value}) is None else w{self._names})"

    def _values(self, field: str) -> Mapping[str, str]:
        """Source of what is set below a field, by name."""
        found = self._changes.values.items()
        return {e.key: self._writer.value(v.tree) for e, v in found if e.field == field and e.key is not None}

    def _row_changes(self, field: str) -> RowChanges:
        def under(*fields: str) -> frozenset[str]:
            return frozenset(t.key for t in self._changes.removed if t.field in fields and t.key is not None)

        values = {
            t.key: self._writer.type_of(v.tree)
            for t, v in self._changes.values.items()
            if t.field == field and t.key is not None
        }
        # What is removed or renamed in `data` is so in `old` too.
        renamed = {t.key: new for t, new in self._changes.renamed.items() if t.field == "data" and t.key is not None}
        return RowChanges(under("data", field), renamed, values, is_old=field == "old")

    def _row(self, field: str, attribute: str) -> str:
        makers = RowMakers(self._row_changes(field), self._row_changes("data"), self._versions)
        self._names += 1
        row = f"w{self._names}"
        values = "".join(f", {value}" for value in self._values(field).values())
        return f"{self._writer.constant(makers)}[type({row} := e.{attribute})]({row}{values})"

    def _map(self, field: str, attribute: str) -> str:
        removed = frozenset(t.key for t in self._changes.removed if t.field == field)
        renamed = {t.key: new for t, new in self._changes.renamed.items() if t.field == field}
        values = self._values(field)
        change = _map_change(removed, renamed, tuple(values))
        return f"{self._writer.constant(change)}({', '.join((f'e.{attribute}', *values.values()))})"


def _map_change(
    removed: frozenset[str | None], renamed: Mapping[str | None, str], names: tuple[str, ...]
) -> Callable[..., Any]:
    """A function that changes a map; what is set to null is left out."""

    def change(value: Any, *values: Any) -> Any:
        if not isinstance(value, dict):
            value = {}
        left = {name: each for name, each in value.items() if name not in removed}
        made = {name: each for name, each in left.items() if name not in renamed}
        made.update((new, left[name]) for name, new in renamed.items() if name in left)
        made.update((name, each) for name, each in zip(names, values, strict=True) if each is not None)
        return made or UNSET

    return change
