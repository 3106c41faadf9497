"""The changes that a Map makes, and which of them an event type can take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from wlf.events import Event, LogLine, RowChange
from wlf.events.expressions import Expression, ExpressionError
from wlf.events.expressions.kinds import Type, fields_of
from wlf.events.expressions.reader import read
from wlf.events.expressions.tree import Field, Step

ROWS = ("data", "old")


class Target(NamedTuple):
    """What is changed: a field of the event, or what it holds under a name: a column, an entry of a map."""

    field: str
    key: str | None = None

    def __str__(self) -> str:
        return self.field if self.key is None else f"{self.field}.{self.key}"


def target(text: str) -> Target:
    """`level`, `data.total`, `data["unit price"]`. Raises ValueError."""
    try:
        tree = read(text)
    except ExpressionError as error:
        raise ValueError(f"expected a field such as data.total, got {text!r}") from error
    if isinstance(tree, Field):
        return Target(tree.name)
    if isinstance(tree, Step) and isinstance(tree.base, Field) and isinstance(tree.key, str):
        return Target(tree.base.name, tree.key)
    raise ValueError(f"expected a field such as data.total, got {text!r}")


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes of a Map: first what is removed, then what is renamed, then what is set."""

    removed: tuple[Target, ...]
    renamed: Mapping[Target, str]
    values: Mapping[Target, Expression]

    def targets(self) -> Iterator[tuple[str, Target]]:
        """(option, what it changes)."""
        yield from (("remove", each) for each in self.removed)
        yield from (("rename", each) for each in self.renamed)
        yield from (("set", each) for each in self.values)


def is_row(kind: type[Event], field: str) -> bool:
    """Is the field a row?"""
    return issubclass(kind, RowChange) and field in ROWS and field in fields_of(kind)


def map_type(kind: type[Event], field: str) -> Type | None:
    """The type of a field that is a map without fields of its own, such as `attributes`; None for all else."""
    found = fields_of(kind).get(field)
    if found is None or is_row(kind, field) or found[1].known != {"map"} or found[1].fields is not None:
        return None
    return found[1]


def refusal(option: str, changed: Target, kind: type[Event]) -> str | None:
    """Why an event type cannot take a change; None where it can."""
    found = fields_of(kind).get(changed.field)
    if changed.key is not None:
        if found is None:
            return f"no field '{changed.field}'"
        if option == "rename" and changed.field == "old" and is_row(kind, "old"):
            return f"columns are renamed in data, and in old with it, not '{changed}'"
        fits = is_row(kind, changed.field) or map_type(kind, changed.field) is not None
        return None if fits else f"what '{changed.field}' holds cannot be changed"
    if found is None:
        if option == "set" and issubclass(kind, LogLine):
            return None
        return f"no field '{changed.field}', and none can be added," if option == "set" else f"no field '{changed}'"
    if option == "rename":
        return f"only columns and entries of maps can be renamed, not '{changed}'"
    if option == "remove" and "null" not in found[1].kinds:
        return f"'{changed}' is never absent"
    if option == "set" and is_row(kind, changed.field):
        return f"'{changed}' is changed column by column"
    return None
