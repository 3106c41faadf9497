"""A program that writes numbered lines as a container runtime writes those of pods, and rotates as the kubelet does."""

from __future__ import annotations

import gzip
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

TURN_SECONDS = 0.02
KEPT_FILES = 30
"""The kubelet keeps five: who reads too slowly loses lines there. This is about one that reads fast enough."""


class Pod:
    """One container. Every tenth line is cut into parts, and lines of the other stream come between them."""

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self.folder = folder / f"shop_web-{number}_{number:08}-0000-0000-0000-000000000000" / "app"
        self.folder.mkdir(parents=True)
        self.path = self.folder / "0.log"
        self.written = 0
        self.rotations = 0
        self.waiting: list[tuple[str, str, str]] = []
        self.file = self.path.open("ab", buffering=0)

    def write(self, count: int) -> None:
        records: list[tuple[str, str, str]] = []
        for n in range(self.written, self.written + count):
            text = f"{self.number} {n}"
            stream = "stderr" if n % 3 == 2 else "stdout"
            if n % 10 == 3 and stream == "stdout":
                self.waiting += [(stream, "P", text), (stream, "P", " " + "x" * 50), (stream, "F", "")]
            elif stream == "stdout":
                records += [*self.waiting, (stream, "F", text)]
                self.waiting.clear()
            else:
                records.append((stream, "F", text))
                records += [self.waiting.pop(0)] if self.waiting else []
        self.written += count
        self._put(records)

    def finish(self) -> None:
        self._put(self.waiting)

    def _put(self, records: list[tuple[str, str, str]]) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
        self.file.write("".join(f"{now} {stream} {tag} {text}\n" for stream, tag, text in records).encode())

    def rotate(self) -> None:
        """The file is renamed and a new one begun; the one before it is compressed by way of a temporary name."""
        self.rotations += 1
        self.path.rename(self._rotated(self.rotations))
        self.file.close()
        self.file = self.path.open("ab", buffering=0)
        before = self._rotated(self.rotations - 1)
        if before.exists():
            fresh = before.with_name(before.name + ".tmp")
            fresh.write_bytes(gzip.compress(before.read_bytes(), 1))
            fresh.rename(before.with_name(before.name + ".gz"))
            before.unlink()
        oldest = self._rotated(self.rotations - KEPT_FILES)
        oldest.with_name(oldest.name + ".gz").unlink(missing_ok=True)

    def _rotated(self, number: int) -> Path:
        return self.folder / f"0.log.20260131-{number:06}"


def main(folder: Path, pods: int, rate: int) -> None:
    """Until the file `stop` appears; then says in `written` how many lines each has."""
    logs = [Pod(folder, number) for number in range(pods)]
    began = time.monotonic()
    while not (folder / "stop").exists():
        due = int((time.monotonic() - began) * rate)
        for log in logs:
            log.write(due - log.written)
            if time.monotonic() - began > log.rotations + 1 + log.number / pods:
                log.rotate()
        time.sleep(TURN_SECONDS)
    for log in logs:
        log.finish()
    (folder / "written").write_text(" ".join(str(log.written) for log in logs))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
