"""The top level of a file: its name and the settings of the run."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from wlf.graph.config import Document
from wlf.graph.convert import FAILED, Converter
from wlf.graph.plan import RuntimeOptions

SECTIONS = ("collectors", "transformers", "dispatchers")

_DEFAULTS = RuntimeOptions(name="")
_NAME = r"^[A-Za-z0-9_][A-Za-z0-9._-]*$"
_ADDRESS = r"^(\[[0-9a-fA-F:.]+\]|[^:\s/]*):[0-9]{1,5}$"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What may stand beside `collectors`, `transformers` and `dispatchers`."""

    name: Annotated[
        str | None,
        Meta(
            description="the pipeline's name: letters, digits, '.', '_' and '-'; default: the file's name",
            pattern=_NAME,
        ),
    ] = None
    http: Annotated[
        str | None,
        Meta(description="HOST:PORT of the metrics and health endpoint, such as 127.0.0.1:8080", pattern=_ADDRESS),
    ] = None
    memory_limit_bytes: Annotated[
        int, Meta(description="estimated bytes of all events that wait for dispatchers", ge=65_536)
    ] = _DEFAULTS.memory_limit_bytes
    checkpoint_interval_ms: Annotated[int, Meta(description="time between two stored cursors", ge=1)] = (
        _DEFAULTS.checkpoint_interval_ms
    )
    shutdown_timeout_ms: Annotated[int, Meta(description="time to deliver what is in flight at a stop", ge=0)] = (
        _DEFAULTS.shutdown_timeout_ms
    )


def name_from_stem(stem: str) -> str:
    """A file's stem as the name of a pipeline, which names files itself."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", stem).lstrip(".-") or "wlf"


def read_settings(document: Document, converter: Converter) -> RuntimeOptions:
    """The options of the run; the defaults where something is wrong, which has been noted then."""
    root = document.root
    if root.mapping is None:
        converter.struct(root, Settings, "")
        return RuntimeOptions(name_from_stem(document.stem))
    made = converter.struct(root, Settings, "", dict.fromkeys(SECTIONS))
    settings = Settings() if made is FAILED else made
    return RuntimeOptions(
        name=settings.name or name_from_stem(document.stem),
        http=settings.http,
        memory_limit_bytes=settings.memory_limit_bytes,
        checkpoint_interval_ms=settings.checkpoint_interval_ms,
        shutdown_timeout_ms=settings.shutdown_timeout_ms,
    )
