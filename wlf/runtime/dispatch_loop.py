"""The task of one dispatcher: open it, deliver batch after batch, try again, decide about what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from wlf.components.base import Dispatcher, Partial
from wlf.components.config import DispatcherConfig
from wlf.errors import ComponentError
from wlf.events import DeadLetter
from wlf.graph.plan import Node
from wlf.runtime.batch import OutgoingBatch, Unencodable
from wlf.runtime.failures import PASSING, STARTING, after_of, describe, is_told_to_end, reason_of
from wlf.runtime.flow import Flow
from wlf.runtime.halt import Halt
from wlf.runtime.instances import Surroundings
from wlf.runtime.mailbox import Mailbox
from wlf.runtime.places import place_of
from wlf.runtime.retry import Backoff
from wlf.runtime.wake import Bell

SILENCE_SECONDS = 5.0
"""A dispatch that takes longer makes its node not ready, long before `timeout_ms` ends it."""


class _Verdict(NamedTuple):
    """What became of one try, by index; whatever is in neither mapping was delivered."""

    retry: Mapping[int, str]
    rejected: Mapping[int, str]
    after_s: float | None = None
    """How long to wait at least; 0 where the system behind had no part in the failure: no need to back off."""
    formless: Mapping[int, str] = {}
    """What the format has no message for, which is nobody's fault."""


_DELIVERED = _Verdict({}, {})


