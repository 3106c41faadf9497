"""Sets, removes and renames fields of events, with values from expressions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Annotated, Any

from msgspec import Meta

from wlf.components.base import Context, Problem, Transformer
from wlf.components.config import TransformerConfig
from wlf.components.transformers._map.changes import Changes, Target, refusal, target
from wlf.components.transformers._map.makers import Maker, maker, mapped
from wlf.events import Event, Kinds, LogLine
from wlf.events.base import kind_names, known_types
from wlf.events.expressions import Expression
from wlf.events.expressions.check import check, infer
from wlf.events.expressions.codegen import evaluating
from wlf.events.expressions.kinds import field_names, fields_of


class MapConfig(TransformerConfig, frozen=True, kw_only=True):
    """Options of Map."""

    set: Annotated[
        dict[str, Expression],
        Meta(
            description="fields and what they become; each expression sees the event as it came: "
            "`{level: upper(attributes.level), data.total: data.price * data.amount}`"
        ),
    ] = {}
    remove: Annotated[
        tuple[str, ...], Meta(description="fields, columns (`data.password`: in `old` too) and entries to leave out")
    ] = ()
    rename: Annotated[
        dict[str, str], Meta(description="columns and entries and their new names: `{data.uid: user_id}`")
    ] = {}

    where: Annotated[
        Expression | None,
        Meta(
            description='which events are changed, such as `table == "orders"`; null: all; the others pass as they are'
        ),
    ] = None

    def __post_init__(self) -> None:
        """Raises ValueError, which becomes a diagnostic."""
        if not (self.set or self.remove or self.rename):
            raise ValueError("expected `set`, `remove` or `rename`")
        changes = self.changes()
        if len(changes.removed) + len(changes.renamed) + len(changes.values) < len(
            [*self.remove, *self.rename, *self.set]
        ):
            raise ValueError("expected each field once in an option")

    def changes(self) -> Changes:
        """All of them. Raises ValueError."""
        return Changes(
            tuple(dict.fromkeys(map(target, self.remove))),
            {target(name): new for name, new in self.rename.items()},
            {target(name): value for name, value in self.set.items()},
        )


class Map(Transformer):
    """Makes events anew with fields that are removed, renamed and set, in this order.

    Columns are changed in `data.NAME`, entries of maps such as `attributes` in `attributes.NAME`, fields of the event
    under their name; log lines can get new fields. An event type that lacks what is changed passes untouched.
    """

    type_name = "Map"
    Config = MapConfig

    def __init__(self, config: MapConfig, context: Context) -> None:
        super().__init__(config, context)
        self._changes = config.changes()
        where, clock = config.where, context.clock.time
        self._where = None if where is None else evaluating(where.tree, context.incoming, clock, condition=True)
        self._makers: dict[type[Event], Maker | None] = {}

    @classmethod
    def emits(cls, config: MapConfig, incoming: Kinds) -> Kinds:
        """The same, but log lines that get fields are of a type of their own."""
        changes = config.changes()
        lines = [kind for kind in incoming if issubclass(kind, LogLine)]
        left = incoming if config.where is not None else incoming - frozenset(lines)
        return left | {mapped(changes, kind) for kind in known_types(lines)}

    @classmethod
    def keeps_tables(cls, config: MapConfig) -> bool:
        """Unless it sets them."""
        return not {"database", "table"} & {each.field for each in config.changes().values}

    @classmethod
    def problems(cls, config: MapConfig, incoming: Kinds) -> Iterable[Problem]:
        """Mistakes in the expressions, and fields that no arriving event can have changed."""
        if config.where is not None:
            yield from (Problem.of("where", e) for e in check(config.where.tree, incoming, condition=True))
        written = {"set": config.set, "remove": config.remove, "rename": config.rename}
        names = {option: dict(zip(map(target, found), found, strict=True)) for option, found in written.items()}
        for option, changed in config.changes().targets():
            name = names[option][changed]
            place = f"remove[{config.remove.index(name)}]" if option == "remove" else f"{option}.{name}"
            if option == "set":
                for error in check(config.set[name].tree, incoming):
                    yield Problem.of(place, error)
            if Event not in incoming:
                yield from _unfit(option, place, changed, config, incoming)

    def transform(self, events: Sequence[Any]) -> Sequence[Event]:
        """The changed events, type by type where they are of several."""
        if self._where is not None:
            return self._change_some(events, self._where(events))
        kinds = set(map(type, events))
        if len(kinds) == 1:
            return self._change(kinds.pop(), events)
        return [event for kind, run in groupby(events, type) for event in self._change(kind, list(run))]

    def _change_some(self, events: Sequence[Any], chosen: Sequence[bool]) -> Sequence[Event]:
        if True not in chosen:
            return events
        made: list[Event] = []
        runs = groupby(zip(events, chosen, strict=True), lambda pair: type(pair[0]) if pair[1] else None)
        for kind, run in runs:
            column = [event for event, _ in run]
            made += column if kind is None else self._change(kind, column)
        return made

    def _change(self, kind: type[Event], events: Sequence[Any]) -> Sequence[Any]:
        try:
            found = self._makers[kind]
        except KeyError:
            found = self._makers[kind] = maker(self._changes, kind, self.context.clock.time)
        return events if found is None else found(events)


def _unfit(option: str, place: str, changed: Target, config: MapConfig, incoming: Kinds) -> Iterable[Problem]:
    """What no arriving event type can take, and values that are of another type than their field."""
    kinds = sorted(known_types(incoming), key=lambda kind: kind.__name__)
    refused = {kind: refusal(option, changed, kind) for kind in kinds}
    fit = [kind for kind in kinds if refused[kind] is None]
    if kinds and not fit:
        known = field_names(incoming)
        word = "" if changed.field in known else changed.field
        hint = f"a column is data.{changed}" if word and "data" in known and changed.key is None else ""
        why = " and ".join(dict.fromkeys(filter(None, refused.values())))
        message = f"{why} in {kind_names(incoming)}"
        yield Problem(place, message, hint, fault="field", word="" if hint else word, known=known)
    if option != "set" or changed.key is not None:
        return
    tree = config.changes().values[changed].tree
    for kind in fit:
        declared = fields_of(kind).get(changed.field)
        given = infer(tree, incoming if len(kinds) == 1 else frozenset((kind,)))
        if declared is not None and not given.kinds <= declared[1].kinds:
            hint = 'str(..., "") or coalesce(...) makes a value of it that is never null'
            yield Problem(place, f"'{changed}' is {declared[1]}, got {given}", hint, fault="type")
            return
