"""What a format compiles for each table version: functions from rows to rows whose values have the format's form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from msgspec import UNSET, Struct
from msgspec.structs import astuple

from wlf.events.base import Event
from wlf.events.rows import RowChange, put_place
from wlf.events.table import ColumnType, TableVersion

Form = TypeVar("Form")
Convert: TypeAlias = Callable[[Any], Any]
"""A column's value, never NULL or absent, to its form."""
RowFunction: TypeAlias = Callable[[Any, Any], Any]
"""`f(row, make)`: a row of the class `make` with converted values."""
PairFunction: TypeAlias = Callable[[Any, Any, Any], tuple[Any, Any]]
"""`f(row, old, make)`: the row as it was before and after an update, both with converted values."""

UNKNOWN = ColumnType("unknown")


class Unversioned(Exception):
    """A row is a plain mapping, as tests and transformers of users may make them: see `with_version`."""


class Forms(Generic[Form]):
    """A format's form of each row class, made when its first row comes.

    Row classes are freed only when nobody holds them, and tables come and go: so the keys are weak, and a form must
    not hold the version or the class it was made for.
    """

    def __init__(self, make: Callable[[TableVersion], Form]) -> None:
        self._make = make
        self._made: WeakKeyDictionary[type, Form] = WeakKeyDictionary()

    def of(self, kind: type) -> Form:
        """The form of a row class; raises Unversioned where it does not carry its table version."""
        found = self._made.get(kind)
        if found is None:
            version: TableVersion | None = getattr(kind, "__table__", None)
            if version is None:
                raise Unversioned
            found = self._made[kind] = self._make(version)
        return found

    def __len__(self) -> int:
        return len(self._made)


def column_types(version: TableVersion) -> list[ColumnType]:
    """The type of each column; a column whose values go through a function (mask, hash) holds text."""
    types = version.types or (UNKNOWN,) * len(version.columns)
    treated = ColumnType("varchar", charset="utf8mb4")
    return [
        treated._replace(nullable=kind.nullable) if index in version.convert else kind
        for index, kind in enumerate(types)
    ]


def with_version(event: Event) -> Event:
    """The event with rows that carry a table version, where they are mappings or structs without one.

    Raises:
        TypeError: its rows are neither.
    """
    data = getattr(event, "data", None)
    if not isinstance(event, RowChange) or hasattr(type(data), "__table__"):
        return event
    values = _mapping(data)
    version = TableVersion(event.database, event.table, tuple(values))
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    fields["data"] = version.row(*values.values())
    if fields.get("old", UNSET) is not UNSET:
        old = _mapping(fields["old"])
        fields["old"] = version.row(*(old.get(name, UNSET) for name in values))
    made = type(event)(**fields)
    if hasattr(event, "place"):
        put_place((made,), event.place)
    return made


def _mapping(row: Any) -> dict[str, Any]:
    if isinstance(row, dict):
        return row
    if isinstance(row, Struct):
        return dict(zip(row.__struct_encode_fields__, astuple(row), strict=True))
    raise TypeError(f"expected a row, got {type(row).__name__}")


def _source(converts: Sequence[Convert | None], scope: dict[str, Any]) -> list[str]:
    """Source of each column's converted value in the row `r`. It holds numbers and numbered names only."""
    parts = []
    for index, convert in enumerate(converts):
        if convert is None:
            parts.append(f"r.f{index}")
            continue
        scope[f"c{index}"] = convert
        parts.append(f"(x if (x := r.f{index}) is None or x is U else c{index}(x))")
    return parts


def row_function(converts: Sequence[Convert | None], indices: Sequence[int] | None = None) -> RowFunction:
    """A function that converts the columns that have a converter and keeps the others.

    With `indices` the row it makes has these columns alone, in this order.
    """
    scope: dict[str, Any] = {"U": UNSET}
    parts = _source(converts, scope)
    if indices is not None:
        parts = [parts[index] for index in indices]
    made: RowFunction = compiled(["def f(r, make):", f" return make({', '.join(parts)})"], scope)
    return made


def pair_function(converts: Sequence[Convert | None]) -> PairFunction:
    """A function that puts the former values of an update over the row, and converts each value once."""
    scope: dict[str, Any] = {"U": UNSET}
    lines, before = [], []
    for index, (part, convert) in enumerate(zip(_source(converts, scope), converts, strict=True)):
        lines.append(f" a{index} = {part}")
        value = "x" if convert is None else f"x if x is None else c{index}(x)"
        before.append(f"a{index} if (x := o.f{index}) is U else {value}")
    after = ", ".join(f"a{index}" for index in range(len(converts)))
    source = ["def f(r, o, make):", *lines, f" return make({', '.join(before)}), make({after})"]
    made: PairFunction = compiled(source, scope)
    return made


def compiled(source: list[str], scope: dict[str, Any]) -> Any:
    """The function `f` of generated source, which must hold nothing that comes from a table or a value."""
    exec("\n".join(source), scope)
    return scope["f"]


def any_set(indices: Sequence[int]) -> Callable[[Any], bool]:
    """A function that tells whether a row has a value in one of these columns."""
    tests = " or ".join(f"r.f{index} is not U" for index in indices) or "False"
    made: Callable[[Any], bool] = compiled(["def f(r):", f" return {tests}"], {"U": UNSET})
    return made


def unknown_of(old: Any) -> tuple[int, ...]:
    """The columns that an update changed from what is not logged; () where it is all known."""
    unknown: tuple[int, ...] = getattr(type(old), "__unknown__", ())
    return unknown


def without(row: Any, indices: Sequence[int]) -> Any:
    """The row without the values of these columns."""
    width = range(len(type(row).__columns__))
    return type(row)(*(UNSET if index in indices else getattr(row, f"f{index}") for index in width))
