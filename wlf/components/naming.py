"""Names that a sink accepts: what a template gives, mended by the sink's rule, and never one name for two texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from wlf.events import Event
from wlf.events.template import MissingField, Template

REMEMBERED = 100_000
"""Names a namer remembers. Beyond that it forgets them all and starts again, so that its memory stays bounded."""


class NameRefused(ValueError):
    """The event has no name that the sink would take: the dispatcher rejects it with this text as the reason."""


@dataclass(frozen=True, slots=True)
class NameRule:
    """What one kind of name may look like. The source of each rule stands at its dispatcher.

    Args:
        what: the kind of name as messages call it, such as `Kafka topic`.
        refused: matches every single character that the sink refuses; `names: replace` puts `_` there.
        lower: the sink takes lower case only.
        max_bytes: longest name in bytes of UTF-8; `names: replace` cuts there.
        refused_start: characters that a name must not begin with; `names: replace` drops them.
        reserved: whole names that the sink refuses; nothing can be put in their place.
    """

    what: str
    refused: re.Pattern[str]
    lower: bool = False
    max_bytes: int = 255
    refused_start: str = ""
    reserved: frozenset[str] = field(default=frozenset())

    def mend(self, text: str) -> str:
        """The nearest name that keeps the rule; the same text where it keeps it already. Raises NameRefused."""
        name = self.refused.sub("_", text.lower() if self.lower else text)
        if self.refused_start:
            name = name.lstrip(self.refused_start)
        try:
            name = name.encode()[: self.max_bytes].decode(errors="ignore")
        except UnicodeEncodeError as error:  # half of a surrogate pair, from a JSON column
            raise NameRefused(f"expected a {self.what} name, got {text!r}") from error
        if not name or name in self.reserved:
            raise NameRefused(f"expected a {self.what} name, got {text!r}")
        return name


class Namer:
    """One dispatcher's names: a template, the sink's rule and the options `names` and `on_missing`, cached by text.

    With `names: replace` two texts can meet in one name (`my table` and `my_table`): the second is refused, for the
    sink would mix two tables. Templates that give the same text for several tables do so on purpose, and are not.
    """

    def __init__(
        self, template: Template, rule: NameRule, *, names: Literal["replace", "reject"], on_missing: str = "reject"
    ) -> None:
        self._rule = rule
        self._replace = names == "replace"
        self._missing = None if on_missing == "reject" else on_missing
        self._render: Callable[[Event], str] = template.render
        self._template = template
        self._names: dict[str, str] = {}
        self._texts: dict[str, str] = {}

    @property
    def constant(self) -> str | None:
        """The one name of all events, where the template holds no pointer. Raises NameRefused."""
        text = self._template.constant
        return None if text is None else self._named(text)

    def names(self, events: Sequence[Any], rejected: dict[int, str]) -> str | list[str]:
        """The names of all events: one text where it is the same for all of them.

        An event without a name gets "" in the list, and its reason in `rejected` by index. Raises NameRefused where
        the template is a constant that the sink would not take.
        """
        constant = self.constant
        if constant is not None:
            return constant
        if self._template.by_table:
            try:
                return self._by_table(events)
            except (NameRefused, AttributeError):  # whose it is shows below
                pass
        names: list[str] = []
        name = self.name
        for index, event in enumerate(events):
            try:
                names.append(name(event))
            except NameRefused as error:
                names.append("")
                rejected[index] = str(error)
        return names

    def _by_table(self, events: Sequence[Any]) -> str | list[str]:
        """Looks once at each table."""
        tables, databases = {event.table for event in events}, {event.database for event in events}
        if len(tables) == len(databases) == 1:
            return self.name(events[0])
        keys = [(event.database, event.table) for event in events]
        found = {key: self.name(event) for key, event in dict(zip(keys, events, strict=True)).items()}
        return [found[key] for key in keys]

    def name(self, event: Event) -> str:
        """The name for one event. Raises NameRefused with the reason."""
        try:
            return self._names[self._render(event)]
        except KeyError:
            return self._named(self._render(event))
        except MissingField as error:
            if self._missing is None:
                raise NameRefused(str(error)) from error
            return self._named(self._template.fill(event, self._missing))

    def _named(self, text: str) -> str:
        name = self._names.get(text)
        if name is not None:
            return name
        name = self._rule.mend(text)
        if name != text and not self._replace:
            raise NameRefused(f"expected a {self._rule.what} name, got {text!r}")
        if len(self._names) >= REMEMBERED:
            self._names.clear()
            self._texts.clear()
        other = self._texts.setdefault(name, text)
        if other != text:
            raise NameRefused(f"{text!r} and {other!r} would both be the {self._rule.what} {name!r}")
        self._names[text] = name
        return name
