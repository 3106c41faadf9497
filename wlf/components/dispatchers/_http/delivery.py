"""One batch on its way: cut into requests, and halved where the server refuses, until the event at fault is found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

from wlf.components.base import Outgoing, Partial
from wlf.components.dispatchers._http.answers import Answer, Fate
from wlf.components.dispatchers._http.options import HttpConfig
from wlf.components.dispatchers._http.session import Session
from wlf.events import Event
from wlf.events.formats.lines import encode_one
from wlf.events.identity import identity_of

_SHARE = 0.9
"""Of `timeout_ms`: a dispatch comes to its end here, before the runtime cuts it off and knows nothing."""
_LAST_SHARE = 0.5
"""Of that time: so much must be left for another request to begin."""


class Pace:
    """What the deliveries of one dispatcher have learned: how many events a request holds at most.

    A server that takes long to refuse leaves no time to halve a batch down to one event. The next delivery then begins
    where this one came to.
    """

    def __init__(self) -> None:
        self.max_events: int | None = None


class Delivery:
    """Delivers one batch; `run` is called once for each address, in order."""

    def __init__(
        self, config: HttpConfig, session: Session, pace: Pace, batch: Outgoing, clock: Callable[[], float]
    ) -> None:
        self._config = config
        self._session = session
        self._pace = pace
        self._batch = batch
        self._clock = clock
        self._seconds = config.timeout_ms / 1000 * _SHARE
        self._until = self._clock() + self._seconds
        self._payloads: Sequence[bytes] | None = None
        self._has_begun = False
        self._lost = ""
        """Why no more requests are made."""
        self._untried: dict[int, str] = {}
        self._waits: list[float] = []
        self.retry: dict[int, str] = {}
        self.rejected: dict[int, str] = {}

    async def run(self, url: str, indices: Sequence[int]) -> None:
        """All events of one address, in order. What comes behind one that goes again is not sent before it.

        Raises:
            SetupError: the server is not to be used so.
        """
        waiting = list(self._parts(indices))[::-1]
        while waiting:
            part = waiting.pop()
            if self._lost or self._is_late(part):
                self._put_off((part, *reversed(waiting)))
                return
            answer = await self._send(url, part)
            fate = answer.fate
            if fate is Fate.DELIVERED:
                continue
            if fate is Fate.ALL_REFUSED or (fate is Fate.REFUSED and len(part) == 1):
                self.rejected.update(dict.fromkeys(part, answer.reason))
            elif fate is Fate.REFUSED:
                middle = len(part) // 2
                waiting += (part[middle:], part[:middle])
            else:
                self._again((part, *reversed(waiting)), answer.reason, answer.after_s)
                self._lost = answer.reason if fate is Fate.LOST else ""
                return

    def outcome(self) -> Partial | None:
        """What became of the batch."""
        if not self._untried:
            self._pace.max_events = None
        if not (self.retry or self.rejected or self._untried):
            return None
        after = max(self._waits, default=None)
        if self._untried and not self.retry:
            after = 0.0
        return Partial(self.retry | self._untried, self.rejected, after)

    async def _send(self, url: str, part: Sequence[int]) -> Answer:
        self._has_begun = True
        key = None
        if self._config.idempotency_key:
            key = _key([self._batch.events[index] for index in part])
        return await self._session.send(url, self._body(part), key, self._until - self._clock())

    def _body(self, part: Sequence[int]) -> bytes:
        is_array = self._config.body == "array"
        payloads = self._all_payloads()
        if len(part) < len(payloads):
            payloads = [payloads[index] for index in part]
        return b"[%b]" % b",".join(payloads) if is_array else b"\n".join((*payloads, b""))

    def _all_payloads(self) -> Sequence[bytes]:
        if self._payloads is None:
            self._payloads = self._batch.payloads()
        return self._payloads

    def _parts(self, indices: Sequence[int]) -> Iterator[Sequence[int]]:
        """Runs of events that fit into one request each."""
        most = self._pace.max_events or len(self._batch)
        payloads = self._all_payloads()
        if (
            len(indices) == len(payloads) <= most
            and sum(map(len, payloads)) + len(payloads) <= self._config.max_body_bytes
        ):
            yield indices
            return
        start = size = 0
        for at, index in enumerate(indices):
            more = len(payloads[index]) + 1
            if at > start and (size + more > self._config.max_body_bytes or at - start >= most):
                yield indices[start:at]
                start, size = at, 0
            size += more
        if len(indices) > start:
            yield indices[start:]

    def _is_late(self, part: Sequence[int]) -> bool:
        """Could another request be cut off in the middle?"""
        late = self._has_begun and self._until - self._clock() < self._seconds * _LAST_SHARE
        if late:
            self._pace.max_events = len(part)
        return late

    def _put_off(self, parts: Sequence[Sequence[int]]) -> None:
        if self._lost:
            self._again(parts, self._lost, None)
            return
        for part in parts:
            self._untried.update(dict.fromkeys(part, "not sent yet: the delivery took too long"))

    def _again(self, parts: Sequence[Sequence[int]], reason: str, after_s: float | None) -> None:
        for part in parts:
            self.retry.update(dict.fromkeys(part, reason))
        if after_s is not None:
            self._waits.append(after_s)


def _key(events: Sequence[Event]) -> str | None:
    """64 hexadecimal digits; None where an event has no position, as two could share the key."""
    names = list(map(identity_of, events))
    return None if None in names else hashlib.sha256(encode_one(names)).hexdigest()
