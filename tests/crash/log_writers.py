"""A program that writes numbered lines to several logs, and rotates each once a second, in the ways that there are."""

from __future__ import annotations

import gzip
import shutil
import sys
import time
from pathlib import Path

TURN_SECONDS = 0.02


class Writer:
    """One log. Those with an odd number are rotated by copying and truncating, the others by renaming."""

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
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


def main(folder: Path, writers: int, rate: int) -> None:
    """Until the file `stop` appears; then says in `written` how many lines each has."""
    logs = [Writer(folder, number) for number in range(writers)]
    began = time.monotonic()
    while not (folder / "stop").exists():
        due = int((time.monotonic() - began) * rate)
        for log in logs:
            log.write(due - log.written)
            if time.monotonic() - began > log.rotations + 1 + log.number / writers:
                log.rotate()
        time.sleep(TURN_SECONDS)
    (folder / "written").write_text(" ".join(str(log.written) for log in logs))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
