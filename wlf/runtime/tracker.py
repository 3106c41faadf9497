"""How far each dispatcher has come in one collector's stream: the cursors that move along what is settled.

Every batch gets a number. A lane (one dispatcher below the collector) has an entry for each batch that it has not
settled yet, in order of the numbers; the positions of a settled batch move its cursors when no entry stands before it,
and else wait in the entry before. So memory is bounded by what is unsettled, and a cursor never passes an unsettled or
refused event.

The rules for a collector:

- A position covers all events of its batch and those before it. `{}` says that the batch ends in the middle of a
  transaction: a restart reads it again from the position before.
- A partition that is read for the first time is announced by an empty batch with the position where reading begins.
  Such a position is taken by every lane at once. Without it, a dispatcher that has delivered nothing yet when wlf is
  killed begins where `open()` without that partition begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from wlf.errors import InternalError


class Cursor(NamedTuple):
    """A position with the number of the batch that brought it; position None says the partition is forgotten."""

    position: bytes | None
    number: int


Cursors = dict[str, Cursor]
"""By partition."""
Covers = Callable[[bytes, bytes], bool]
"""`Collector.covers`: is everything up to the second position already in the first?"""


class Entry:
    """A batch that one lane has not settled. It is the ticket of the batch's events in that lane."""

    __slots__ = ("after", "before", "count", "lane", "positions")

    def __init__(self, lane: Lane, positions: Cursors) -> None:
        self.lane = lane
        self.positions = positions
        self.count = 1  # the hold of whoever is still handing events over
        self.before: Entry | None = None
        self.after: Entry | None = None

    def settle(self, count: int) -> None:
        """That many events are done with; raises InternalError when there were not so many."""
        self.count -= count
        if self.count <= 0:
            if self.count < 0:
                raise InternalError(f"{self.lane.dispatcher} settled an event twice")
            self.lane.settled(self)


class Lane:
    """One dispatcher's way through one collector's stream."""

    def __init__(self, collector: str, dispatcher: str) -> None:
        self.collector = collector
        self.dispatcher = dispatcher
        self.cursors: Cursors = {}
        self.moved = False
        """Has a cursor moved since this was last set to False?"""
        self.changed: Cursors = {}
        """The cursors that moved since they were taken last: there may be many that did not."""
        self.ahead: Cursors = {}
        """Cursors beyond what is read yet after a restart; what they cover is withheld."""
        self._last: Entry | None = None

    @property
    def is_settled(self) -> bool:
        """Is nothing under way?"""
        return self._last is None

    def open(self, positions: Cursors) -> Entry:
        """The entry of the next batch."""
        entry = Entry(self, positions)
        entry.before = self._last
        if self._last is not None:
            self._last.after = entry
        self._last = entry
        return entry

    def settled(self, entry: Entry) -> None:
        """Take a settled entry out of the row; its positions count once nothing stands before it."""
        before, after = entry.before, entry.after
        if after is None:
            self._last = before
        else:
            after.before = before
        if before is None:
            self.advance(entry.positions)
        else:
            before.after = after
            before.positions.update(entry.positions)

    def advance(self, positions: Cursors) -> None:
        """Everything before these positions is settled. An older number never overwrites a newer one."""
        for partition, cursor in positions.items():
            known = self.cursors.get(partition)
            if known is None or known.number <= cursor.number:
                self.cursors[partition] = self.changed[partition] = cursor
                self.moved = True

    def take_changed(self) -> Cursors:
        """What moved since this was asked last."""
        changed, self.changed = self.changed, {}
        self.moved = False
        return changed

    def put_back(self, changed: Cursors) -> None:
        """What was taken is not durable yet."""
        self.changed = {**changed, **self.changed}
        self.moved = True

    def announce(self, positions: Cursors) -> None:
        """Take the places where partitions begin, unless events of an earlier life of the partition are under way."""
        entry = self._last
        pending: set[str] = set()
        while entry is not None:
            pending.update(entry.positions)
            entry = entry.before
        for partition, cursor in positions.items():
            known = self.cursors.get(partition)
            if partition not in pending and (known is None or known.position is None):
                self.advance({partition: cursor})

    def withholds(
        self,
        read: Mapping[str, Cursor],
        positions: Mapping[str, bytes | None],
        covers: Covers,
        partition: str | None = None,
        until: bytes | None = None,
    ) -> bool:
        """Are all events of this batch already delivered here? `read` is how far the collector was before it.

        `partition` is what a batch without positions belongs to, and `until` a place there behind its events.

        Moves `ahead` along: a partition leaves it when reading reaches the cursor or passes it.
        """
        if not positions:
            # In the middle of a transaction that began where reading is; a cursor further on lies behind its end.
            if partition is not None:
                cursor = self.ahead.get(partition)
                if cursor is None or until is None or cursor.position is None:
                    return cursor is not None
                return covers(cursor.position, until)
            return bool(read) and all(name in self.ahead for name in read)
        results = [self._catch_up(name, position, read, covers) for name, position in positions.items()]
        return all(results)

    def _catch_up(self, partition: str, position: bytes | None, read: Mapping[str, Cursor], covers: Covers) -> bool:
        cursor = self.ahead.get(partition)
        if cursor is None or cursor.position is None:
            return False
        if position is not None and covers(cursor.position, position):
            if covers(position, cursor.position):
                del self.ahead[partition]
            return True
        # The batch ends behind the cursor, so all of it is delivered again: until then the cursor is where it begins.
        del self.ahead[partition]
        if partition in read:
            self.advance({partition: read[partition]})
        return False


