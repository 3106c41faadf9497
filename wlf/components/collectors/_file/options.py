"""The options of the File collector."""

from __future__ import annotations

import codecs
from typing import Annotated

import msgspec
from msgspec import Meta

from wlf.components.following.options import FollowConfig

Globs = Annotated[list[Annotated[str, Meta(min_length=1)]], Meta(min_length=1)]


class FileConfig(FollowConfig, frozen=True, kw_only=True):
    """Options of File."""

    include: Annotated[
        Globs,
        Meta(
            description="paths and globs of the files to read: `*` and `?` stay within a name, `[ab]` is one of these, "
            "`**` stands for directories to any depth; a name that begins with a dot must be named so"
        ),
    ]
    exclude: Annotated[
        list[str], Meta(description="globs of files to leave out; `dir/**` leaves a whole directory out")
    ] = msgspec.field(default_factory=list)
    encoding: Annotated[
        str,
        Meta(description="of the files, such as utf-8, utf-16 (by its byte order mark), latin1, cp1252, shift_jis"),
    ] = "utf-8"
    offset: Annotated[bool, Meta(description="let each event carry where its line begins, in bytes")] = False
    host: Annotated[
        str | None, Meta(description="the `host` of the events; default: this machine's name; empty: leave it out")
    ] = None

    def __post_init__(self) -> None:
        try:
            codecs.lookup(self.encoding)
        except LookupError as error:
            raise ValueError(f"expected the name of an encoding such as utf-8 or latin1, got {self.encoding!r}") from (
                error
            )
