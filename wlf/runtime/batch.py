"""What moves through the runtime: a batch of events, and the slices of it in which events are delivered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple, Protocol

from wlf.errors import WlfError
from wlf.events import Event
from wlf.events.codec import FORMATS, TEXTS, NoForm, join_payloads, split_text
from wlf.runtime.weight import PayloadSizes, weigh


class Ticket(Protocol):
    """Who must hear that events are delivered: a tracker's entry, or what a dead letter owes its sender."""

    def settle(self, count: int) -> None:
        """`count` events more are delivered, dropped by rule, or taken by the dead-letter dispatcher."""
        ...


class Unencodable(WlfError):
    """Some events of a batch have no payload.

    Args:
        reasons: why those that are broken cannot be encoded, by index.
        formless: why the format has nothing for others, by index: these are left out, and counted.
    """

    def __init__(self, reasons: dict[int, str], formless: dict[int, str] | None = None) -> None:
        self.reasons = reasons
        self.formless = formless or {}
        super().__init__(f"{len(reasons) + len(self.formless)} events cannot be encoded")


class Batch:
    """An immutable list of events, shared by all dispatchers that get it whole, and encoded once for them."""

    __slots__ = ("_columns", "_encoded", "_estimates", "_heap", "_sizes", "_texts", "events", "number")

    def __init__(self, events: tuple[Event, ...], number: int = 0) -> None:
        self.events = events
        self.number = number
        self._heap, self._encoded = weigh(events, number)
        self._estimates: dict[str, int] = {}
        self._columns: dict[str, list[bytes] | None] = {}
        self._sizes: dict[str, int] = {}
        self._texts: dict[str, bytes] = {}
        """Columns that are still in one piece."""

    def encoded_bytes(self, format: str) -> int:
        """Estimated payload bytes; the same whenever it is asked."""
        found = self._estimates.get(format)
        if found is None:
            found = self._estimates[format] = _sizes.estimate(format, self._encoded)
        return found

    def weight_bytes(self, format: str) -> int:
        """Estimated memory of the events and their payloads."""
        return self._heap + (self._estimates.get(format) or self.encoded_bytes(format))

    def __len__(self) -> int:
        return len(self.events)

    def payloads(self, format: str, start: int, stop: int) -> list[bytes]:
        """The payloads of a part, cut from the column of the whole.

        Raises:
            Unencodable: with indices that count from `start`.
        """
        if format not in self._columns:
            self._columns[format] = self._encode(format)
        column = self._columns[format]
        if column is None:
            return _encode_one_by_one(self.events[start:stop], format)
        return column if stop - start == len(column) else column[start:stop]

    def text(self, format: str, start: int, stop: int) -> bytes | None:
        """The payloads of the whole in one piece; None for a part, and where single ones are there or must be made."""
        if stop - start != len(self.events) or format not in TEXTS or format in self._columns:
            return None
        found = self._texts.get(format)
        if found is None:
            try:
                found = self._texts[format] = TEXTS[format](self.events)
            except Exception:  # as below
                return None
            self._note_size(format, len(found) - len(self.events))
        return found

    def _encode(self, format: str) -> list[bytes] | None:
        """The whole column; None where an event in it cannot be encoded: then each part is encoded by itself."""
        text = self._texts.pop(format, None)
        if text is not None:
            return split_text(text)
        try:
            column = FORMATS[format](self.events)
        except Exception:  # whatever the encoder finds: the parts say which event and why
            return None
        self._note_size(format, sum(map(len, column)))
        return column

    def _note_size(self, format: str, size: int) -> None:
        self._sizes[format] = size
        _sizes.note(format, self._encoded, len(self.events), size)

    def sent_bytes(self, format: str, start: int, stop: int) -> int:
        """Payload bytes of a part, in proportion; 0 where this format was never asked for."""
        return self._sizes.get(format, 0) * (stop - start) // len(self.events)

    def weight_of(self, start: int, stop: int, format: str) -> int:
        """The part's share of the weight; the shares of all parts add up exactly."""
        return _share(self.weight_bytes(format), start, stop, len(self.events))

    def encoded_of(self, start: int, stop: int, format: str) -> int:
        """The part's share of the estimated payload bytes."""
        return _share(self.encoded_bytes(format), start, stop, len(self.events))


