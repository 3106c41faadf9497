"""The options of every collector that follows files."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from wlf.components.config import CollectorConfig
from wlf.components.following.multiline import MultilineConfig


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
