"""Table versions by the bytes of their TABLE_MAP: parsed, asked for and compiled once each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from wlf.binlog import schema
from wlf.binlog.charset import Undecodable
from wlf.binlog.counts import Counts
from wlf.binlog.items import Bind, Binding, SchemaColumn
from wlf.binlog.lru import Lru
from wlf.binlog.rows import Decoded, Table
from wlf.binlog.tablemap import TableMap, names_of, parse_table_map, skips_year
from wlf.errors import DecodeError

_BASE_BYTES, _COLUMN_BYTES = 4_000, 3_000
"""What a table version costs, about: codecs, caches, generated functions and the row class."""

MakeTable: TypeAlias = Callable[[TableMap, Binding, Undecodable, bytes], Table]
"""Another way to decode rows; the bytes are those of the TABLE_MAP behind the table id."""


class Unfit(Table):
    """A wanted version whose columns are not known: its rows are counted, and never read."""

    __slots__ = ("_counts",)

    def __init__(self, table_map: TableMap, counts: Counts) -> None:
        super().__init__(TableMap(table_map.database, table_map.table, b"", []), _NO_ROWS, counts.undecodable)
        self._counts = counts

    def rows(self, kind: int, buf: bytes, start: int, end: int) -> Decoded:
        """None, whatever the event holds."""
        self._counts.unfit_events += 1
        return [], None

    def plain(self, kind: int, buf: bytes, start: int, end: int) -> tuple[int, bytes]:
        """The event as it is: nobody looks into it."""
        return kind - (143 if kind < 169 else 139), buf[start:end]


class _NoRows:
    """A Binding for no column at all."""

    row = staticmethod(tuple)
    skip: frozenset[int] = frozenset()
    convert: Mapping[int, Callable[[Any], Any]] = MappingProxyType({})


_NO_ROWS = _NoRows()


class Tables:
    """The cache of table versions.

    `known` maps the raw bytes behind the table id to the version, or to False where rows of it are not wanted. The
    walk looks there first; `Lru` behind it decides what stays.
    """

    def __init__(
        self,
        bind: Bind,
        wants: Callable[[str, str], bool] | None,
        max_bytes: int,
        counts: Counts,
        make_table: MakeTable | None = None,
        *,
        asks_types: bool = False,
    ) -> None:
        self._bind = bind
        self._make_table = make_table
        self._asks_types = asks_types
        self.server_version = ""
        self._wants = wants
        self._counts = counts
        self._versions: Lru[bytes, Table | Literal[False]] = Lru(max_bytes)
        self.known: dict[bytes, Table | Literal[False]] = {}
        self.asked: TableMap | None = None
        """The version that waits for its schema."""
        self._is_refused = False
        self._completed: set[bytes] = set()
        """The versions whose schema came from outside."""

    def new(self, raw: bytes, *, mariadb: bool) -> Table | Literal[False] | None:
        """The version for bytes that are not in `known`; None: its schema is needed first, see `asked`.

        Raises:
            DecodeError: the bytes are no table map, or hold a type that cannot be decoded.
        """
        version = self._versions.get(raw)
        if version is None:
            version, cost = self._make(raw, mariadb)
            if version is None:
                return None
            before = len(self._versions)
            self._versions.put(raw, version, cost)
            if len(self._versions) <= before:
                self.known.clear()  # something was dropped, and nobody may hold it any longer
        self.known[raw] = version
        return version

    @property
    def is_answered(self) -> bool:
        """May the version that waits for its schema go on?"""
        return self._is_refused or (self.asked is not None and self.asked.complete)

    def forget_completed(self) -> None:
        """A schema changed: what came from outside may be wrong now, even for a table map with the same bytes."""
        for raw in self._completed:
            self._versions.drop(raw)
            self.known.pop(raw, None)
        self._completed.clear()

    def _make(self, raw: bytes, mariadb: bool) -> tuple[Table | Literal[False] | None, int]:
        cost = _BASE_BYTES + len(raw)
        # Asked first: what columns a table has that nobody wants must not matter.
        if self._wants is not None and not self._wants(*names_of(raw)):
            return False, cost
        table_map = self.asked if self.asked is not None else self._parse(raw, mariadb)
        if self._is_refused:
            self._is_refused, self.asked = False, None
            self._completed.add(raw)  # the next definition may be readable again
            return Unfit(table_map, self._counts), cost
        if not table_map.complete:
            self.asked = table_map
            return None, 0
        if self.asked is not None:
            self._completed.add(raw)
            self.asked = None
        binding = self._bind(table_map)
        if binding is None:
            return False, cost
        cost += _COLUMN_BYTES * len(table_map.columns)
        if self._make_table is not None:
            return self._make_table(table_map, binding, self._counts.undecodable, raw), cost
        return Table(table_map, binding, self._counts.undecodable), cost

    def _parse(self, raw: bytes, mariadb: bool) -> TableMap:
        without_year = skips_year(self.server_version, mariadb=mariadb)
        return parse_table_map(raw, mariadb=mariadb, asks_types=self._asks_types, without_year=without_year)

    def refuse(self) -> None:
        """The columns of `asked` cannot be known; raises ValueError where nothing was asked for."""
        if self.asked is None:
            raise ValueError("no schema was asked for")
        if not self._is_readable(self.asked):
            self._is_refused = True

    def _is_readable(self, asked: TableMap) -> bool:
        """Does the event itself say enough? Only the names of some types are missing then."""
        asked.asks_types = not asked.is_readable
        return asked.is_readable

    def provide(self, columns: Sequence[SchemaColumn]) -> None:
        """The answer for `asked`; raises DecodeError where it does not fit."""
        if self.asked is None:
            raise ValueError("no schema was asked for")
        try:
            schema.complete(self.asked, columns)
        except ValueError as error:
            if self._is_readable(self.asked):
                return
            raise DecodeError(str(error)) from error