_sizes = PayloadSizes()


def _share(whole: int, start: int, stop: int, count: int) -> int:
    return whole if stop - start == count else whole * stop // count - whole * start // count


def _encode_one_by_one(events: Sequence[Event], format: str) -> list[bytes]:
    encode, column = FORMATS[format], list[bytes]()
    reasons: dict[int, str] = {}
    formless: dict[int, str] = {}
    for index, event in enumerate(events):
        try:
            column += encode((event,))
        except NoForm as error:
            formless[index] = str(error)
        except Exception as error:  # a poison event of whatever sort is refused, not a reason to stop the others
            reasons[index] = f"cannot be encoded as {format}: {type(error).__name__}"
    if reasons or formless:
        raise Unencodable(reasons, formless)
    return column


class Slice(NamedTuple):
    """A run of a batch's events on their way to one dispatcher: the unit of settlement."""

    batch: Batch
    start: int
    stop: int
    ticket: Ticket

    @property
    def length(self) -> int:
        """How many events."""
        return self.stop - self.start

    @property
    def events(self) -> tuple[Event, ...]:
        """The events; the batch's own tuple where it is taken whole."""
        return self.batch.events[self.start : self.stop]


class OutgoingBatch:
    """Slices put together for one `dispatch()`; what is left of it after a partial delivery is another one."""

    __slots__ = ("_events", "_length", "format", "slices")

    def __init__(self, slices: Sequence[Slice], format: str) -> None:
        self.slices = tuple(slices)
        self.format = format
        self._length = sum(part.stop - part.start for part in self.slices)
        self._events: tuple[Event, ...] | None = None

    def __len__(self) -> int:
        return self._length

    @property
    def events(self) -> tuple[Event, ...]:
        """The events, in order; the very tuple that the segment made where that is all there is."""
        if self._events is None:
            parts = [part.events for part in self.slices]
            self._events = parts[0] if len(parts) == 1 else tuple(chain.from_iterable(parts))
        return self._events

    def payloads(self) -> list[bytes]:
        """The events in the dispatcher's format.

        Raises:
            Unencodable: some have none; the runtime deals with these and hands the others out again.
        """
        parts, first = [], 0
        reasons: dict[int, str] = {}
        formless: dict[int, str] = {}
        for batch, start, stop, _ in self.slices:
            try:
                parts.append(batch.payloads(self.format, start, stop))
            except Unencodable as error:
                reasons.update({first + index: reason for index, reason in error.reasons.items()})
                formless.update({first + index: reason for index, reason in error.formless.items()})
            first += stop - start
        if reasons or formless:
            raise Unencodable(reasons, formless)
        return parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))

    def text(self) -> bytes:
        """The events in the dispatcher's format in one piece, with a line end behind each where they are texts.

        Raises:
            Unencodable: as `payloads()`.
        """
        parts = []
        for batch, start, stop, _ in self.slices:
            part = batch.text(self.format, start, stop)
            if part is None:
                return join_payloads(self.format, self.payloads())
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def sent_bytes(self) -> int:
        """The payload bytes of it, as far as they were asked for."""
        return sum(part.batch.sent_bytes(self.format, part.start, part.stop) for part in self.slices)

    def pick(self, indices: Iterable[int]) -> OutgoingBatch:
        """The events at these indices, in order, as slices of the same batches."""
        chosen = iter(sorted(indices))
        slices: list[Slice] = []
        index = next(chosen, None)
        first = 0
        for batch, start, stop, ticket in self.slices:
            begin = end = -1
            while index is not None and index < first + stop - start:
                at = start + index - first
                if at != end:
                    if begin >= 0:
                        slices.append(Slice(batch, begin, end, ticket))
                    begin = at
                end = at + 1
                index = next(chosen, None)
            if begin >= 0:
                slices.append(Slice(batch, begin, end, ticket))
            first += stop - start
        return OutgoingBatch(slices, self.format)
