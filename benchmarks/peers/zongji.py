"""zongji (@vlasky/zongji), the binlog reader of Node.js: a loop that writes each row as a line of JSON.

It writes a megabyte at once. It has no backpressure, so that a slow sink would fill the memory; a file is fast enough.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import ClassVar

from benchmarks.contender import BinlogSource, FileSink, Job
from benchmarks.peers.peer import Command, Peer
from tests.servers.cache import Recipe
from tests.servers.commands import InstallError, run

VERSION = "0.9.0"
PACKAGE = "@vlasky/zongji"
PROGRAM = Path(__file__).parent / "zongji" / "loop.mjs"


def _install(home: Path, version: str) -> str:
    """Put the package into a folder of its own."""
    if shutil.which("npm") is None:
        raise InstallError("found no npm; run: apt-get install npm")
    run(["npm", "install", "--prefix", home, "--no-audit", "--no-fund", "--ignore-scripts", f"{PACKAGE}@{version}"])
    return version


class Zongji(Peer):
    """Binlog to file."""

    name = "zongji"
    does = frozenset({(BinlogSource, FileSink)})
    recipe: ClassVar[Recipe] = Recipe("peer-zongji", VERSION, _install)

    def command(self, job: Job) -> Command:
        source, sink = job.source, job.sink
        assert isinstance(source, BinlogSource)
        assert isinstance(sink, FileSink)
        task = job.folder / "job.json"
        task.write_text(json.dumps({"source": source._asdict(), "sink": {"path": str(sink.path)}}))
        package = self.home / "node_modules" / PACKAGE
        main = json.loads((package / "package.json").read_text())["main"]
        return Command([shutil.which("node") or "node", str(PROGRAM), str(task), str(package / main)])
