"""Reads the log of one container, from where it stands to its end, a chunk whenever the last one was taken."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from wlf.components.collectors._docker.container import MARGIN_SECONDS, Followed, Mark
from wlf.components.collectors._docker.engine import NEVER, Broken, Engine, Gone, Unreadable
from wlf.components.collectors._docker.frames import STDERR, Framed, Terminal
from wlf.components.collectors._docker.moments import BEGINNING, as_parameter, earlier, normal
from wlf.components.collectors._docker.tally import Tally

READ_AT_ONCE, ASKED_AT_ONCE = 8, 16
"""How many ended containers are read at a time, and how many are asked about."""
FIRST_DELAY_SECONDS, LAST_DELAY_SECONDS = 0.1, 5.0
"""How long to wait before a stream that broke off is opened again."""
CLOCK_SECONDS = 1.0
"""What the Engine's clock and ours may differ by without one of them being set."""


class Reader:
    """What all readers of a session share.

    Args:
        engine_time: what the Engine's clock says now, in normal form.
        hand_over: takes a chunk and what stands behind it; returns when that was looked at.
        refused: is told of each log that cannot be read.
        has_end: is only what is there now to be read?
    """

    def __init__(
        self,
        engine: Engine,
        engine_time: Callable[[], str],
        hand_over: Callable[[Followed, bytes, Mark], Awaitable[None]],
        refused: Callable[[Followed, Unreadable], None],
        tally: Tally,
        logger: logging.Logger,
        *,
        has_end: bool,
    ) -> None:
        self._reads = asyncio.Semaphore(READ_AT_ONCE)
        self._questions = asyncio.Semaphore(ASKED_AT_ONCE)
        self._engine = engine
        self._engine_time = engine_time
        self._hand_over = hand_over
        self._refused = refused
        self._tally = tally
        self._logger = logger
        self._has_end = has_end
        self._open_count = 0

    async def read(self, followed: Followed, inspected: Mapping[str, Any]) -> None:
        """Until the container ended and all is read, or it is gone. Raises Retryable where the Engine is."""
        delay = FIRST_DELAY_SECONDS
        try:
            while True:
                is_running, ended = _life(inspected)
                if not is_running and ended in ("", followed.ended):
                    return await self._hand_over(followed, b"", Mark.OVER)
                try:
                    is_read = await self._read_once(followed, inspected, is_running=is_running)
                    delay = FIRST_DELAY_SECONDS
                except Broken as broken:
                    self._tally.broken.add()
                    await asyncio.sleep(delay)
                    delay = min(2 * delay, LAST_DELAY_SECONDS)
                    inspected = await self.inspect(followed.id)
                    # Said only now: an Engine that is gone would say it of each container.
                    self._logger.warning("%s: the log broke off: %s", followed.container.name, broken)
                    continue
                if is_read:
                    followed.ended = ended
                if is_read and self._has_end:
                    return await self._hand_over(followed, b"", Mark.LEFT if is_running else Mark.OVER)
                inspected = await self.inspect(followed.id)
        except Gone:
            return await self._hand_over(followed, b"", Mark.GONE)
        except Unreadable as unreadable:
            self._refused(followed, unreadable)
            return await self._hand_over(followed, b"", Mark.LEFT)

    async def inspect(self, id: str) -> Mapping[str, Any]:
        """Everything about a container. Raises Gone and Retryable."""
        async with self._questions:
            return await self._engine.inspect(id)

    async def _read_once(self, followed: Followed, inspected: Mapping[str, Any], *, is_running: bool) -> bool:
        """One log stream to its end; is all read that the container wrote until now, and will it write no more?"""
        has_terminal = bool(inspected["Config"].get("Tty"))
        if is_running and not self._has_end:
            began = asyncio.get_running_loop().time()
            await self._stream(followed, has_terminal=has_terminal, follow=True)
            if asyncio.get_running_loop().time() - began < FIRST_DELAY_SECONDS:
                await asyncio.sleep(FIRST_DELAY_SECONDS)  # Engines are known to end a stream for no reason
            return False
        async with self._reads:
            await self._stream(followed, has_terminal=has_terminal, follow=False)
        return followed.fell_to is None

    async def _stream(self, followed: Followed, *, has_terminal: bool, follow: bool) -> None:
        since = followed.asks_since()
        are_there: tuple[bool | None, bool | None] = (None, None)
        was_set_back = followed.since > earlier(self._engine_time(), -CLOCK_SECONDS) or followed.has_peaks
        if was_set_back:
            since = BEGINNING
        elif followed.fell_to is not None:
            since = min(since, earlier(followed.fell_to, MARGIN_SECONDS))
        if was_set_back or followed.fell_to is not None:
            are_there = await self._look_for(followed, since, has_terminal=has_terminal)
        followed.reread(since, are_there)
        followed.begin(has_terminal=has_terminal, is_podman=self._engine.is_podman)
        async with self._engine.log(followed.id, as_parameter(since), follow=follow) as chunks:
            self._count_open(1)
            try:
                await self._pass_on(followed, chunks)
            finally:
                self._count_open(-1)

    async def _pass_on(self, followed: Followed, chunks: AsyncIterator[bytes]) -> None:
        async for chunk in chunks:
            await self._hand_over(followed, chunk, Mark.MORE)
            if followed.fell_to is not None:
                return
        await self._hand_over(followed, b"", Mark.END_OF_LOG)

    async def _look_for(self, followed: Followed, since: str, *, has_terminal: bool) -> tuple[bool | None, bool | None]:
        """Are the records that were read last still in the log? Where times fall only that tells what is new."""
        frames = Terminal() if has_terminal else Framed()
        seen = [0, 0]
        async with self._engine.log(followed.id, as_parameter(since), follow=False) as chunks:
            async for chunk in chunks:
                for kind, content in frames.feed(chunk):
                    number = int(kind == STDERR)
                    seen[number] += _time_of(content) == followed.streams[number].time
        first, second = (
            None if stream.time == BEGINNING or stream.time < since else seen[number] >= max(stream.count, 1)
            for number, stream in enumerate(followed.streams)
        )
        return first, second

    def _count_open(self, change: int) -> None:
        self._open_count += change
        self._tally.opened.set(self._open_count)


def _life(inspected: Mapping[str, Any]) -> tuple[bool, str]:
    """Does it run? Else when it ended, "" where it was never started."""
    state = inspected["State"]
    if state.get("Running"):
        return True, ""
    started, ended = ("" if state.get(name) == NEVER else state.get(name) or "" for name in ("StartedAt", "FinishedAt"))
    return False, str(ended or started) if started else ""


def _time_of(content: bytes) -> str:
    try:
        return normal(content[: content.find(b" ", 0, 40)].decode("ascii"))
    except ValueError:
        return BEGINNING
