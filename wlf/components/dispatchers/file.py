"""Events to files: JSON lines, one file or one for each table, rotated and compressed."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from wlf.components.base import Context, Dispatcher, Outgoing, Partial
from wlf.components.config import BatchConfig, DispatcherConfig
from wlf.components.dispatchers._file.forms import FORMS
from wlf.components.dispatchers._file.paths import FilePaths, Path, split_template
from wlf.components.dispatchers._file.store import FileStore, NotSynced, Refused
from wlf.errors import Retryable, SetupError
from wlf.events.codec import join_payloads
from wlf.events.template import Template

Result = TypeVar("Result")


class RotateConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a file is renamed (`orders.jsonl` to `orders.000001.jsonl`, numbers rise) and begun anew."""

    max_bytes: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="rotate before a write that takes the file beyond this; one write is never split"),
    ] = None
    interval_ms: Annotated[
        Annotated[int, Meta(ge=1000)] | None,
        Meta(description="rotate when a period of this length, counted from 1970 UTC, is over: 3600000 is each hour"),
    ] = None
    keep: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="rotated files kept of each file; null: all")
    ] = None


class FileBatch(BatchConfig, frozen=True, kw_only=True):
    """When a batch is dispatched. Larger than elsewhere: a turn of the writing thread costs as much as 500 lines."""

    max_events: Annotated[int, Meta(description="events in one dispatched batch at most", ge=1)] = 10_000


class FileConfig(DispatcherConfig, frozen=True, kw_only=True):
    """Options of File."""

    batch: Annotated[FileBatch, Meta(description="when a batch is dispatched")] = FileBatch()

    path: Annotated[
        Template, Meta(description="where the lines go, a template such as `out/%{/database}/%{/table}.jsonl`")
    ]
    base_dir: Annotated[
        str | None,
        Meta(description="directory that no event can lead out of; default: the part of `path` before the first `%{`"),
    ] = None
    compression: Annotated[
        Literal["none", "gzip", "zstd"],
        Meta(description="how the file is compressed; lines then wait for the next checkpoint to be packed together"),
    ] = "none"
    rotate: Annotated[RotateConfig, Meta(description="when a file is closed and a new one begun")] = RotateConfig()
    max_open_files: Annotated[int, Meta(description="files kept open at once; the longest unused is closed", ge=1)] = (
        128
    )

    def __post_init__(self) -> None:
        """Raises ValueError, which becomes a diagnostic."""
        split_template(self.path.text, self.base_dir)
        if self.format == "msgpack" and self.compression == "none":
            raise ValueError("expected compression gzip or zstd with format msgpack, for a torn tail has no line end")


