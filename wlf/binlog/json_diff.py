"""Partial updates of JSON documents: the changes that PARTIAL_UPDATE_ROWS logs in place of a whole new document.

Source: the server writes them in `Json_diff::write_binary` and paths in `Json_path::to_string`.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import msgspec

from wlf.binlog.json import MAX_DEPTH, decode_json
from wlf.binlog.wire import lenenc_bytes
from wlf.errors import DecodeError

_REPLACE, _INSERT, _REMOVE = 0, 1, 2
_LEG = re.compile(r'\.("(?:[^"\\]|\\.)*")|\.([^.\["]+)|\[(?:(last)(?:-(\d{1,9}))?|(\d{1,9}))\]', re.DOTALL)

Leg: TypeAlias = str | int
"""A member's name or an element's index; `[last]` is -1, as in Python."""


def apply_diffs(document: bytes, diffs: bytes) -> Any:
    """The document, as the row before has it, after all changes, in order.

    Raises:
        DecodeError: the bytes are no document and changes, or a change does not fit the document.
    """
    root = [decode_json(document)]  # so that the document itself has a place that holds it
    grown: dict[int, dict[str, Any]] = {}
    at = 0
    while at < len(diffs):
        kind = diffs[at]
        path, at = lenenc_bytes(diffs, at + 1)
        value = None
        if kind != _REMOVE:
            raw, at = lenenc_bytes(diffs, at)
            value = decode_json(raw)
        _apply(root, kind, _legs(path), value, grown)
    for members in grown.values():
        # The server keeps them in this order.
        ordered = sorted(members.items(), key=_order)
        members.clear()
        members.update(ordered)
    return root[0]


def _legs(path: bytes) -> list[Leg]:
    """The steps of `$.a."b c"[0]`."""
    text = path.decode("utf-8", "replace")
    legs: list[Leg] = []
    at = 1
    while at < len(text):
        found = _LEG.match(text, at)
        if found is None or len(legs) > MAX_DEPTH:
            break
        quoted, name, last, from_last, index = found.groups()
        try:
            if name or quoted:
                legs.append(name or msgspec.json.decode(quoted, type=str))
            else:
                legs.append(-1 - int(from_last or 0) if last else int(index))
        except msgspec.DecodeError:
            break
        at = found.end()
    if text[:1] != "$" or at < len(text):
        raise DecodeError("expected the path of a JSON change, got other text")
    return legs


def _apply(root: list[Any], kind: int, legs: list[Leg], value: Any, grown: dict[int, dict[str, Any]]) -> None:
    """One change; objects that it adds a member to get into `grown`."""
    holder: Any = root
    last: Leg = 0
    for leg in legs:
        holder = _member(holder, last)
        last = leg
    if kind == _INSERT and legs:
        _insert(holder, last, value)
        if isinstance(holder, dict):
            grown[id(holder)] = holder
        return
    _member(holder, last)
    if kind == _REPLACE:
        holder[last] = value
    elif kind == _REMOVE and legs:
        del holder[last]
    else:
        raise DecodeError(f"expected a JSON change that replaces, inserts or removes, got {kind}")


def _member(holder: Any, leg: Leg) -> Any:
    if isinstance(holder, dict) and isinstance(leg, str) and leg in holder:
        return holder[leg]
    if isinstance(holder, list) and isinstance(leg, int) and -len(holder) <= leg < len(holder):
        return holder[leg]
    raise _misfit()


def _insert(holder: Any, leg: Leg, value: Any) -> None:
    if isinstance(holder, list) and isinstance(leg, int):
        holder.insert(leg, value)
        return
    if not isinstance(holder, dict) or not isinstance(leg, str) or leg in holder:
        raise _misfit()
    holder[leg] = value


def _order(member: tuple[str, Any]) -> tuple[int, bytes]:
    raw = member[0].encode("utf-8", "surrogatepass")
    return len(raw), raw


def _misfit() -> DecodeError:
    return DecodeError("expected a JSON change to fit the document that the row had before, got another path")
