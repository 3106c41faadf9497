"""A plugin's answer as events: each line with the index of the event that it was, in order, each at most once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from operator import eq
from typing import Any

import msgspec

from wlf.components.transformers._wasm.abi import DROP, KEEP, PluginError
from wlf.components.transformers._wasm.forms import Forms, Misfit
from wlf.components.transformers._wasm.values import BAD_JSON, why_bad
from wlf.events import Event

_HINT = "a line that goes on keeps its `_i`; lines stand in the order of their `_i`, each at most once"


class Index(msgspec.Struct):
    """The one thing that is read of a line before it is known what event it is."""

    wlf_index: int = msgspec.field(name="_i")


_indices = msgspec.json.Decoder(Index)


def read_answer(answer: bytes, given: bytes, events: Sequence[Event], forms: Forms) -> Sequence[Event]:
    """The events that go on: the very objects where their lines are as they were, else new ones of the same kind.

    Raises:
        PluginError: a line is no event, or its index is not one of these.
    """
    if answer == given:
        return events
    kinds = set(map(type, events))
    if len(kinds) > 1:
        return _read_mixed(answer, given, events, forms)
    lines, found = match_lines(answer, given)
    news = [number for number, index in enumerate(found) if index < 0]
    read = _decode(lines, news, forms.decoder(kinds.pop()))
    _number(found, news, read)
    _check_order(found, len(events))
    return _restored(found, news, read, events, forms)


def _read_mixed(answer: bytes, given: bytes, events: Sequence[Event], forms: Forms) -> list[Event]:
    """First the indices, which tell what each line has to be."""
    lines, found = index_lines(answer, given, len(events))
    texts = BytesIO(given).readlines()
    news = [number for number, index in enumerate(found) if lines[number] != texts[index]]
    read: list[Any] = []
    for number in news:
        read += _decode(lines, [number], forms.decoder(type(events[found[number]])))
    return _restored(found, news, read, events, forms)


def match_lines(answer: bytes, given: bytes) -> tuple[list[bytes], list[int]]:
    """(lines of the answer, index of each that is just as it was given, -1 for one that is new).

    Raises:
        PluginError: the last line has no end.
    """
    if answer and not answer.endswith(b"\n"):
        raise _refuse("expected a line end behind each line, got none behind the last one")
    lines, givens = BytesIO(answer).readlines(), BytesIO(given).readlines()
    if len(lines) == len(givens):  # none is left out: each can only stand where it stood
        same = list(map(eq, lines, givens))
        return lines, [index if one else -1 for index, one in enumerate(same)] if True in same else [-1] * len(lines)
    known = {line: index for index, line in enumerate(givens)}
    return lines, [known.get(line, -1) for line in lines]


def index_lines(answer: bytes, given: bytes, count: int) -> tuple[list[bytes], list[int]]:
    """(lines of the answer, the index of each), whatever else the lines hold.

    Raises:
        PluginError: an index is missing, not one of the batch, or not behind the one before it.
    """
    lines, found = match_lines(answer, given)
    news = [number for number, index in enumerate(found) if index < 0]
    _number(found, news, _decode(lines, news, _indices))
    _check_order(found, count)
    return lines, found


def read_verdicts(answer: bytes, count: int) -> bytes:
    """The answer of a filter, held against the batch.

    Raises:
        PluginError: there is not one verdict for each line, or one is unknown.
    """
    if len(answer) != count:
        raise _refuse(f"expected {count} verdicts, one byte for each line, got {len(answer)}", "")
    if answer.count(KEEP) + answer.count(DROP) != count:
        unknown = next(verdict for verdict in answer if verdict not in (DROP, KEEP))
        raise _refuse(f"expected the verdicts {DROP} (drop) and {KEEP} (keep), got {unknown}", "")
    return answer


def _decode(lines: Sequence[bytes], news: Sequence[int], decoder: msgspec.json.Decoder[Any]) -> list[Any]:
    """The new lines, in one call; where that fails, which line it is."""
    try:
        read = decoder.decode_lines(b"".join(lines if len(news) == len(lines) else [lines[number] for number in news]))
        if len(read) == len(news):
            return read
    except BAD_JSON:
        pass
    return [_decode_one(lines[number], number, decoder.decode) for number in news]


def _decode_one(line: bytes, number: int, decode: Callable[[bytes], Any]) -> Any:
    try:
        return decode(line)
    except BAD_JSON as error:
        told = why_bad(error)
        hint = (
            "what an event has no field for goes into `attributes` of a log line" if "unknown field" in told else _HINT
        )
        raise _refuse(f"line {number + 1}: {told}", hint) from error


def _number(found: list[int], news: Sequence[int], read: Sequence[Any]) -> None:
    if len(news) == len(found):
        found[:] = [one.wlf_index for one in read]
        return
    for number, one in zip(news, read, strict=True):
        found[number] = one.wlf_index


def _check_order(found: Sequence[int], count: int) -> None:
    if found == sorted(set(found)) and (not found or (found[0] >= 0 and found[-1] < count)):
        return
    before = -1
    for number, index in enumerate(found, 1):
        if not 0 <= index < count:
            raise _refuse(f"line {number}: expected `_i` of 0 to {count - 1}, got {index}")
        if index <= before:
            told = "twice" if index in found[: number - 1] else f"behind {before}"
            raise _refuse(f"line {number}: expected `_i` in rising order, got {index} {told}")
        before = index


def _restored(
    found: Sequence[int], news: Sequence[int], read: Sequence[Any], events: Sequence[Event], forms: Forms
) -> list[Event]:
    kept = [events[index] for index in found]
    if not news:
        return kept
    olds = kept if len(news) == len(kept) else [kept[number] for number in news]
    try:
        made = forms.restore(read, olds)
    except Misfit as error:
        raise _refuse(f"line {news[error.number] + 1}: {error}") from error
    except RecursionError as error:
        raise _refuse(why_bad(error)) from error
    if olds is kept:
        return made
    for number, event in zip(news, made, strict=True):
        kept[number] = event
    return kept


def _refuse(what: str, hint: str = _HINT) -> PluginError:
    return PluginError("output", f"its answer is refused: {what}", hint=hint)
