"""Events to standard output, one line each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
import threading
from collections.abc import Callable

from wlf.components.base import Context, Dispatcher, Outgoing
from wlf.components.config import DispatcherConfig
from wlf.errors import SetupError


class StdoutConfig(DispatcherConfig, frozen=True, kw_only=True):
    """Options of Stdout."""


class StdoutDispatcher(Dispatcher):
    """Writes lines of JSON in any format, or MessagePack maps back to back, to standard output; has no buffer.

    A reader that goes away (`wlf run ... | head`) ends the run; a reader that pauses holds up this dispatcher alone.
    """

    type_name = "Stdout"
    Config = StdoutConfig
    guarantee = "at least once, up to the pipe or terminal: what its reader does with a line is not known"

    def __init__(self, config: StdoutConfig, context: Context) -> None:
        super().__init__(config, context)
        self._fd = -1
        self._unfinished: tuple[bytes, asyncio.Future[None]] | None = None

    async def open(self) -> None:
        """Find the file descriptor. Raises SetupError where standard output is closed."""
        try:
            sys.stdout.flush()
            self._fd = sys.stdout.fileno()
        except (AttributeError, OSError, ValueError) as error:
            raise SetupError("standard output is closed") from error

    async def dispatch(self, batch: Outgoing) -> None:
        """Write all lines of the batch. Raises SetupError when nobody reads any more."""
        try:
            await self._write(batch.text())
        except OSError as error:
            raise SetupError(f"standard output cannot be written: {error.strerror}") from error

    async def _write(self, lines: bytes) -> None:
        """Write in a thread: a pipe that is full must not stop the other dispatchers.

        A dispatch that timed out leaves its write behind; the retry waits for that one instead of printing twice.
        """
        if self._unfinished is not None and await self._finish() == lines:
            return
        self._unfinished = lines, _in_daemon_thread(lambda: _write_all(self._fd, lines))
        await self._finish()

    async def _finish(self) -> bytes:
        """Wait for the write under way, without taking it down when the wait is cancelled; what it wrote."""
        assert self._unfinished is not None
        lines, write = self._unfinished
        await asyncio.wait((write,))
        self._unfinished = None
        write.result()
        return lines


def _write_all(fd: int, lines: bytes) -> None:
    view = memoryview(lines)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:  # whoever started wlf made the pipe non-blocking
            select.select((), (fd,), ())


def _in_daemon_thread(work: Callable[[], None]) -> asyncio.Future[None]:
    """Run `work` in a thread that never keeps the process alive, unlike those of the loop's executor."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: OSError | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        failure: OSError | None = None
        try:
            work()
        except OSError as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, failure)

    threading.Thread(target=run, name="wlf-stdout", daemon=True).start()
    return done
