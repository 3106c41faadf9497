"""What waits in front of one dispatcher, within a share of the memory that all mailboxes have together."""

from __future__ import annotations

from collections.abc import Callable

from wlf.errors import InternalError
from wlf.runtime.batch import Batch, OutgoingBatch, Slice, Ticket
from wlf.runtime.batcher import Batcher


class Budget:
    """The memory of all mailboxes: one half in equal reserves, the other for whoever needs more.

    So one dead dispatcher cannot take the room of another collector's dispatchers, and one slow one still gets more
    than its equal share.
    """

    def __init__(self, limit_bytes: int, mailboxes: int) -> None:
        self.reserve_bytes = limit_bytes // (2 * max(1, mailboxes))
        self.common_bytes = limit_bytes - self.reserve_bytes * mailboxes
        self.common_used_bytes = 0

    def beyond(self, weight_bytes: int) -> int:
        """What a mailbox of that weight takes out of the common half."""
        return max(0, weight_bytes - self.reserve_bytes)


class Mailbox:
    """Events from the moment a segment hands them over until they are settled, so those being dispatched too."""

    def __init__(self, budget: Budget, batcher: Batcher) -> None:
        self.batcher = batcher
        self.weight_bytes = 0
        self.events = 0
        self.is_closed = False
        self.undelivered = 0
        """Events that came after `close()`; their tickets are never settled."""
        self._budget = budget
        self.on_arrival: Callable[[], None] = lambda: None
        """Called when there is more to dispatch."""
        self.on_room: Callable[[], None] = lambda: None
        """Called when memory was given back."""

    def admits(self, weight_bytes: int) -> bool:
        """Is there room? An empty mailbox takes one batch of any weight, or a large one could never pass."""
        if not self.events or self.is_closed:
            return True
        budget = self._budget
        more = budget.beyond(self.weight_bytes + weight_bytes) - budget.beyond(self.weight_bytes)
        return not more or budget.common_used_bytes + more <= budget.common_bytes

    def put(self, batch: Batch, ticket: Ticket, now: float) -> None:
        """Take a batch whole; `ticket` hears of each event's delivery. `now` in seconds of the monotonic clock."""
        if self.is_closed:
            self.undelivered += len(batch)
            return
        self._weigh(batch.weight_bytes(self.batcher.format))
        self.events += len(batch)
        self.batcher.add(batch, ticket, now)
        self.on_arrival()

    def take(self, now: float) -> OutgoingBatch | None:
        """The next batch to dispatch, when one is full or due."""
        return self.batcher.take(now)

    def settle(self, part: Slice) -> None:
        """These events are done with: tell their ticket and give their memory back."""
        self.release(part)
        part.ticket.settle(part.length)

    def release(self, part: Slice) -> None:
        """Give the memory of these events back; somebody else settles their ticket."""
        self.events -= part.length
        self._weigh(-part.batch.weight_of(part.start, part.stop, self.batcher.format))
        if self.events < 0 or self.weight_bytes < 0:
            raise InternalError(f"a mailbox holds {self.events} events of {self.weight_bytes} bytes")
        self.on_room()

    def close(self) -> None:
        """The dispatcher takes no more: what still comes is read again by the next run, and nobody waits for room."""
        self.is_closed = True
        self.on_room()

    def _weigh(self, change_bytes: int) -> None:
        budget, before = self._budget, self.weight_bytes
        self.weight_bytes = after = before + change_bytes
        if before > budget.reserve_bytes or after > budget.reserve_bytes:
            budget.common_used_bytes += budget.beyond(after) - budget.beyond(before)