class FileDispatcher(Dispatcher):
    """Appends events to files, JSON lines or MessagePack, compressed and rotated on request.

    After a crash, a torn line or member at the end of a file is cut off when the file is next opened. Symbolic links
    below the base directory are not followed, and a file that wlf did not write is not touched.
    """

    type_name = "File"
    Config = FileConfig
    guarantee = "at least once; a position is stored only after fsync"

    def __init__(self, config: FileConfig, context: Context) -> None:
        super().__init__(config, context)
        base, template = split_template(config.path.text, config.base_dir)
        rotated = config.rotate.max_bytes is not None or config.rotate.interval_ms is not None
        self._paths = FilePaths(template, names=config.names, on_missing=config.on_missing, rotated=rotated)
        self._base = base
        self._store: FileStore | None = None
        self._work: asyncio.Future[Any] | None = None
        self._turn = asyncio.Lock()

    @classmethod
    def sole_writer_of(cls, config: FileConfig) -> str:
        """The path: each file has one writer."""
        base, template = split_template(config.path.text, config.base_dir)
        return os.path.join(base, template.text.replace("\0", "/"))

    async def open(self) -> None:
        """Open the base directory. Raises SetupError where it cannot be used."""
        if self._store is None:
            self._store = self._make_store()
        try:
            await self._in_thread(self._store.open)
        except OSError as error:
            raise SetupError(f"{self._base}: {error.strerror}", hint="look at base_dir and its owner") from error

    def _make_store(self) -> FileStore:
        return FileStore(
            self._base,
            FORMS[self.config.compression](),
            max_open=self.config.max_open_files,
            max_bytes=self.config.rotate.max_bytes,
            interval_ms=self.config.rotate.interval_ms,
            keep=self.config.rotate.keep,
            now=self.context.clock.time,
            logger=self.context.logger,
        )

    async def dispatch(self, batch: Outgoing) -> Partial | None:
        """Append each line to its file: one write a file.

        Files that cannot be written now are tried again alone; those that never can be are rejected with the reason.
        Raises Retryable when no line of the batch was written.
        """
        rejected: dict[int, str] = {}
        groups = self._group(batch, rejected)
        if len(groups) == 1 and not rejected:
            ((path, indices),) = groups.items()
            texts = {path: (indices, batch.text())}
        else:
            payloads = batch.payloads()
            texts = {path: (indices, self._join(payloads, indices)) for path, indices in groups.items()}
        try:
            retry = await self._in_thread(lambda: self._append(texts, rejected))
        except NotSynced as error:
            raise _lost(error) from error
        if retry and len(retry) == len(batch):
            raise Retryable(next(iter(retry.values())))
        return Partial(retry, rejected) if retry or rejected else None

    def _group(self, batch: Outgoing, rejected: dict[int, str]) -> Mapping[Path, Sequence[int]]:
        """Indices by file, in order."""
        if not len(batch):
            return {}
        paths = self._paths.paths(batch.events, rejected)
        if isinstance(paths, tuple):
            return {paths: range(len(batch))}
        groups: defaultdict[Path, list[int]] = defaultdict(list)
        for index, path in enumerate(paths):
            if path is not None:
                groups[path].append(index)
        return groups

    def _join(self, payloads: Sequence[bytes], indices: Sequence[int]) -> bytes:
        return join_payloads(self.config.format, [payloads[index] for index in indices])

    def _append(self, texts: Mapping[Path, tuple[Sequence[int], bytes]], rejected: dict[int, str]) -> dict[int, str]:
        """Reasons by index of what could not be written now. Runs in the thread."""
        store = self._opened()
        retry: dict[int, str] = {}
        try:
            store.make_room()
        except (OSError, Refused) as error:
            return dict.fromkeys((index for indices, _ in texts.values() for index in indices), _reason(error))
        for path, (indices, text) in texts.items():
            try:
                store.append(path, text)
            except Refused as error:
                rejected.update(dict.fromkeys(indices, str(error)))
            except OSError as error:
                retry.update(dict.fromkeys(indices, f"{'/'.join(path)}: {_reason(error)}"))
        return retry

    def _opened(self) -> FileStore:
        if self._store is None:
            raise Retryable("the file dispatcher is not open")
        return self._store

    async def flush(self) -> None:
        """Bring files and directories to the disk. Raises SetupError when the system lost what it had taken."""
        if self._store is None:
            return
        try:
            await self._in_thread(self._store.sync)
        except NotSynced as error:
            raise _lost(error) from error
        except (OSError, Refused) as error:
            raise Retryable(_reason(error)) from error

    async def close(self) -> None:
        """Close all files."""
        if self._store is not None:
            await self._in_thread(self._store.close)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        """Run blocking work in a thread, one at a time: also when an earlier call timed out and its work goes on."""
        async with self._turn:
            if self._work is not None:
                await asyncio.wait((self._work,))
                self._work.exception()  # whoever waited for it is gone
            self._work = running = asyncio.get_running_loop().run_in_executor(None, work)
            await asyncio.wait((running,))
            self._work = None
            return running.result()


def _lost(error: NotSynced) -> SetupError:
    return SetupError(f"{error}: written lines did not reach the disk", hint="they come again after a restart")


def _reason(error: OSError | Refused) -> str:
    return getattr(error, "strerror", None) or str(error)
