"""One table's copy on the event loop: has chunks read by a thread, and offers each until it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, TypeVar

from msgspec import structs

from wlf.components.collectors._binlog.snapshot.keyset import key_of_row
from wlf.components.collectors._binlog.snapshot.progress import Progress
from wlf.components.collectors._binlog.snapshot.reader import Again, Missing, Piece, Shape, TableReader
from wlf.components.collectors._binlog.snapshot.rowset import fields_of
from wlf.components.collectors._binlog.snapshot.watermarks import Spot, is_behind
from wlf.components.collectors._binlog.snapshot.whole import WholeReader
from wlf.components.collectors._binlog.snapshot.window import KeyedWindow, Watch, WholeWindow
from wlf.errors import Retryable

_TRIES = 60
_TRIES_TOLD = 3
"""Whoever holds a table locked should hear of it before the last try."""
_MAX_RESTARTS = 5
_REREADS = 3
"""So often in a row what changed meanwhile is read once more, as servers do not log all that a statement changes (some
leave out defaults and virtual columns); rows that still change are completed by what the stream brings of them."""
_MAX_REREADS = 30
"""After that, rows that cannot be completed are left to the stream: no load of writes may keep a copy from its end."""
_PAUSE_S = 0.05
_MAX_PAUSE_S = 1.0

Result = TypeVar("Result")


class Taken(NamedTuple):
    """What goes on of a chunk."""

    piece: Piece
    rows: list[Any]
    progress: Progress | None
    """The progress that its positions say; None: more of this chunk is to come."""
    until: Progress
    """Behind all its rows."""
    given_up: int = 0
    """Rows that are left out and not read again."""


class Copy:
    """See the module.

    Args:
        progress: where to go on.
        watch: where its windows are opened.
        pool: threads for its reading.
        turn: held by a table that is read in one piece: one at a time, while the stream is held.
        wake: called when there is something to take.
        mark: called before the end of a copy in one piece is handed out, see `marks`.
    """

    def __init__(
        self,
        progress: Progress,
        reader: TableReader,
        whole: Callable[[], WholeReader],
        watch: Watch,
        pool: ThreadPoolExecutor,
        turn: asyncio.Lock,
        wake: Callable[[], None],
        mark: Callable[[Progress], Awaitable[None]],
    ) -> None:
        self.progress = progress
        self.error: BaseException | None = None
        self.notes: list[str] = []
        """What the user must be told."""
        self.holds_at: Spot | None = None
        """The stream must not go on from here."""
        self.is_holding = False
        self.is_gone = False
        """The table is not there any more; its progress, which says done, was in no batch yet."""
        self._reader = reader
        self._make_whole = whole
        self._whole: WholeReader | None = None
        self._watch = watch
        self._pool = pool
        self._turn = turn
        self._wake = wake
        self._mark = mark
        self._table = progress.database, progress.table
        self._offer: tuple[Piece, KeyedWindow | WholeWindow] | None = None
        self._again: list[tuple[str, ...]] = []
        self._is_last = False
        """The rows of `_again` are the last ones."""
        self._tries = 0
        self._restarts = 0
        self._rereads = 0
        self._window: KeyedWindow | None = None
        self._waiting: WholeWindow | None = None
        """Of a try that found the table locked: it knows what the stream has brought to the sink since then."""
        self._is_taken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read."""
        self._task = asyncio.create_task(self._run(), name=f"snapshot of {self.progress.name}")

    async def _run(self) -> None:
        try:
            while not self.progress.done:
                await self._step()
        except Missing:
            self._give_up()
        except Exception as error:
            self.error = error
        finally:
            self._watch.close(self._table)
            self._reader.drop()
            self._wake()

    async def _step(self) -> None:
        try:
            shape = self._reader.shape or await self._look()
            if shape.key is not None:
                self._watch.release(self._table)
            if shape.key is None:
                async with self._turn:
                    await self._in_one_piece(shape)
            else:
                await self._chunk()
        except Again as error:
            self._tries += 1
            if self._tries > _TRIES:
                raise Retryable(f"cannot copy {self.progress.name}: {_why(error)}") from error
            if self._tries == _TRIES_TOLD:
                self.notes.append(f"{self.progress.name} cannot be read for now, and is tried again: {_why(error)}")
                self._wake()
            await asyncio.sleep(min(_PAUSE_S * self._tries, _MAX_PAUSE_S))
        else:
            self._tries = 0

    async def _look(self) -> Shape:
        shape, self.progress = await self._call(self._reader.look, self.progress, self._watch.floor)
        if not self.progress.last:
            self._again, self._is_last, self._rereads = [], False, 0
        return shape

    async def _chunk(self) -> None:
        window = self._window
        if window is None:
            window = self._open_window()
        piece = await self._call(self._reader.chunk, self.progress, window, self._watch.floor, self._again)
        await self._offered(piece, window)

    async def _in_one_piece(self, shape: Shape) -> None:
        window = self._waiting
        if window is None or window.is_void:
            window = self._waiting = WholeWindow()
        self._watch.open(self._table, window)
        self._whole = whole = self._make_whole()
        try:
            self.progress = self.progress.anew()
            self._reader.shape = None  # another try looks at the table anew
            self.holds_at = await self._call(whole.begin, shape, window, self._watch.floor)
            self._waiting = None
            if not whole.is_exact:
                self.notes.append(
                    f"{self.progress.name} has no key and may not be locked: rows that change as its copy begins may "
                    "come twice (GRANT LOCK TABLES ON the table TO the account, or give it a primary key)"
                )
            self._wake()
            while not self.progress.done:
                piece = await self._call(whole.piece, shape, self.progress)
                if piece.progress.done:
                    await self._mark(piece.progress)
                await self._offered(piece, window)
                if window.is_void:
                    raise Again
        finally:
            self.holds_at, self.is_holding, self._whole = None, False, None
            self._wake()  # the stream may go on
            whole.close()  # at once: the view holds off whoever would alter the table

    async def _offered(self, piece: Piece, window: KeyedWindow | WholeWindow) -> None:
        self._is_taken.clear()
        self._offer = piece, window
        self._wake()
        await self._is_taken.wait()

    def take(self, at: Spot) -> Taken | None:
        """The chunk that waits, if the stream stands between two transactions at or behind its high watermark."""
        if self.holds_at is not None and not is_behind(self.holds_at, at):
            self.is_holding = True
        if self._offer is None or is_behind(self._offer[0].high, at):
            return None
        piece, window = self._offer
        self._offer = None
        self._is_taken.set()
        if window.is_void:
            self._reader.shape = self._window = None
            return None
        if isinstance(window, WholeWindow):
            return self._take_whole(piece, window)
        if window.has_moved and self._restarts < _MAX_RESTARTS:
            self._restart()
            return None
        # At once: no change may fall between two windows.
        self._open_window()
        return self._take_keyed(piece, window)

    def _open_window(self) -> KeyedWindow:
        self._window = window = KeyedWindow(self.progress.key)
        self._watch.open(self._table, window)
        return window

    def _restart(self) -> None:
        """Begin the table anew; not for ever, as keys may change all the time."""
        self._restarts += 1
        self.progress = self.progress.anew()
        self._reader.shape = self._window = None
        text = f"{self.progress.name} is copied anew: a row got another key, and was logged without all its columns"
        if self._restarts == _MAX_RESTARTS:
            text += "; the next time it may come incomplete (SET GLOBAL binlog_row_image = FULL)"
        self.notes.append(text)

    def _take_keyed(self, piece: Piece, window: KeyedWindow) -> Taken:
        rows, again = window.split(piece.rows, piece.keys, completes=self._rereads >= _REREADS)
        self._is_last = piece.progress.done or (self._is_last and bool(self._again))
        self._rereads = self._rereads + 1 if again else 0
        given_up = len(again) if self._rereads > _MAX_REREADS else 0
        if given_up:
            again, self._rereads = [], 0
            self._tell_given_up(given_up)
        shape, wanted = self._reader.shape, set(again)
        self._again = []
        if shape is not None:
            read = zip(piece.raw, piece.keys, strict=True)
            self._again = [key_of_row(shape.table, fields_of(raw)) for raw, key in read if key in wanted]
        self.progress = structs.replace(piece.progress, done=self._is_last and not self._again)
        return Taken(piece, rows, None if self._again else self.progress, self.progress, given_up)

    def _tell_given_up(self, rows: int) -> None:
        self.notes.append(
            f"{rows:,} row(s) of {self.progress.name} changed each time they were read, so only the stream has them, "
            "maybe incomplete: their keys change hands while they are logged in part (SET GLOBAL binlog_row_image = "
            "FULL), or hold dates with zeros"
        )

    def _take_whole(self, piece: Piece, window: WholeWindow) -> Taken:
        self.progress = piece.progress
        return Taken(piece, window.keep(piece.rows), piece.progress if piece.progress.done else None, self.progress)

    def _give_up(self) -> None:
        self.notes.append(
            f"{self.progress.name} is gone, dropped or renamed, after {self.progress.rows:,} of its rows were copied: "
            "if it has another name now, ask for a snapshot of that"
        )
        self.progress = structs.replace(self.progress, done=True)
        self.is_gone = True

    async def _call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(function, *arguments))

    async def close(self) -> None:
        """End the reading, also in the middle of a chunk."""
        self._reader.abort()
        whole = self._whole
        if whole is not None:
            whole.abort()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._reader.drop()


def _why(again: Again) -> str:
    cause = again.__cause__
    if cause is None:
        return "the table keeps changing"
    text = f"{cause.args[1]} ({cause.args[0]})" if len(cause.args) > 1 else str(cause)
    return f"{text}; see SHOW PROCESSLIST and XA RECOVER for what holds it"
