"""rivet (rivet-cli): change data capture in Rust, one JSON object a row change on its standard output.

Its wheel carries the binary. The run is its bounded one, from a checkpoint to the end of the log; no table is named, so
that it need not filter. It gives columns by number, without names.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import ClassVar

from benchmarks.contender import BinlogSource, FileSink, Job
from benchmarks.peers.peer import Command, Peer
from tests.servers.cache import Recipe
from tests.servers.commands import run

VERSION = "0.32.2"


def _install(home: Path, version: str) -> str:
    """Put the wheel into an environment of its own."""
    run([sys.executable, "-m", "venv", home / "venv"])
    programs = home / "venv" / "bin"
    install = ["install", "-q", "--disable-pip-version-check", "--only-binary", ":all:", f"rivet-cli=={version}"]
    run([programs / "pip", *install])
    return run([programs / "rivet", "--version"]).split()[1]


class Rivet(Peer):
    """`rivet cdc` with its output in the sink's file; its only way out of a binlog beside Parquet and CSV."""

    name = "rivet"
    does = frozenset({(BinlogSource, FileSink)})
    recipe: ClassVar[Recipe] = Recipe("peer-rivet", VERSION, _install)

    def command(self, job: Job) -> Command:
        source, sink = job.source, job.sink
        assert isinstance(source, BinlogSource)
        assert isinstance(sink, FileSink)
        checkpoint = job.folder / "checkpoint.json"
        checkpoint.write_text(json.dumps({"file": source.file, "pos": source.position}))
        url = f"mysql://{source.user}:{source.password}@{source.host}:{source.port}/{source.database}"
        rivet = str(self.home / "venv" / "bin" / "rivet")
        argv = [rivet, "cdc", "--source-env", "RIVET_SOURCE", "--checkpoint", str(checkpoint), "--no-notify"]
        return Command(argv, {"RIVET_SOURCE": url}, sink.path)