class Opened:
    """A batch that is being handed over: gives out its tickets, and holds every lane until `done()`."""

    __slots__ = ("_entries", "number")

    def __init__(self, number: int, entries: dict[str, Entry]) -> None:
        self.number = number
        self._entries = entries

    @property
    def is_withheld(self) -> bool:
        """Has every dispatcher got this batch before?"""
        return not self._entries

    def expect(self, dispatcher: str, count: int) -> Entry | None:
        """The ticket for `count` events that go to a dispatcher; None where they are withheld from it."""
        entry = self._entries.get(dispatcher)
        if entry is not None:
            entry.count += count
        return entry

    def hold(self, count: int) -> Several:
        """A ticket that holds all lanes until `count` events are settled elsewhere."""
        entries = tuple(self._entries.values())
        for entry in entries:
            entry.count += count
        return Several(entries)

    def done(self) -> None:
        """Everything is handed over; what expected no events is settled now."""
        for entry in self._entries.values():
            entry.settle(1)


class Several(NamedTuple):
    """A ticket that settles several."""

    tickets: tuple[Entry, ...]

    def settle(self, count: int) -> None:
        """Settle in each."""
        for ticket in self.tickets:
            ticket.settle(count)


class Tracker:
    """The lanes of one collector."""

    def __init__(self, collector: str, dispatchers: Iterable[str], covers: Covers) -> None:
        self.collector = collector
        self.lanes = {dispatcher: Lane(collector, dispatcher) for dispatcher in dispatchers}
        self.number = 0
        self._covers = covers
        self._read: Cursors = {}

    @property
    def is_settled(self) -> bool:
        """Is nothing under way in any lane?"""
        return all(lane.is_settled for lane in self.lanes.values())

    def resume(self, stored: Mapping[str, Mapping[str, Cursor]]) -> dict[str, bytes]:
        """Where to open the collector: per partition at the smallest cursor of all dispatchers that it reaches.

        `stored` holds every dispatcher that ran before, with its cursors, maybe none. A dispatcher that is not in it is
        new in the graph: it begins where the others are read on from, or where the collector begins. A partition that a
        known dispatcher has no cursor of is read from its beginning, for all.
        """
        known = {name: stored[name] for name in self.lanes if name in stored}
        self.number = max((c.number for cursors in known.values() for c in cursors.values()), default=0)
        for partition in sorted({name for cursors in known.values() for name in cursors}):
            cursors = [of[partition] for of in known.values() if partition in of]
            live = [cursor for cursor in cursors if cursor.position is not None]
            if not live or len(cursors) < len(known):
                continue
            start = self._smallest(live)
            self._read[partition] = start
            for name, lane in self.lanes.items():
                self._place(lane, partition, start, known.get(name, {}).get(partition))
        return self.positions()

    def _place(self, lane: Lane, partition: str, start: Cursor, own: Cursor | None) -> None:
        """Give a lane its own cursor where that is provably further on than the start, and else the start."""
        position, first = own.position if own else None, start.position
        if own is None or position is None or first is None or position == first or not self._covers(position, first):
            lane.cursors[partition] = lane.changed[partition] = start
            lane.moved = True
        else:
            lane.ahead[partition] = own

    def _smallest(self, cursors: list[Cursor]) -> Cursor:
        """By `covers`; by batch number where the collector cannot tell."""
        for cursor in sorted(cursors, key=lambda cursor: cursor.number):
            if all(self._covers(other.position or b"", cursor.position or b"") for other in cursors):
                return cursor
        return min(cursors, key=lambda cursor: cursor.number)

    def positions(self) -> dict[str, bytes]:
        """How far the collector has read: where it is opened again after it lost its source."""
        return {name: cursor.position for name, cursor in self._read.items() if cursor.position is not None}

    def begin(
        self,
        positions: Mapping[str, bytes | None],
        *,
        is_empty: bool = False,
        partition: str | None = None,
        until: bytes | None = None,
    ) -> Opened:
        """Number the batch that the collector brought, and find who gets it."""
        self.number += 1
        moved = {name: Cursor(position, self.number) for name, position in positions.items()}
        announced = {name: cursor for name, cursor in moved.items() if is_empty and self._is_new(name)}
        entries: dict[str, Entry] = {}
        for name, lane in self.lanes.items():
            if lane.ahead and lane.withholds(self._read, positions, self._covers, partition, until):
                lane.advance({p: cursor for p, cursor in moved.items() if p not in lane.ahead})
                continue
            if announced:
                lane.announce(announced)
            entries[name] = lane.open({p: c for p, c in moved.items() if p not in lane.ahead})
        self._note(moved)
        return Opened(self.number, entries)

    def _is_new(self, partition: str) -> bool:
        known = self._read.get(partition)
        return known is None or known.position is None

    def _note(self, moved: Cursors) -> None:
        for partition, cursor in moved.items():
            if cursor.position is None:
                self._read.pop(partition, None)
            else:
                self._read[partition] = cursor

    def lowest(
        self, durable: Mapping[str, Mapping[str, Cursor]], partitions: Iterable[str] | None = None
    ) -> dict[str, bytes]:
        """Per partition (of these, or of all) the position that every lane's durable cursor has reached.

        This is what `commit()` is told.
        """
        result: dict[str, bytes] = {}
        if partitions is None:
            partitions = {name for cursors in durable.values() for name in cursors}
        for partition in partitions:
            lanes = [lane for lane in self.lanes.values() if partition not in lane.ahead]
            cursors = [durable.get(lane.dispatcher, {}).get(partition) for lane in lanes]
            reached = [cursor for cursor in cursors if cursor is not None]
            if len(reached) < len(lanes):
                continue
            position = min(reached, key=lambda cursor: cursor.number).position
            if position is not None:
                result[partition] = position
        return result

    def drop_forgotten(self, durable: Mapping[str, Cursors], partitions: Iterable[str] | None = None) -> list[str]:
        """Partitions (of these, or of all) that every lane has durably forgotten; nothing remembers them then."""
        lanes = list(self.lanes.values())
        first = durable.get(lanes[0].dispatcher, {})
        gone = [
            partition
            for partition in (first if partitions is None else partitions)
            if partition in first
            and first[partition].position is None
            and all(lane.cursors.get(partition) == durable.get(lane.dispatcher, {}).get(partition) for lane in lanes)
            and all(lane.cursors[partition].position is None for lane in lanes)
        ]
        for lane in lanes:
            for partition in gone:
                del lane.cursors[partition]
                lane.changed.pop(partition, None)
                del durable[lane.dispatcher][partition]
        return gone