class DispatchLoop:
    """Delivers what its mailbox holds, in order: a retry ends before the next batch begins."""

    def __init__(
        self, node: Node, dispatcher: Dispatcher, mailbox: Mailbox, flow: Flow, halt: Halt, around: Surroundings
    ) -> None:
        assert isinstance(node.config, DispatcherConfig)
        self.id = node.id
        self.dispatcher = dispatcher
        self.mailbox = mailbox
        self.arrived = Bell()
        self.trouble: str | None = STARTING
        """Why it is not ready; None while all is well."""
        self.flush_trouble: str | None = None
        """Why what it delivered is not durable; None while all is well."""
        self.is_halted = False
        self._asked_at: float | None = None
        """When the dispatch that is under way began, by the monotonic clock."""
        self._config = node.config
        self._policy = node.config.effective_on_error
        self._flow = flow
        self._halt = halt
        self._around = around
        self._logger = around.log(node.id)
        self._turn = asyncio.Lock()
        self._said_formless = False
        self.has_unflushed = False
        """Was something dispatched since the last flush?"""
        metrics = around.metrics(node.id)
        self._metrics = metrics
        self._delivered = metrics.counter("wlf_events_out_total", "Events delivered.")
        self._bytes = metrics.counter("wlf_bytes_out_total", "Payload bytes of delivered events.")
        self._retries = metrics.counter("wlf_retries_total", "Deliveries tried again.")

    def why_not_ready(self) -> str | None:
        """What keeps it from delivering, also a system that just does not answer; None while all is well."""
        asked, now = self._asked_at, self._around.clock.monotonic()
        if self.trouble is None and asked is not None and now - asked > SILENCE_SECONDS:
            return f"no answer for {now - asked:.0f} s"
        return self.trouble or self.flush_trouble

    async def run(self) -> None:
        """Until cancelled, or until something happens that only the user can mend."""
        try:
            await self._open()
            while True:
                await self._deliver(await self._next_batch())
        except (Exception, asyncio.CancelledError) as error:
            # Whatever it is, the other branches must be drained and their cursors stored.
            if is_told_to_end(error):
                raise
            self.is_halted = True
            self.trouble = describe(self.id, error)
            self.mailbox.close()
            self._halt.fail(self.id, error)

    async def _open(self) -> None:
        backoff = Backoff(self._config.retry, self._around.random)
        while True:
            try:
                async with asyncio.timeout(self._config.timeout_ms / 1000):
                    await self.dispatcher.open()
            except PASSING as error:
                self._note_trouble("cannot connect", reason_of(error))
                await asyncio.sleep(max(backoff.next_delay(), after_of(error)))
            else:
                if self.trouble != STARTING:
                    self._logger.info("connected")
                self.trouble = None
                return

    async def _next_batch(self) -> OutgoingBatch:
        loop = asyncio.get_running_loop()
        while True:
            outgoing = self.mailbox.take(loop.time())
            if outgoing is not None:
                return outgoing
            due = self.mailbox.batcher.due_at()
            if due is None:
                await self.arrived.wait()
            else:
                await self.arrived.wait_until(due)

    async def _deliver(self, outgoing: OutgoingBatch) -> None:
        """Until each event is delivered, or refused and dealt with by `on_error`."""
        backoff = Backoff(self._config.retry, self._around.random)
        attempts = 0
        while True:
            attempts += 1
            retry, rejected, after_s, formless = await self._try(outgoing)
            delay = 0.0 if after_s == 0 or not retry else max(backoff.next_delay(), after_s or 0.0)
            if backoff.is_exhausted:
                retry, rejected = {}, {**rejected, **retry}
            self._settle_delivered(outgoing, {**retry, **formless}, rejected)
            if formless:
                self._leave_out(outgoing, formless)
            if rejected:
                await self._refuse(outgoing, rejected, attempts)
            if not retry:
                if self.trouble is not None:
                    self._logger.info("delivers again")
                self.trouble = None
                return
            if len(retry) < len(outgoing):
                outgoing = outgoing.pick(retry)
            if delay:
                self._note_trouble(f"{len(retry)} events to be tried again", next(iter(retry.values())))
                await asyncio.sleep(delay)
            self._retries.add()

    async def _try(self, outgoing: OutgoingBatch) -> _Verdict:
        """One call of `dispatch()`, in as much time as it may take."""
        self._asked_at = self._around.clock.monotonic()
        try:
            async with self._turn, asyncio.timeout(self._config.timeout_ms / 1000):
                # Not before the turn: a flush that is still under way would take it back.
                self.has_unflushed = True
                partial = await self.dispatcher.dispatch(outgoing)
        except Unencodable as error:
            none = error.reasons.keys() | error.formless.keys()
            rest = {index: "not tried yet" for index in range(len(outgoing)) if index not in none}
            return _Verdict(rest, error.reasons, after_s=0, formless=error.formless)
        except PASSING as error:
            # A wait of no time would count as no failed try.
            return _Verdict(dict.fromkeys(range(len(outgoing)), reason_of(error)), {}, after_of(error) or None)
        finally:
            self._asked_at = None
        return _DELIVERED if partial is None else self._checked(partial, len(outgoing))

    def _checked(self, partial: Partial, length: int) -> _Verdict:
        """An index that does not exist would settle an event that was not delivered; what is in both is tried again."""
        if any(not 0 <= index < length for index in (*partial.retry, *partial.rejected)):
            raise ComponentError(f"expected indices from 0 to {length - 1} in Partial, got others", node=self.id)
        rejected = {index: reason for index, reason in partial.rejected.items() if index not in partial.retry}
        return _Verdict(partial.retry, rejected, partial.after_s)

    def _settle_delivered(self, outgoing: OutgoingBatch, retry: Mapping[int, str], rejected: Mapping[int, str]) -> None:
        count = len(outgoing) - len(retry) - len(rejected)
        if not count:
            return
        if retry or rejected:
            outgoing = outgoing.pick(i for i in range(len(outgoing)) if i not in retry and i not in rejected)
        self._delivered.add(count)
        self._bytes.add(outgoing.sent_bytes())
        for part in outgoing.slices:
            self.mailbox.settle(part)

    async def _refuse(self, outgoing: OutgoingBatch, rejected: Mapping[int, str], attempts: int) -> None:
        first = min(rejected)
        place, reason = place_of(outgoing.events[first]), rejected[first]
        if self._policy == "stop":
            raise ComponentError(
                f"refused {place}: {reason}",
                node=self.id,
                hint="`on_error: drop` counts such events, `dead_letter: ID` sends them elsewhere",
            )
        what = "an event" if len(rejected) == 1 else f"{len(rejected)} events, the first"
        self._logger.warning("refused %s %s: %s", what, place, reason)
        refused = outgoing.pick(rejected)
        if self._policy == "drop":
            self._count_dropped(len(rejected), "rejected")
            for part in refused.slices:
                self.mailbox.settle(part)
        else:
            await self._bury(refused, [rejected[index] for index in sorted(rejected)], attempts)

    def _leave_out(self, outgoing: OutgoingBatch, formless: Mapping[int, str]) -> None:
        """Settle events that the format has no message for, as if they had been filtered; said once, counted always."""
        self._count_dropped(len(formless), "no_form")
        if not self._said_formless:
            self._said_formless = True
            reason = formless[min(formless)]
            self._logger.warning("left out: %s (all such are counted with reason no_form)", reason)
        for part in outgoing.pick(formless).slices:
            self.mailbox.settle(part)

    def _count_dropped(self, count: int, reason: str) -> None:
        name, help = "wlf_dropped_events_total", "Events that ended here, by reason."
        self._metrics.counter(name, help, reason=reason).add(count)

    async def _bury(self, refused: OutgoingBatch, reasons: list[str], attempts: int) -> None:
        """Hand the refused events to the dead letters; they settle when these have arrived."""
        now = self._around.clock.time()
        text = iter(reasons)
        for part in refused.slices:
            letters = tuple(DeadLetter(self.id, next(text), attempts, now, event) for event in part.events)
            await self._flow.send_dead(self.id, letters, part.ticket)
            self.mailbox.release(part)

    async def flush(self) -> None:
        """Make durable what was delivered. Raises what the dispatcher's flush() raises, and TimeoutError."""
        if not self.has_unflushed:
            return
        async with self._turn:
            # A dispatch cannot begin before this is over, so nothing slips in between.
            async with asyncio.timeout(self._config.timeout_ms / 1000):
                await self.dispatcher.flush()
            self.has_unflushed = False

    def _note_trouble(self, what: str, reason: str) -> None:
        self.trouble = f"{what}: {reason}"
        self._logger.warning("%s", self.trouble)
