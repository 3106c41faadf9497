"""A bulk request column by column: its operations, its body, and how it is cut where it would be too large."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, overload

Kind: TypeAlias = Literal["create", "index", "delete"]


class Operation(NamedTuple):
    """One operation of a bulk request: an action line, and a document for all but `delete`."""

    event: int
    kind: Kind
    action: bytes
    document: bytes | None

    @property
    def lines(self) -> tuple[bytes, ...]:
        """What it is in the request's body."""
        return (self.action,) if self.document is None else (self.action, self.document)


class Operations(Sequence[Operation]):
    """Operations in the order of the request, kept as columns: an object for each would cost more than all else.

    Args:
        events: by operation the index of its event.
        kinds: what each does; one word where all do the same.
        actions: the first lines.
        documents: the second lines; None for a `delete`.
    """

    __slots__ = ("actions", "documents", "events", "kinds")

    def __init__(
        self,
        events: Sequence[int],
        kinds: Kind | list[Kind],
        actions: list[bytes],
        documents: Sequence[bytes | None],
    ) -> None:
        self.events = events
        self.kinds = kinds
        self.actions = actions
        self.documents = documents

    def __len__(self) -> int:
        return len(self.actions)

    @overload
    def __getitem__(self, at: int) -> Operation: ...
    @overload
    def __getitem__(self, at: slice) -> Operations: ...
    def __getitem__(self, at: int | slice) -> Operation | Operations:
        kinds = self.kinds
        if isinstance(at, slice):
            some = kinds if isinstance(kinds, str) else kinds[at]
            return Operations(self.events[at], some, self.actions[at], self.documents[at])
        return Operation(
            self.events[at], kinds if isinstance(kinds, str) else kinds[at], self.actions[at], self.documents[at]
        )

    def body(self) -> bytes:
        """The request, joined once."""
        lines: list[Any] = [b""] * (2 * len(self.actions) + 1)
        lines[:-1:2] = self.actions
        lines[1::2] = self.documents
        if None in self.documents:
            lines = [line for line in lines if line is not None]
        return b"\n".join(lines)

    def parts(self, max_bytes: int) -> Iterator[Operations]:
        """Runs of operations that fit into one request each."""
        if not self.actions:
            return
        sizes = [
            len(action) + (1 if document is None else len(document) + 2)
            for action, document in zip(self.actions, self.documents, strict=True)
        ]
        if sum(sizes) <= max_bytes:
            yield self
            return
        start = size = 0
        for at, more in enumerate(sizes):
            if at > start and size + more > max_bytes:
                yield self[start:at]
                start, size = at, 0
            size += more
        yield self[start:]


class Composed(NamedTuple):
    """What a batch became.

    `rejected` gives reasons by index, `ignored` counts DDL that a mirror has no use for. `documents` names the document
    that each event is about, where the order of events matters, and `left` the one that it takes away beside that.
    """

    operations: Operations
    rejected: dict[int, str]
    ignored: int = 0
    documents: Mapping[int, bytes] = {}
    left: Mapping[int, bytes] = {}
