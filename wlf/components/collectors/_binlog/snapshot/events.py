"""Rows of a snapshot to events, with the fields that the stream's events have."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import count, repeat
from typing import Any

from msgspec import UNSET

from wlf.components.collectors._binlog.options import OutputOptions
from wlf.components.collectors._binlog.snapshot.reader import Piece
from wlf.events.rows import Place, Placed, RowSnapshot

TYPE = "bootstrap-insert"

_put = Placed.__dict__["place"].__set__


class SnapshotEvents:
    """Makes the events; `server` and `server_id` name the server that was asked."""

    def __init__(self, output: OutputOptions, server: str, server_id: int) -> None:
        self._output = output
        self._server = server
        self._server_id = server_id

    def of(self, piece: Piece, rows: Sequence[Any], now: float) -> list[RowSnapshot]:
        """An event for each row; `now` is the time they are made, Unix seconds.

        Each has a place of its own: the high watermark, and the row's number in the copy of its table.
        """
        output, version, (file, offset) = self._output, piece.version, piece.high
        position = f"{file}:{offset}" if output.position else UNSET
        server_id = self._server_id if output.server_id else UNSET
        comment = UNSET if piece.progress.comment is None else piece.progress.comment
        has_key = version.key is not None
        names = tuple(version.columns[index] for index in version.primary_key)
        head = (version.database, version.table, TYPE, piece.ts, UNSET, UNSET, UNSET, UNSET, position, UNSET)
        extra = (server_id, UNSET, now if output.push_ts else UNSET, comment)
        keys: Iterable[Any] = repeat(UNSET)
        if output.primary_key and version.key is not None:
            keys = map(version.key, rows)
        key_names = names if output.primary_key_columns and has_key else UNSET
        fields: list[Iterable[Any]] = [*map(repeat, head), *map(repeat, extra), keys, repeat(key_names), rows]
        make: Any = RowSnapshot
        events = list(map(make, *fields))
        first = piece.progress.rows - len(piece.rows) + 1
        places = map(Place, *map(repeat, (self._server, file, offset, piece.ts, None, 0)), count(first))
        deque(map(_put, events, places), maxlen=0)
        return events
