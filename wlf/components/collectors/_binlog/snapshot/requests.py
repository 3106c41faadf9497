"""Snapshots that were asked for with `wlf snapshot`: left in the pipeline's state, found by its collector."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

import msgspec

PREFIX = "request/"


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """Copy these tables anew.

    Args:
        tables: globs `database.table`.
        comment: goes into the events.
    """

    tables: tuple[str, ...]
    comment: str | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Request)


def written(tables: Sequence[str], comment: str | None) -> dict[str, bytes]:
    """What is to be left in the collector's state."""
    return {f"{PREFIX}{uuid.uuid4().hex}": _encoder.encode(Request(tuple(tables), comment))}


def found(state: Mapping[str, bytes]) -> dict[str, Request | None]:
    """Requests by the name of their run; None for what cannot be read."""
    requests: dict[str, Request | None] = {}
    for name, value in state.items():
        try:
            requests[name.removeprefix(PREFIX)] = _decoder.decode(value)
        except msgspec.DecodeError:
            requests[name.removeprefix(PREFIX)] = None
    return requests
