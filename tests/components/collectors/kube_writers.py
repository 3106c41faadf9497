"""A program that writes numbered lines as pods do: some in parts, with rotations and restarts of containers.

python -m tests.components.collectors.kube_writers FOLDER PODS LINES_PER_SECOND
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.components.collectors.kube_logs import ContainerLog

TURN_SECONDS = 0.02
RESTART_TURNS = 170


class Writing:
    """One container. Every tenth line is of stderr, every hundredth has three parts that lie among other records."""

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self.log = ContainerLog(folder, f"web-{number}", f"u{number}")
        self.written = 0
        self.rotated: Path | None = None

    def write(self, count: int) -> None:
        records = []
        for n in range(self.written, self.written + count):
            stream = "stderr" if n % 10 == 0 else "stdout"
            text = f"{self.number} {n}"
            if n % 100 == 50:
                records += [(stream, "P", text[:1]), (stream, "P", text[1:2])]
                text = text[2:]
            records.append((stream, "F", text))
        self.written += count
        self.log.write_records(records)

    def rotate(self) -> None:
        """The newest rotated file stays as it is, the one before is compressed."""
        before, self.rotated = self.rotated, self.log.rotate()
        if before is not None:
            self.log.pack(before)

    def restart(self) -> None:
        """The container is begun anew."""
        self.log.begin_anew()
        self.rotated = None


def main(folder: Path, pods: int, rate: int) -> None:
    """Until the file `stop` appears; then says in `written` how many lines each has."""
    writings = [Writing(folder / "pods", number) for number in range(pods)]
    began = time.monotonic()
    turn = 0
    while not (folder / "stop").exists():
        turn += 1
        due = int((time.monotonic() - began) * rate)
        for each in writings:
            each.write(due - each.written)
            if time.monotonic() - began > each.log.rotations + 1 + each.number / pods:
                each.rotate()
            if (turn + 40 * each.number) % RESTART_TURNS == 0:
                each.restart()
        time.sleep(TURN_SECONDS)
    (folder / "written").write_text(" ".join(str(each.written) for each in writings))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
