"""`logFlex.%{/database}.%{/table}`: a text with JSON pointers into the event, compiled once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from msgspec import UNSET

from wlf.events.base import Event, Kinds, known_types
from wlf.events.rows import RowChange

_POINTER = re.compile(r"%\{([^}]*)\}")
_CACHE_LIMIT = 10_000


class MissingField(LookupError):
    """The event has no value at the pointer: the dispatcher rejects it or puts its `on_missing` text there."""

    def __init__(self, pointer: str, event: Event) -> None:
        self.pointer = pointer
        super().__init__(f"no value at {pointer} in {type(event).__name__}")


def _unescape(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")


class Pointer:
    """A JSON pointer (RFC 6901) whose first token is a field of the event and whose others lead into its value."""

    __slots__ = ("path", "text")

    def __init__(self, text: str) -> None:
        if not text.startswith("/") or text == "/":
            raise ValueError(f"expected a JSON pointer such as /database, got {text!r}")
        self.text = text
        self.path = tuple(_unescape(token) for token in text[1:].split("/"))

    @property
    def field(self) -> str:
        """The event's own field that the pointer begins with."""
        return self.path[0]

    def others_in(self, kinds: Kinds) -> tuple[str, ...]:
        """The fields that these event types have, where none of them has the pointer's own one; else ()."""
        if not kinds or Event in kinds:  # a bare Event may be of any type, of other packages too
            return ()
        known = sorted({name for kind in known_types(kinds) for name in kind.__struct_encode_fields__})
        return () if self.field in known else tuple(known)

    def read(self, event: Event) -> Any:
        """The value, or raise MissingField where the event has none (absent, or null on the way)."""
        value: Any = getattr(event, self.path[0], UNSET)
        for token in self.path[1:]:
            value = _step(value, token)
        if value is UNSET or value is None:
            raise MissingField(self.text, event)
        return value


def _step(value: Any, token: str) -> Any:
    """One token further down: a column of a row, a key of a mapping, an index of a list, a field of a struct."""
    if isinstance(value, dict):
        return value.get(token, UNSET)
    columns = getattr(value, "__columns__", None)
    if columns is not None:
        index = columns.get(token)
        return UNSET if index is None else getattr(value, f"f{index}")
    if isinstance(value, list | tuple):
        return value[int(token)] if token.isdecimal() and int(token) < len(value) else UNSET
    return getattr(value, token, UNSET)


def as_text(value: Any) -> str:
    """How a value reads inside a topic, key or index name."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    return value if isinstance(value, str) else str(value)


class Template:
    """A compiled template. Equal templates have equal texts.

    Raises:
        ValueError: the text has an unclosed `%{` or a pointer that is none.
    """

    __slots__ = ("_cache", "_key", "_parts", "by_table", "pointers", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        parts = _POINTER.split(text)
        for literal in parts[::2]:
            if "%{" in literal:
                raise ValueError(f"expected '}}' after '%{{', got {text!r}")
        self._parts: tuple[str | Pointer, ...] = tuple(
            Pointer(part) if index % 2 else part for index, part in enumerate(parts) if index % 2 or part
        )
        self.pointers = tuple(part for part in self._parts if isinstance(part, Pointer))
        self._cache: dict[Any, str] = {}
        self._key: Callable[[Any], Any] | None = self._cache_key()
        self.by_table = self._key is not None and "/type" not in {pointer.text for pointer in self.pointers}
        """Does the text depend on the event's database and table alone?"""

    def _cache_key(self) -> Callable[[Any], Any] | None:
        """Rows of one table give the same text: then one dict lookup per event is all there is."""
        names = {pointer.field for pointer in self.pointers if len(pointer.path) == 1}
        if len(names) == len({p.text for p in self.pointers}) and names and names <= {"database", "table", "type"}:
            return attrgetter(*sorted(names))
        return None

    @property
    def literal_prefix(self) -> str:
        """The text before the first pointer."""
        first = self._parts[0] if self._parts else ""
        return first if isinstance(first, str) else ""

    @property
    def constant(self) -> str | None:
        """The whole text where there is no pointer at all."""
        return None if self.pointers else self.text

    @property
    def parts(self) -> tuple[str | Pointer, ...]:
        """Texts and pointers in order, for who writes the values in a form of its own."""
        return self._parts

    def render(self, event: Event) -> str:
        """The text for one event; raises MissingField."""
        if self._key is None:
            return self._build(event) if self.pointers else self.text
        try:
            key = self._key(event)
            return self._cache[key]
        except AttributeError:
            return self._build(event)
        except KeyError:
            pass
        text = self._build(event)
        if len(self._cache) >= _CACHE_LIMIT:
            self._cache.clear()
        self._cache[key] = text
        return text

    def fill(self, event: Event, missing: str) -> str:
        """The text for one event, with `missing` in the place of every field that it lacks."""
        parts: list[str] = []
        for part in self._parts:
            try:
                parts.append(part if isinstance(part, str) else as_text(part.read(event)))
            except MissingField:
                parts.append(missing)
        return "".join(parts)

    def _build(self, event: Event) -> str:
        return "".join(part if isinstance(part, str) else as_text(part.read(event)) for part in self._parts)

    def unknown_pointers(self, kinds: Iterable[type[Event]]) -> list[Pointer]:
        """The pointers whose first field none of `kinds` has. What lies under `data` is known only at run time."""
        known: set[str] = set()
        for kind in kinds:
            known.update(kind.__struct_fields__)
            known.update(kind.__struct_encode_fields__)
        return [pointer for pointer in self.pointers if pointer.field not in known]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Template({self.text!r})"

    def __str__(self) -> str:
        return self.text


ROW_FIELDS = frozenset(RowChange.__struct_fields__)
"""The fields that every row change has, for completions and hints."""
