"""The task of one stateful transformer: gives it batches, sends on what it lets go, and pins positions meanwhile.

Each batch of which something may be kept is held: no cursor passes it. A batch is let go when the transformer keeps
nothing of it any more, and all that left until then has arrived: what was made of its events may still be under way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from wlf.components.base import StatefulTransformer
from wlf.errors import ComponentError, TransformFailed
from wlf.events import DeadLetter, Event
from wlf.graph.plan import Node
from wlf.runtime.batch import Ticket
from wlf.runtime.failures import describe, is_told_to_end
from wlf.runtime.flow import Debt, Flow, Gate
from wlf.runtime.halt import Halt
from wlf.runtime.instances import Surroundings
from wlf.runtime.on_error import HINT, ErrorRule, Failure, failure_of, failures_of
from wlf.runtime.places import place_of
from wlf.runtime.segment import Column
from wlf.runtime.wake import Bell


class _Sent:
    """Events on their way, and the batches that may be let go once these and all before them have arrived."""

    __slots__ = ("freed", "has_arrived", "on_arrival")

    def __init__(self, freed: list[Ticket], on_arrival: Callable[[], None]) -> None:
        self.freed = freed
        self.has_arrived = False
        self.on_arrival = on_arrival

    def settle(self, count: int) -> None:
        """All of them have arrived."""
        self.has_arrived = True
        self.on_arrival()


class HoldLoop:
    """One stateful transformer in a run."""

    def __init__(
        self, node: Node, transformer: StatefulTransformer, flow: Flow, halt: Halt, around: Surroundings
    ) -> None:
        self.id = node.id
        self._transformer = transformer
        self._flow = flow
        self._halt = halt
        self._clock = around.clock
        self._number = 0
        self._held: deque[tuple[int, Ticket]] = deque()
        self._sent: deque[_Sent] = deque()
        self._turn = asyncio.Lock()
        self._changed = Bell()
        metrics = around.metrics(node.id)
        self._rule = ErrorRule(node.id, transformer, metrics)
        self._pinned = metrics.gauge(
            "wlf_held_batches", "Batches that no position passes, as something of them is kept."
        )

    async def take(self, events: Column, gate: Gate) -> None:
        """Give it the events of a batch.

        Raises:
            ComponentError: it raised, and its `on_error` is stop.
        """
        async with self._turn:
            self._number += 1
            self._held.append((self._number, gate.hold(1)))
            refused: list[DeadLetter] = []
            made = self._call(events, refused)
            if refused:
                await self._flow.send_dead(self.id, tuple(refused), gate.hold(len(refused)))
            await self._send(made)
        self._changed.ring()

    async def run(self) -> None:
        """Flush what is due, until cancelled."""
        try:
            while True:
                due = self._transformer.due_at()
                now = self._clock.monotonic()
                if due is None or due > now:
                    await self._wait(None if due is None else due - now)
                    continue
                await self.flush(now)
        except (Exception, asyncio.CancelledError) as error:
            if is_told_to_end(error):
                raise
            self._halt.fail(self.id, error)

    async def flush(self, now: float | None) -> None:
        """Send what is due, or at the end of input (None) all that is kept."""
        async with self._turn:
            await self._send(self._transformer.flush(now))

    async def _wait(self, seconds: float | None) -> None:
        loop = asyncio.get_running_loop()
        await self._changed.wait_until(None if seconds is None else loop.time() + seconds)

    def _call(self, events: Column, refused: list[DeadLetter]) -> Sequence[Event]:
        try:
            return self._transformer.take(events, self._number)
        except TransformFailed as error:
            failed, made = failures_of(events, error, self.id), list(error.events)
            if not self._rule.passes:
                without = {id(each.event) for each in failed}
                made = [event for event in made if id(event) not in without]
        except Exception as error:
            if self._rule.stops:
                raise ComponentError(
                    f"{describe(self.id, error)} at {place_of(events[0])}", node=self.id, hint=HINT
                ) from error
            made, failed = self._one_by_one(events)
        self._rule.note(failed)
        if self._rule.buries:
            now = self._clock.time()
            refused += [DeadLetter(self.id, each.reason, 1, now, each.event) for each in failed]
        return made

    def _one_by_one(self, events: Column) -> tuple[list[Event], list[Failure]]:
        made: list[Event] = []
        failed: list[Failure] = []
        for event in events:
            try:
                made += self._transformer.take((event,), self._number)
            except Exception as error:  # any error is the event's, unless `on_error` is stop
                failed.append(failure_of(event, error))
                made += (event,) if self._rule.passes else ()
        return made, failed

    async def _send(self, made: Sequence[Event]) -> None:
        since = self._transformer.held_since()
        freed = []
        while self._held and (since is None or self._held[0][0] < since):
            freed.append(self._held.popleft()[1])
        self._pinned.set(len(self._held))
        if not made and not freed:
            return
        sent = _Sent(freed, self._let_go)
        self._sent.append(sent)
        if not made:
            sent.settle(1)
            return
        debt = Debt(sent, len(made))
        await self._flow.push_held(self.id, tuple(made), debt)
        debt.settle(1)

    def _let_go(self) -> None:
        while self._sent and self._sent[0].has_arrived:
            for ticket in self._sent.popleft().freed:
                ticket.settle(1)
