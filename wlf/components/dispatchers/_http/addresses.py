"""Which address each event goes to: the template's values, percent-encoded so that none can lead elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from wlf.components.dispatchers._http.options import HttpConfig
from wlf.components.naming import NameRefused
from wlf.events import Event, RowChange
from wlf.events.template import MissingField, as_text

_REMEMBERED = 10_000
_ELSEWHERE = frozenset(("", ".", ".."))
"""As a segment of a path these name another place, however they are encoded."""


class Addresses:
    """Groups the events of a batch by address."""

    def __init__(self, config: HttpConfig) -> None:
        self._template = config.url
        self._missing = None if config.on_missing == "reject" else config.on_missing
        self._strict = config.names == "reject"
        self._known: dict[tuple[Any, ...], str] = {}
        self._of_tables: dict[tuple[str, str], str] = {}
        """The same by database and table, where nothing else tells the address."""

    def groups(self, events: Sequence[Any], rejected: dict[int, str]) -> Mapping[str, Sequence[int]]:
        """The indices by address, in order. Adds the reason of those that have none to `rejected`."""
        constant = self._template.constant
        if constant is not None:
            return {constant: range(len(events))}
        groups: dict[str, list[int]] = {}
        known = self._of_tables
        by_table = self._template.by_table
        for index, event in enumerate(events):
            try:
                address = known.get((event.database, event.table)) if by_table else None
            except AttributeError:  # no row
                address = None
            try:
                groups.setdefault(address or self._address(event), []).append(index)
            except NameRefused as error:
                rejected[index] = str(error)
        return groups

    def _address(self, event: Event) -> str:
        values = tuple(self._value(part, event) for part in self._template.pointers)
        address = self._known.get(values)
        if address is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            quoted = map(self._quoted, values)
            parts = (part if isinstance(part, str) else next(quoted) for part in self._template.parts)
            address = self._known[values] = "".join(parts)
        if self._template.by_table and isinstance(event, RowChange):
            if len(self._of_tables) >= _REMEMBERED:
                self._of_tables.clear()
            self._of_tables[event.database, event.table] = address
        return address

    def _value(self, pointer: Any, event: Event) -> str:
        try:
            return as_text(pointer.read(event))
        except MissingField as error:
            if self._missing is None:
                raise NameRefused(str(error)) from error
            return self._missing

    def _quoted(self, value: str) -> str:
        try:
            quoted = quote(value, safe="")
        except UnicodeEncodeError as error:  # half of a surrogate pair, from a JSON column
            raise NameRefused(f"expected a part of an address, got {value!r}") from error
        if value in _ELSEWHERE or (self._strict and quoted != value):
            raise NameRefused(f"expected a part of an address, got {value!r}")
        return quoted
