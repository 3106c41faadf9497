"""Decoding speed and memory: wlf with its whole contract against mysql-replication and MySQL's own mysqlbinlog.

wlf decodes, assembles events (xid, commit, old, place) and encodes them as JSON; mysql-replication only decodes.
`python -m benchmarks.bench_decode` prints the ratios of one run in turn; `make bench-micro` measures wlf's parts alone.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import multiprocessing
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.corpus import A_ROWS, CHECKSUMS, NAMES, corpus
from benchmarks.peer_mysql_replication import decode_all
from tests.servers.cache import require
from tests.servers.mysql import MySQL
from wlf.binlog import Decoder, TableMap, Transaction
from wlf.components.collectors._binlog.assemble import Assembler
from wlf.events.codec import encode_json
from wlf.events.table import TableVersion, TableVersions
from wlf.runtime.run import GC_THRESHOLDS

CHUNK_BYTES = 4 << 20
HEAD_BYTES = 1024
FLOORS = {
    "A": (7.0, 0.7),
    "B": (8.0, 0.4),
    "C": (15.0, 1.0),
    "D": (6.0, 0.25),
    "J": (2.0, 0.17),
    "N": (2.0, 0.18),
    "W": (4.0, 0.2),
    "Z": (0.0, 0.7),
}
"""The least that counts as fast: times mysql-replication, times mysqlbinlog, checksums off."""
BEYOND_THE_PEER = ("Z",)
"""mysql-replication leaves compressed transactions out without a word: there is nothing to compare."""


def chunks_of(path: Path) -> Iterator[bytes]:
    """A binlog file from its first event on."""
    with path.open("rb", buffering=0) as file:
        file.seek(4)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


class Replay:
    """Decodes, assembles and encodes chunks of a file, and counts rows and bytes of JSON."""

    def __init__(self, path: Path, *, verify: bool) -> None:
        self._versions = TableVersions()
        self.decoder, self._assembler = Decoder(self._bind, verify_checksum=verify), Assembler()
        with path.open("rb") as file:
            self.decoder.open_file(path.name, file.read(HEAD_BYTES))
        self.rows = self.size = 0

    def _bind(self, table: TableMap) -> TableVersion:
        return self._versions.get(table.database, table.table, table.names, table.primary_key)

    def take(self, chunk: bytes) -> None:
        """The next bytes of the file."""
        items = self.decoder.feed(chunk)
        while True:
            # Events of small transactions are encoded together, as the runtime's batches do it.
            events = []
            for item in items:
                if isinstance(item, Transaction):
                    events += self._assembler.events(item)
            self.rows += len(events)
            self.size += sum(map(len, encode_json(events)))
            if not self.decoder.pending:
                return
            items = self.decoder.feed(b"")


def replay(path: Path, chunks: Iterable[bytes], *, verify: bool) -> tuple[int, int]:
    """All of them; rows and bytes of JSON."""
    replayed = Replay(path, verify=verify)
    for chunk in chunks:
        replayed.take(chunk)
    replayed.decoder.end_file()
    return replayed.rows, replayed.size


def _cpu_seconds() -> float:
    """Of this process and of those it has waited for: what else runs on the machine hardly counts."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def _timed(work: Callable[[], object], *, ours: bool) -> float:
    """Ours with the cyclic collector set as `wlf run` sets it, others as they come."""
    gc.collect()
    gc.freeze()
    before = gc.get_threshold()
    if ours:
        gc.set_threshold(*GC_THRESHOLDS)
    began = _cpu_seconds()
    work()
    spent = _cpu_seconds() - began
    gc.set_threshold(*before)
    return spent


def _mysqlbinlog(path: Path) -> None:
    program = require(MySQL.recipe.name, MySQL.recipe.edition) / "bin" / "mysqlbinlog"
    argv = [program, "--no-defaults", "-v", "--base64-output=decode-rows", path]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(name: str, checksum: str, rounds: int) -> dict[str, float]:
    """Best CPU seconds of each over `rounds` rounds in turn."""
    path, on = corpus(name, checksum), checksum == "CRC32"
    works: dict[str, Callable[[], object]] = {
        "wlf": lambda: replay(path, chunks_of(path), verify=on),
        "mysqlbinlog": lambda: _mysqlbinlog(path),
        "mysql-replication": lambda: decode_all(path, checksum=on),
    }
    if name in BEYOND_THE_PEER:
        del works["mysql-replication"]
    best = dict.fromkeys(works, float("inf"))
    for number in range(rounds):
        for who, work in works.items():
            if number == 0 or who != "mysql-replication":  # one pass of it takes longest
                best[who] = min(best[who], _timed(work, ours=who == "wlf"))
    return best


