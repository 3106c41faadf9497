"""A program that writes numbered lines to several logs, and rotates each over and over, in the ways that there are."""

from __future__ import annotations

import gzip
import shutil
import sys
import time
from pathlib import Path

TURN_SECONDS = 0.02


class Writer:
    """One log. Those with an odd number are rotated by copying and truncating, the others by renaming."""

    def __init__(self, folder: Path, number: int, kept: int) -> None:
        self.number = number
        self.kept = kept
        self.path = folder / f"w{number}.log"
        self.written = 0
        self.rotations = 0
        self.file = self.path.open("ab", buffering=0)

    def write(self, count: int) -> None:
        first = self.written
        self.written += count
        self.file.write(b"".join(b"%d %d\n" % (self.number, n) for n in range(first, self.written)))

    def rotate(self) -> None:
        """Numbers rise, so that nothing is overwritten; every third one is compressed one rotation later."""
        self.rotations += 1
        rotated = self.path.with_name(f"{self.path.name}.{self.rotations}")
        if self.number % 2:
            shutil.copy(self.path, rotated)
            self.file.truncate(0)
        else:
            self.path.rename(rotated)
            self.file.close()
            self.file = self.path.open("ab", buffering=0)
        before = self.path.with_name(f"{self.path.name}.{self.rotations - 1}")
        if self.rotations % 3 == 0 and before.exists():
            before.with_name(before.name + ".gz").write_bytes(gzip.compress(before.read_bytes(), 1))
            before.unlink()
        if self.kept:
            old = self.path.with_name(f"{self.path.name}.{self.rotations - self.kept}")
            old.unlink(missing_ok=True)
            old.with_name(old.name + ".gz").unlink(missing_ok=True)


def main(folder: Path, writers: int, rate: int, rotate_seconds: float = 1, kept: int = 0) -> None:
    """Until the file `stop` appears; then says in `written` how many lines each has, and in `progress` all the time.

    Of rotated files the last `kept` stay, all of them where that is 0.
    """
    logs = [Writer(folder, number, kept) for number in range(writers)]
    began = time.monotonic()
    while not (folder / "stop").exists():
        due = int((time.monotonic() - began) * rate)
        for log in logs:
            log.write(due - log.written)
            if time.monotonic() - began > (log.rotations + 1 + log.number / writers) * rotate_seconds:
                log.rotate()
        _say(folder / "progress", logs)
        time.sleep(TURN_SECONDS)
    _say(folder / "written", logs)


def _say(path: Path, logs: list[Writer]) -> None:
    """A reader sees the whole text or the one before."""
    part = path.with_suffix(".part")
    part.write_text(" ".join(str(log.written) for log in logs))
    part.rename(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *map(float, sys.argv[4:5]), *map(int, sys.argv[5:]))
