"""Columns of row changes: in the row, in its former values, in its key, and nowhere else any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import UNSET

from wlf.components.transformers._encryptor.actions import Protect
from wlf.events.retyped import Column, RetypedRows, changed
from wlf.events.rows import Place, put_place
from wlf.events.table import ColumnType, TableVersion

_TEXT = ColumnType("longtext", charset="utf8mb4", declared="longtext")
_REMEMBERED = 256


class Rule(NamedTuple):
    """What is done with the values of a column."""

    protect: Protect
    fits_keys: bool
    """Do equal values stay equal and different ones different, so that rows can be told apart by it?"""


class Unfit(ValueError):
    """The rule cannot be used with this table."""


class ProtectedRows:
    """Row changes whose columns are protected; those of tables without them are left alone."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules
        self._rows = RetypedRows({name: Column(rule.protect, _TEXT) for name, rule in rules.items()})
        self._fits: dict[TableVersion, str | None] = {}
        self._last: tuple[Place, Place] | None = None

    def event(self, event: Any) -> Any:
        """The event with its columns protected. Raises Unfit.

        The statement's text goes: it may hold the very values.
        """
        self._check(event)
        made = self._rows.event(event, query=UNSET)
        if made is event:
            return event
        if event.primary_key is not UNSET:
            made = changed(made, primary_key=self._key(event))
        place = getattr(event, "place", None)
        if place is not None and place.origin is not None and place.origin.query is not None:
            put_place((made,), self._without_query(place))
        return made

    def _check(self, event: Any) -> None:
        version: TableVersion | None = getattr(event.data, "__table__", None)
        if version is None:
            key = () if event.primary_key_columns is UNSET else event.primary_key_columns
            unfit = self._unfit(key)
        else:
            if len(self._fits) > _REMEMBERED:
                self._fits.clear()
            if version not in self._fits:
                self._fits[version] = self._unfit(tuple(version.columns[index] for index in version.primary_key))
            unfit = self._fits[version]
        if unfit is not None:
            raise Unfit(
                f"'{unfit}' is in the primary key of {event.database}.{event.table}: only hash keeps keys apart"
            )

    def _unfit(self, key: tuple[str, ...]) -> str | None:
        return next((name for name in key if name in self._rules and not self._rules[name].fits_keys), None)

    def _key(self, event: Any) -> tuple[Any, ...]:
        """The values of the key as the row has them now."""
        version: TableVersion | None = getattr(event.data, "__table__", None)
        names = event.primary_key_columns
        if names is UNSET:
            names = () if version is None else tuple(version.columns[index] for index in version.primary_key)
        if len(names) != len(event.primary_key):
            raise Unfit(f"the primary key of {event.database}.{event.table} has values without names")
        pairs = zip(names, event.primary_key, strict=True)
        return tuple(
            self._rules[name].protect(value) if name in self._rules and value is not None else value
            for name, value in pairs
        )

    def _without_query(self, place: Place) -> Place:
        """One object for all rows of a rows event, as it was before."""
        if self._last is None or self._last[0] is not place:
            assert place.origin is not None
            self._last = place, place._replace(origin=place.origin._replace(query=None))
        return self._last[1]