class Ratio(NamedTuple):
    """One corpus: how wlf does, and how many times faster it is than each peer."""

    corpus: str
    checksum: str
    seconds: float
    rows_per_second: float
    megabytes_per_second: float
    times_mysql_replication: float
    """0 where it cannot read the corpus."""
    times_mysqlbinlog: float

    @property
    def is_fast_enough(self) -> bool:
        """Do the floors hold? They are set for files without checksums."""
        peer, native = FLOORS[self.corpus] if self.checksum == "NONE" else (0.0, 0.0)
        return self.times_mysql_replication >= peer and self.times_mysqlbinlog >= native


def ratios(names: Iterable[str], rounds: int) -> Iterator[Ratio]:
    """The measurements, corpus by corpus, with and without checksums."""
    for name, checksum in itertools.product(names, CHECKSUMS):
        path = corpus(name, checksum)
        rows, _ = replay(path, chunks_of(path), verify=False)
        best = measure(name, checksum, rounds)
        yield Ratio(
            name,
            checksum,
            best["wlf"],
            rows / best["wlf"],
            path.stat().st_size / best["wlf"] / 1e6,
            best.get("mysql-replication", 0.0) / best["wlf"],
            best["mysqlbinlog"] / best["wlf"],
        )


def print_ratios(names: Iterable[str], rounds: int) -> bool:
    """The table; whether all floors hold."""
    fine = True
    print(f"{'':10}{'wlf':>9}{'rows/s':>12}{'MB/s':>7}{'x mysql-replication':>21}{'x mysqlbinlog -v':>18}")
    for row in ratios(names, rounds):
        fine = fine and row.is_fast_enough
        print(
            f"{row.corpus} {row.checksum:8}{row.seconds:8.2f}s{row.rows_per_second:12,.0f}"
            f"{row.megabytes_per_second:7.0f}{row.times_mysql_replication:21.1f}{row.times_mysqlbinlog:18.2f}"
        )
    return fine


def _events(path: Path) -> Iterator[bytes]:
    """The events of a file one by one, nothing held."""
    with path.open("rb") as file:
        file.seek(4)
        while head := file.read(19):
            yield head + file.read(int.from_bytes(head[9:13], "little") - 19)


def big_transaction(path: Path, rows: int) -> Iterator[bytes]:
    """All rows events of corpus A as one transaction, repeated until it has so many rows."""
    begun = False
    for _ in range(-(-rows // A_ROWS)):
        for event in _events(path):
            if event[4] in (19, 30) or not begun:
                begun = begun or event[4] == 19
                yield event
            elif event[4] == 16:
                end = event
    yield end


def _memory(work: Callable[[], Iterable[bytes]], path: Path, answer: multiprocessing.queues.Queue[object]) -> None:
    chunks = work()
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows, _ = replay(path, chunks, verify=False)
    answer.put((rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, base // 1024))


def _repeated(total: int) -> Iterator[bytes]:
    """A corpus again and again up to so many bytes; positions only grow, tables stay the same."""
    path, sent = corpus("B"), 0
    while sent < total:
        for chunk in chunks_of(path):
            yield chunk
            sent += len(chunk)


def _peak(label: str, work: Callable[[], Iterable[bytes]], path: Path) -> None:
    context = multiprocessing.get_context("fork")
    answer = context.Queue()
    child = context.Process(target=_memory, args=(work, path, answer))
    child.start()
    rows, peak, base = answer.get()
    child.join()
    print(f"{label}: {rows:,} rows, peak RSS {peak} MB (before: {base} MB)")


def print_memory() -> None:
    """Peak RSS of a 1 GiB replay and of a transaction of 2 million rows, each in a process of its own."""
    _peak("1 GiB replay", lambda: _repeated(1 << 30), corpus("B"))
    path = corpus("A")
    _peak("2 million rows in one transaction", lambda: big_transaction(path, 2_000_000), path)


def main() -> int:
    """Print what was asked for; 1 where a floor does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="*", default=NAMES, help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="peak RSS instead of speed")
    options = parser.parse_args()
    if options.memory:
        print_memory()
        return 0
    return 0 if print_ratios(options.corpora, options.rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
