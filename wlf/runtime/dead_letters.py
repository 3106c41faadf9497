"""A collector of dead letters: reads, from a file of them, the events that one node refused."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, NamedTuple

import msgspec

from wlf.components.base import Collected, Collector, Context
from wlf.components.config import CollectorConfig
from wlf.errors import SetupError, WlfError
from wlf.events import DeadLetter, Event, Kinds
from wlf.events.rebuilt import NotRebuilt, Rebuilder

_READ_EVENTS = 1_000
_READ_BYTES = 1 << 18
"""As much is read in one turn: little enough that nobody waits for it."""


class _Head(msgspec.Struct):
    """As much of a dead letter as tells whose it is."""

    node: str
    type: str = ""


_head_of = msgspec.json.Decoder(_Head).decode


class Letters(NamedTuple):
    """What a file of dead letters holds.

    Args:
        digest: SHA-256 of its contents, which tells it from other files under whatever name.
        counts: by refusing node the events of each type, in the order in which they first occur.
        places: the number of each node's first line.
    """

    file: Path
    digest: str
    size_bytes: int
    counts: Mapping[str, Mapping[str, int]]
    places: Mapping[str, int]


def read_letters(file: Path, nodes: Collection[str] = ()) -> Letters:
    """Read the file once from beginning to end; with `nodes`, only what these refused is counted.

    Raises:
        WlfError: the file cannot be read, or a line is no dead letter; names the line.
    """
    counts: dict[str, Counter[str]] = {}
    places: dict[str, int] = {}
    digest = hashlib.sha256()
    size = 0
    rebuilder = Rebuilder()
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                digest.update(line)
                size += len(line)
                if line.strip():
                    letter = _letter(rebuilder, line, f"{file}:{number}")
                    if not nodes or letter.node in nodes:
                        places.setdefault(letter.node, number)
                        counts.setdefault(letter.node, Counter())[getattr(letter.event, "type", "event")] += 1
    except OSError as error:
        raise WlfError(f"{file}: {(error.strerror or str(error)).lower()}") from error
    return Letters(file, digest.hexdigest(), size, counts, places)


def _letter(rebuilder: Rebuilder, line: bytes, where: str) -> DeadLetter:
    try:
        letter = rebuilder.event(line)
    except NotRebuilt as error:
        raise WlfError(f"{where}: {error}") from error
    if not isinstance(letter, DeadLetter):
        raise WlfError(f"{where}: expected a dead letter, got a {type(letter).__name__}")
    return letter


class DeadLettersConfig(CollectorConfig, frozen=True, kw_only=True):
    """Whose dead letters of which file; `destination` is the node that refused them."""

    letters: Letters


class DeadLetters(Collector):
    """Reads what `destination` refused, in the order of the file, once for each contents of a file.

    The digest of the contents is the partition, a position the offset behind a line. So an interrupted replay goes on,
    and a file that was replayed whole brings nothing.
    """

    type_name: ClassVar[str] = "DeadLetters"
    Config = DeadLettersConfig

    def __init__(self, config: DeadLettersConfig, context: Context) -> None:
        super().__init__(config, context)
        self.config: DeadLettersConfig = config
        self._rebuilder = Rebuilder()
        self._file: BinaryIO | None = None
        self._offset = 0
        self._is_announced = False

    @classmethod
    def emits(cls, config: Any) -> Kinds:
        """Whatever a node may refuse."""
        return frozenset((Event,))

    async def open(self, positions: Mapping[str, bytes]) -> None:
        """Go on behind the last line that was delivered. Raises SetupError."""
        await self.close()
        letters = self.config.letters
        stored = positions.get(letters.digest)
        self._is_announced = stored is not None
        self._offset = int(stored or b"0")
        try:
            self._file = letters.file.open("rb")
            self._file.seek(self._offset)
        except OSError as error:
            raise SetupError(f"{letters.file}: {(error.strerror or str(error)).lower()}") from error

    async def collect(self) -> Collected | None:
        """The next lines of the node; None at what was the file's end when the replay began."""
        letters = self.config.letters
        if not self._is_announced:
            self._is_announced = True
            return Collected([], {letters.digest: b"%d" % self._offset})
        if self._offset >= letters.size_bytes:
            return None
        events = list(self._events())
        return Collected(events, {letters.digest: b"%d" % self._offset})

    def _events(self) -> Iterator[Event]:
        letters, node = self.config.letters, self.config.destination
        end = min(letters.size_bytes, self._offset + _READ_BYTES)
        count = 0
        while self._offset < end and count < _READ_EVENTS:
            line = self._file.readline() if self._file is not None else b""
            self._offset += len(line)
            if not line or self._offset > letters.size_bytes:
                raise SetupError(f"{letters.file}: changed while it was replayed")
            try:
                if line.strip() and _head_of(line).node == node:
                    count += 1
                    yield _letter(self._rebuilder, line, str(letters.file)).event
            except (msgspec.MsgspecError, WlfError) as error:
                raise SetupError(f"{letters.file}: changed while it was replayed") from error

    def covers(self, cursor: bytes, position: bytes) -> bool:
        """The larger offset is further on."""
        return int(cursor) >= int(position)

    async def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
