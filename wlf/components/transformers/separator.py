"""The router: sends each event to the destinations of the conditions that it meets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from wlf.components.base import Context, Problem, Router
from wlf.components.config import RoutingConfig
from wlf.events import Event, Kinds
from wlf.events.expressions import Expression
from wlf.events.expressions.check import check
from wlf.events.expressions.codegen import Writer, compiled
from wlf.events.expressions.partly import decide

DROP = "drop"


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A condition and where its events go."""

    when: Annotated[Expression, Meta(description='a condition, such as `database == "shop"`')]
    destination: Annotated[str, Meta(description="id of the node that takes the events for which it is true")]
    name: Annotated[str | None, Meta(description="what drawings call it; default: the condition itself")] = None


class SeparatorConfig(RoutingConfig, frozen=True, kw_only=True):
    """Options of Separator."""

    routes: Annotated[tuple[Route, ...], Meta(description="conditions with their destinations, in order", min_length=1)]
    match: Annotated[
        Literal["first", "all"],
        Meta(description="first: an event takes the first route whose condition is true; all: each of them"),
    ] = "first"
    unmatched: Annotated[
        str, Meta(description="id of the node that takes events for which no condition is true; `drop`: they end here")
    ]


class Separator(Router):
    """Sends each event where the conditions say: along the first route that matches, or along all of them.

    What matches no route goes to `unmatched`; with `drop` it ends here and is counted. A destination that several
    routes name gets an event once.
    """

    type_name = "Separator"
    Config = SeparatorConfig
    drop_reason = "unmatched"

    def __init__(self, config: SeparatorConfig, context: Context) -> None:
        super().__init__(config, context)
        self._destinations = self.destinations(config)
        self._split = _splitting(config, context, self._destinations)

    @classmethod
    def destinations(cls, config: SeparatorConfig) -> Sequence[str]:
        """Those of the routes, then that of what matches none."""
        named = [route.destination for route in config.routes]
        return tuple(dict.fromkeys(named if config.unmatched == DROP else [*named, config.unmatched]))

    @classmethod
    def options_of(cls, config: SeparatorConfig) -> Mapping[str, str]:
        """Where each destination is named first."""
        found = {config.unmatched: "unmatched"} if config.unmatched != DROP else {}
        for index, route in reversed(list(enumerate(config.routes))):
            found[route.destination] = f"routes[{index}].destination"
        return found

    @classmethod
    def labels(cls, config: SeparatorConfig) -> Mapping[str, str]:
        """The conditions, or their names."""
        found: dict[str, list[str]] = {}
        for route in config.routes:
            found.setdefault(route.destination, []).append(route.name or " ".join(route.when.text.split()))
        if config.unmatched != DROP:
            found.setdefault(config.unmatched, []).append("all else")
        return {destination: " | ".join(names) for destination, names in found.items()}

    @classmethod
    def problems(cls, config: SeparatorConfig, incoming: Kinds) -> Iterable[Problem]:
        """Mistakes in the conditions."""
        for index, route in enumerate(config.routes):
            for error in check(route.when.tree, incoming, condition=True):
                yield Problem.of(f"routes[{index}].when", error)

    @classmethod
    def wants(cls, config: SeparatorConfig, database: str, table: str, destination: str) -> bool:
        """Could a row of this table get there?"""
        for route in config.routes:
            found = decide(route.when.tree, database, table)
            if found is not False and route.destination == destination:
                return True
            if found and config.match == "first":
                return False
        certain = any(decide(route.when.tree, database, table) for route in config.routes)
        return destination == config.unmatched and not certain

    def route(self, events: Sequence[Event]) -> Mapping[str, Sequence[Event]]:
        """The events by destination; a destination that gets all of them gets the very sequence that came in."""
        columns = zip(self._destinations, self._split(events), strict=True)
        return {
            destination: events if len(column) == len(events) else column for destination, column in columns if column
        }


def _splitting(
    config: SeparatorConfig, context: Context, destinations: Sequence[str]
) -> Callable[[Sequence[Any]], tuple[list[Any], ...]]:
    """A function that goes over the events once: one list for each destination."""
    writer = Writer(context.incoming, context.clock.time)
    conditions = [(destinations.index(r.destination), writer.condition(r.when.tree)) for r in config.routes]
    numbers = range(len(destinations))
    lines = ["def f(events):", *(f" r{n} = []" for n in numbers), *(f" a{n} = r{n}.append" for n in numbers)]
    lines.append(" for e in events:")
    other = f"a{destinations.index(config.unmatched)}(e)" if config.unmatched != DROP else "pass"
    if config.match == "first":
        for index, (number, condition) in enumerate(conditions):
            lines += [f"  {'elif' if index else 'if'} {condition}:", f"   a{number}(e)"]
        lines += ["  else:", f"   {other}"]
    else:
        lines.append("  n = True")
        for number in dict.fromkeys(number for number, _ in conditions):
            test = " or ".join(condition for target, condition in conditions if target == number)
            if config.unmatched != DROP and number == destinations.index(config.unmatched):
                continue
            lines += [f"  if {test}:", f"   a{number}(e)", "   n = False"]
        lines += _rest(config, destinations, conditions)
    lines.append(f" return ({''.join(f'r{n}, ' for n in numbers)})")
    made: Callable[[Sequence[Any]], tuple[list[Any], ...]] = compiled(lines, writer.scope)
    return made


def _rest(config: SeparatorConfig, destinations: Sequence[str], conditions: Sequence[tuple[int, str]]) -> list[str]:
    """With `match: all`: what matches nothing, to a destination that routes may name too."""
    if config.unmatched == DROP:
        return []
    last = destinations.index(config.unmatched)
    own = [condition for number, condition in conditions if number == last]
    return [f"  if {' or '.join([*own, 'n'])}:", f"   a{last}(e)"]
