"""Runs segments and puts what comes out of them into the mailboxes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from wlf.errors import InternalError
from wlf.events import DeadLetter
from wlf.runtime.batch import Batch, Ticket
from wlf.runtime.instances import Surroundings
from wlf.runtime.mailbox import Mailbox
from wlf.runtime.segment import SLICE_EVENTS, Column, Outcome, Refused, SegmentRun
from wlf.runtime.wake import Bell


class Gate(Protocol):
    """What a batch owes whom while it is handed over."""

    @property
    def number(self) -> int:
        """The batch's number."""
        ...

    def expect(self, dispatcher: str, count: int) -> Ticket | None:
        """The ticket of `count` events for a dispatcher; None where they are withheld from it."""
        ...

    def hold(self, count: int) -> Ticket:
        """A ticket for `count` events that leave the batch's way for that of the dead letters."""
        ...


class Keeper(Protocol):
    """A node that takes events as a dispatcher does, and may send others on later: a stateful transformer."""

    async def take(self, events: Column, gate: Gate) -> None:
        """Take the events of a batch; returns when what they brought about is handed over."""
        ...


class Debt:
    """The gate of dead letters: the sender's ticket is settled when all that came of its events is."""

    __slots__ = ("_count", "_open", "_sender", "number")

    def __init__(self, sender: Ticket, count: int) -> None:
        self._sender = sender
        self._count = count
        self._open = 1
        self.number = 0

    def expect(self, dispatcher: str, count: int) -> Ticket:
        """One more dispatcher gets them."""
        self._open += count
        return self

    def hold(self, count: int) -> Ticket:
        """Refused once more, on the way of the dead letters."""
        self._open += count
        return self

    def settle(self, count: int) -> None:
        """Delivered."""
        self._open -= count
        if self._open < 0:
            raise InternalError("a dead letter was settled twice")
        if not self._open:
            self._sender.settle(self._count)


class Flow:
    """The way from any source of events (a collector, or a node with dead letters) to the mailboxes."""

    def __init__(
        self,
        segments: Mapping[str, SegmentRun],
        held: Mapping[str, SegmentRun],
        mailboxes: Mapping[str, Mailbox],
        room: Bell,
        around: Surroundings,
    ) -> None:
        self._segments = segments
        self._held = held
        self._mailboxes = mailboxes
        self._room = room
        self._around = around
        self._turns = _turns([*segments.values(), *held.values()])
        self.keepers: dict[str, Keeper] = {}
        """By node; they know the flow, so they come after it."""

    async def push(self, source: str, events: Column, gate: Gate) -> None:
        """Run the segment of a collector or of dead letters; returns when every mailbox has taken its part.

        Raises:
            ComponentError: a transformer failed whose `on_error` is stop.
        """
        await self._push(self._segments[source], events, gate)

    async def push_held(self, node: str, events: Column, gate: Gate) -> None:
        """The same for what a stateful transformer lets go."""
        await self._push(self._held[node], events, gate)

    async def _push(self, segment: SegmentRun, events: Column, gate: Gate) -> None:
        for start in range(0, len(events), SLICE_EVENTS):
            if start:
                await asyncio.sleep(0)
            # The slice of a whole tuple is the tuple itself.
            outcome = await self._run(segment, events[start : start + SLICE_EVENTS])
            await self._hand_over(outcome.outputs, gate)
            for refused in outcome.refused:
                await self._send_refused(refused, gate)

    async def _run(self, segment: SegmentRun, events: Column) -> Outcome:
        """At once, or in a thread where a node says that it may take long; never two that share a node."""
        async with self._turns[segment]:
            if segment.runs_long(len(events)):
                return await asyncio.to_thread(segment.run, events, in_thread=True)
            return segment.run(events)

    async def _hand_over(self, outputs: Mapping[str, Column], gate: Gate) -> None:
        """First to those that have room: nobody waits for another one's mailbox."""
        batches: dict[int, Batch] = {}
        waiting: list[tuple[Mailbox, Batch, Ticket]] = []
        now = asyncio.get_running_loop().time()
        for dispatcher, column in outputs.items():
            if dispatcher in self.keepers:
                continue
            ticket = gate.expect(dispatcher, len(column))
            if ticket is None:
                continue
            batch = batches.get(id(column))
            if batch is None:
                batch = batches[id(column)] = Batch(column, gate.number)
            mailbox = self._mailboxes[dispatcher]
            if mailbox.admits(batch.weight_bytes(mailbox.batcher.format)):
                mailbox.put(batch, ticket, now)
            else:
                waiting.append((mailbox, batch, ticket))
        for mailbox, batch, ticket in waiting:
            while not mailbox.admits(batch.weight_bytes(mailbox.batcher.format)):
                await self._room.wait()
            mailbox.put(batch, ticket, asyncio.get_running_loop().time())
        for node, column in outputs.items():
            if node in self.keepers:
                await self.keepers[node].take(column, gate)

    async def _send_refused(self, refused: Refused, gate: Gate) -> None:
        now = self._around.clock.time()
        failed = zip(refused.events, refused.reasons, strict=True)
        letters = tuple(DeadLetter(refused.node, reason, 1, now, event) for event, reason in failed)
        await self.send_dead(refused.node, letters, gate.hold(len(letters)))

    async def send_dead(self, node: str, letters: tuple[DeadLetter, ...], sender: Ticket) -> None:
        """Send dead letters on their way; `sender` is settled when they have arrived."""
        name, help = "wlf_dead_letters_total", "Events refused here that were sent to the dead letters."
        self._around.metrics(node).counter(name, help).add(len(letters))
        debt = Debt(sender, len(letters))
        await self.push(node, letters, debt)
        debt.settle(1)


def _turns(segments: Sequence[SegmentRun]) -> dict[SegmentRun, asyncio.Lock]:
    """One lock for all segments that are joined by nodes: a node is never called twice at the same time."""
    groups: list[tuple[set[str], asyncio.Lock]] = []
    for segment in segments:
        joined = [group for group in groups if group[0] & segment.nodes]
        groups = [group for group in groups if group not in joined]
        groups.append((set(segment.nodes).union(*(nodes for nodes, _ in joined)), asyncio.Lock()))
    turns = {}
    for segment in segments:
        found = (lock for nodes, lock in groups if nodes & segment.nodes)
        turns[segment] = next(found, None) or asyncio.Lock()
    return turns
