"""One revision at work: for each line `PART FILE` on standard input, CPU seconds and amount on standard output.

Run with the revision's root as PYTHONPATH. It imports nothing of the benchmarks, and of wlf only what every revision
has that may be compared. A part that another revision must do in another way is told apart here.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import wlf
from wlf.binlog import Decoder, Transaction
from wlf.components.collectors._binlog.assemble import Assembler
from wlf.events.codec import encode_json
from wlf.events.table import TableVersions

CHUNK_BYTES = 4 << 20
HEAD_BYTES = 1024


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        file.seek(4)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _items(path: Path, **options: Any) -> Iterator[list[Any]]:
    """What the decoder gives, a call at a time."""
    versions = TableVersions()

    def bind(table: Any) -> Any:
        return versions.get(table.database, table.table, table.names, table.primary_key)

    decoder = Decoder(bind, verify_checksum=False, **options)
    with path.open("rb") as file:
        decoder.open_file(path.name, file.read(HEAD_BYTES))
    for chunk in _chunks(path):
        yield decoder.feed(chunk)
        while decoder.pending:
            yield decoder.feed(b"")


def _lists(path: Path) -> Iterator[list[Any]]:
    """Events of small transactions together, as a collector hands them on."""
    assembler = Assembler()
    for items in _items(path):
        events: list[Any] = []
        for item in items:
            if isinstance(item, Transaction):
                events += assembler.events(item)
        yield events


def walk(path: Path) -> int:
    """All rows are of tables that nobody wants."""
    for _ in _items(path, wants=lambda database, table: False):
        pass
    return 0


def decode(path: Path) -> int:
    """Rows."""
    rows = 0
    for items in _items(path):
        for item in items:
            if isinstance(item, Transaction):
                for change in item.changes:
                    rows += len(change.rows)
    return rows


def events(path: Path) -> int:
    """Events."""
    return sum(map(len, _lists(path)))


def encode(path: Path) -> int:
    """Bytes of JSON."""
    return sum(sum(map(len, encode_json(made))) for made in _lists(path))


PARTS: dict[str, Callable[[Path], int]] = {"walk": walk, "decode": decode, "events": events, "json": encode}


def run(path: Path) -> tuple[float, int]:
    """CPU seconds of `wlf run` from this file to a file of JSON lines, start included, and the bytes it wrote."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "compare.yaml"
        config.write_text(
            f"collectors: [{{id: binlog, type: Binlog, destination: out, files: ['{path}']}}]\n"
            f"dispatchers: [{{id: out, type: File, path: '{folder}/out/all.jsonl'}}]\n"
        )
        argv = [sys.executable, "-m", "wlf", "run", str(config), "--until-end", "--state-dir", str(folder / "state")]
        with (folder / "said").open("wb") as said:
            child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=said)
            _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit((folder / "said").read_text())
        return usage.ru_utime + usage.ru_stime, (folder / "out" / "all.jsonl").stat().st_size


def _timed(part: Callable[[Path], int], path: Path) -> tuple[float, int]:
    gc.unfreeze()
    gc.collect()
    gc.freeze()  # as `wlf run` does at its start
    began = resource.getrusage(resource.RUSAGE_SELF)
    amount = part(path)
    ended = resource.getrusage(resource.RUSAGE_SELF)
    return ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime, amount


def main() -> None:
    """Tell which wlf it is; then do what is asked until nobody asks any more."""
    print(json.dumps(wlf.__file__), flush=True)
    for asked in sys.stdin:
        part, _, file = asked.rstrip("\n").partition(" ")
        path = Path(file)
        print(json.dumps(run(path) if part == "run" else _timed(PARTS[part], path)), flush=True)


if __name__ == "__main__":
    main()
