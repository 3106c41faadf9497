"""The options of the File collector."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from wlf.components.collectors._file.multiline import MultilineConfig
from wlf.components.config import CollectorConfig

Globs = Annotated[list[Annotated[str, Meta(min_length=1)]], Meta(min_length=1)]


class FollowConfig(CollectorConfig, frozen=True, kw_only=True):
    """Options of every collector that follows files."""

    start: Annotated[
        Literal["beginning", "end"],
        Meta(
            description="where files that are there at the very first start are read from; "
            "one that comes later is always read from its beginning"
        ),
    ] = "beginning"
    max_line_bytes: Annotated[
        int,
        Meta(description="a longer line is cut there and marked `truncated`; the file goes on behind it", ge=1024),
    ] = 16_777_216
    partial_line_timeout_ms: Annotated[
        int,
        Meta(
            description="how long a last line without a line end waits for it, before it is delivered marked "
            "`partial`; what is written behind it later comes marked `continued`",
            ge=1,
        ),
    ] = 5_000
    multiline: Annotated[
        MultilineConfig | None, Meta(description="which lines are one event; default: each is one")
    ] = None
    compression: Annotated[
        Literal["auto", "none"],
        Meta(description="`auto`: what begins as gzip or zstd files do is decompressed; `none`: read it as it is"),
    ] = "auto"
    rescan_interval_ms: Annotated[
        int,
        Meta(description="how often all directories are looked through, beside the notices of the kernel", ge=100),
    ] = 30_000
    forget_after_ms: Annotated[
        int,
        Meta(
            description="how long a file that is gone is still read, where a program goes on writing to it, "
            "and its position remembered",
            ge=0,
        ),
    ] = 60_000
    max_open_files: Annotated[
        int, Meta(description="files kept open at once; of those read to their end the longest unused is closed", ge=1)
    ] = 512
    take_over: Annotated[
        str | None,
        Meta(description="id that this collector had before: a first run under the new one goes on with its positions"),
    ] = None


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
