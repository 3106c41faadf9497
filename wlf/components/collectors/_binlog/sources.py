"""Where the decoder's bytes come from: a server's stream, or files one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Protocol

from wlf.binlog import Decoder
from wlf.components.collectors._binlog.files import FileReader
from wlf.components.collectors._binlog.lag import Lag
from wlf.components.collectors._binlog.reader import GRACE_S, StreamReader
from wlf.errors import Retryable

_HEAD_BYTES = 1024
_MISSED_HEARTBEATS = 2.0
_SEEKING_S = 600.0


class Source(Protocol):
    """Brings the bytes that the decoder is to be fed next."""

    async def read(self, at_most_s: float = inf) -> bytes | None:
        """The next bytes, waiting for them; None at the end of input. Raises Retryable where the source is lost.

        b"" after `call()`, and when nothing came for `at_most_s`: there may be other things to do.
        """
        ...

    def call(self) -> None:
        """Have `read()` return soon; belongs to the event loop."""
        ...

    def close(self) -> None:
        """Let go of it; may be called twice."""
        ...


class StreamSource:
    """A server's stream, read by a thread."""

    def __init__(self, reader: StreamReader, heartbeat_ms: int, address: str, lag: Lag) -> None:
        self._reader = reader
        # The reader gives a second more, for the case that it was this machine that slept.
        heartbeats_s = heartbeat_ms * _MISSED_HEARTBEATS / 1000
        self._silence_s = max(heartbeats_s - GRACE_S, heartbeats_s * 0.75)
        self._address = address
        self._lag = lag

    async def read(self, at_most_s: float = inf) -> bytes:
        """The next bytes, see Source; Retryable when the server is gone or silent."""
        chunk = self._reader.take()
        if chunk is not None:
            return chunk
        lag = self._lag
        lag.is_waiting = True
        try:
            # A server that still looks for a GTID sends no heartbeat: giving it up then would never end.
            silence_s = max(_SEEKING_S, self._silence_s) if lag.is_seeking else self._silence_s
            return await self._reader.read(silence_s, at_most_s)
        except ConnectionError as error:
            raise Retryable(f"{self._address}: {error}") from error

    def call(self) -> None:
        """See Source."""
        self._reader.call()

    def send(self, packet: bytes) -> None:
        """Send something to the server when the thread comes to it."""
        self._reader.send(packet)

    def close(self) -> None:
        """End the thread and the connection."""
        self._reader.close()


class FileSource:
    """Files one after the other; tells the decoder where each begins and ends."""

    def __init__(self, files: Sequence[Path], offset: int, decoder: Decoder) -> None:
        self._left = list(files)
        self._offset = offset
        self._decoder = decoder
        self._reader: FileReader | None = None

    async def read(self, at_most_s: float = inf) -> bytes | None:
        """The next bytes of this file or the next one.

        Raises:
            SetupError: a file cannot be read.
            DecodeError: a file is none of a binlog, or is cut off.
        """
        while self._reader is not None or self._left:
            reader = self._reader = self._reader or self._open(self._left.pop(0))
            chunk = await asyncio.to_thread(reader.read)
            if chunk:
                return chunk
            self._decoder.end_file()
            self.close()
        return None

    def call(self) -> None:
        """It never waits for long."""

    def _open(self, path: Path) -> FileReader:
        reader = FileReader(path)
        try:
            head = reader.read(_HEAD_BYTES)
            self._decoder.open_file(path.name, head, self._offset)
        except BaseException:
            reader.close()
            raise
        reader.offset, self._offset = self._offset, 4
        return reader

    def close(self) -> None:
        """Close the open file."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
