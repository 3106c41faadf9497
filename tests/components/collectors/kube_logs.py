"""Log files of containers, written and rotated as a node does it: the runtime writes, the kubelet renames and packs."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)


class ContainerLog:
    """The log of one container of one pod; each record is a millisecond later than the one before."""

    def __init__(
        self,
        folder: Path,
        pod: str,
        uid: str,
        container: str = "app",
        *,
        namespace: str = "shop",
        restart: int = 0,
    ) -> None:
        self.folder = folder / f"{namespace}_{pod}_{uid}" / container
        self.folder.mkdir(parents=True, exist_ok=True)
        self.restart = restart
        self.records = 0
        self.rotations = 0

    @property
    def path(self) -> Path:
        """Where the runtime writes."""
        return self.folder / f"{self.restart}.log"

    def write(self, *texts: str, stream: str = "stdout", tag: str = "F") -> None:
        """Whole lines, or with the tag P parts of one."""
        self.write_records((stream, tag, text) for text in texts)

    def write_records(self, records: Iterable[tuple[str, str, str]]) -> None:
        """Stream, tag and text of each, written at once."""
        written = "".join(f"{self.time()} {stream} {tag} {text}\n" for stream, tag, text in records)
        with self.path.open("a") as file:
            file.write(written)

    def time(self) -> str:
        """Of the next record, with nanoseconds."""
        self.records += 1
        moment = START + timedelta(milliseconds=self.records)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06}000Z"

    def rotate(self) -> Path:
        """The kubelet renames the file, and has the runtime begin a new one; the name that it has now."""
        self.rotations += 1
        hours, seconds = divmod(self.rotations, 3600)
        stamp = f"20261128-{12 + hours:02}{seconds // 60:02}{seconds % 60:02}"
        rotated = self.path.with_name(f"{self.path.name}.{stamp}")
        self.path.rename(rotated)
        self.path.touch()
        return rotated

    def pack(self, rotated: Path) -> None:
        """The kubelet compresses a rotated file, beside it, and removes it."""
        packing = rotated.with_name(rotated.name + ".tmp")
        with rotated.open("rb") as plain, gzip.open(packing, "wb") as packed:
            shutil.copyfileobj(plain, packed)
        packing.rename(rotated.with_name(rotated.name + ".gz"))
        rotated.unlink()

    def begin_anew(self) -> None:
        """The container is started again."""
        self.restart += 1
        self.path.touch()

    def remove_pod(self) -> None:
        """The pod is deleted, and with it all of its logs."""
        shutil.rmtree(self.folder.parent)
