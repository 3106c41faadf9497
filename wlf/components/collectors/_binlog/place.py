"""A place between two transactions where reading can go on: what the collector's positions hold."""

from __future__ import annotations

import re
from pathlib import PurePath

import msgspec
from msgspec import structs

from wlf.binlog.gtid import GtidPosition, GtidSet
from wlf.errors import SetupError

PARTITION = "binlog"

FIRST_OFFSET = 4
"""Where the first event of a file begins, behind the magic number."""

_NUMBER = re.compile(r"\d+$")


class PreparedXa(msgspec.Struct, frozen=True, omit_defaults=True):
    """A transaction that XA PREPARE left open: its name as XA COMMIT says it, and where it begins."""

    xid: str
    file: str
    offset: int
    gtid: str | None = None


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where reading goes on, stored as JSON.

    Args:
        file: the binlog file's name, without a directory.
        offset: byte offset of the next event in it.
        server: the uuid of the server that wrote it (MariaDB: `server_id:<n>`); "" where it was read from a file.
        gtid: the GTID set of all that lies before, as far as it is known.
        schema: the number of the last change of the schema history that lies before; None where none is kept.
        prepared: transactions prepared by XA before this place and not yet ended: reading begins at the first of them,
            and hands out nothing else before this place.
    """

    file: str
    offset: int
    server: str = ""
    gtid: str | None = None
    schema: int | None = None
    prepared: tuple[PreparedXa, ...] = ()

    def encode(self) -> bytes:
        """The bytes that the runtime stores."""
        return _encoder.encode(self)

    def describe(self) -> str:
        """The form that `parse_position` reads."""
        return f"{self} {self.server}".rstrip()

    def of(self, server: str) -> Position:
        """The same place, said to be in the binlog of `server`."""
        return structs.replace(self, server=server)

    @property
    def reads_from(self) -> tuple[str, int]:
        """File and offset where reading begins: earlier than here where prepared transactions are to be read again."""
        places = [(self.file, self.offset), *((xa.file, xa.offset) for xa in self.prepared)]
        return min(places, key=lambda place: (file_order(place[0]), place[1]))

    def is_behind(self, file: str, offset: int) -> bool:
        """Does it lie at or behind a place of the same binlog?"""
        return (file_order(self.file), self.offset) >= (file_order(file), offset)

    def __str__(self) -> str:
        return f"{self.file}:{self.offset}"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Position)


def decode_position(stored: bytes) -> Position:
    """The position behind stored bytes.

    Raises:
        SetupError: they are none of this collector's.
    """
    try:
        return _decoder.decode(stored)
    except msgspec.DecodeError as error:
        raise SetupError(
            f"the stored position is unreadable: {error}", hint="wlf position reset CONFIG --collector ID"
        ) from error


def file_order(name: str) -> tuple[int, str]:
    """Sorts binlog files as the server wrote them: by number, so that `.999999` comes before `.1000000`."""
    found = _NUMBER.search(PurePath(name).name)
    return (int(found.group()) if found else 0, name)


def parse_gtids(text: str) -> GtidSet | GtidPosition:
    """A set of MySQL's GTIDs or a position of MariaDB's, by its form; raises ValueError."""
    return GtidSet.parse(text) if ":" in text or not text else GtidPosition.parse(text)


def is_covered(cursor: bytes, position: bytes) -> bool:
    """Is everything that lies before `position` also before `cursor`?

    In the binlog of one server places tell; between two servers GTIDs do, where both positions have them.
    """
    if cursor == position:
        return True
    mine, other = decode_position(cursor), decode_position(position)
    if mine.server == other.server:
        return mine.is_behind(other.file, other.offset)
    # An empty set is no proof of anything: servers whose transactions have no GTIDs write it too.
    return bool(mine.gtid and other.gtid) and _contains(mine.gtid or "", other.gtid or "")


def _contains(cursor: str, position: str) -> bool:
    try:
        mine, other = parse_gtids(cursor), parse_gtids(position)
    except ValueError:
        return False
    if isinstance(mine, GtidSet):
        return isinstance(other, GtidSet) and mine.issuperset(other)
    return isinstance(other, GtidPosition) and mine.issuperset(other)


def parse_position(text: str) -> Position:
    """`binlog.000042:1337`, or with the server's uuid behind a space, as `Position.describe` writes it.

    Raises:
        SetupError: the text is no such thing.
    """
    place, _, server = text.strip().partition(" ")
    file, _, offset = place.rpartition(":")
    if not file or not offset.isdecimal() or int(offset) < FIRST_OFFSET:
        raise SetupError(f"expected FILE:OFFSET with an offset of {FIRST_OFFSET} or more, got {text!r}")
    return Position(file, int(offset), server.strip())
