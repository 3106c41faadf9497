"""MySQL's own C program that prints a binlog: read from the server as a replica does, rows as commented SQL.

It writes no JSON, so it is a yardstick for decoding rather than a rival; `row_marks` tell its rows apart.
"""

from __future__ import annotations

from typing import ClassVar

from benchmarks.contender import BinlogSource, FileSink, Job
from benchmarks.peers.peer import Command, Peer
from tests.servers.cache import Recipe, require
from tests.servers.mysql import MySQL


class MysqlBinlog(Peer):
    """`mysqlbinlog -v`, from the position to the end of the last binlog, without the base64 that replays need."""

    name = "mysqlbinlog -v"
    does = frozenset({(BinlogSource, FileSink)})
    recipe: ClassVar[Recipe] = MySQL.recipe
    row_marks: ClassVar[tuple[bytes, ...]] = (b"\n### INSERT INTO ", b"\n### UPDATE ", b"\n### DELETE FROM ")

    def install(self) -> None:
        """It comes with the test server."""
        require(self.recipe.name, self.recipe.edition)

    def command(self, job: Job) -> Command:
        source, sink = job.source, job.sink
        assert isinstance(source, BinlogSource)
        assert isinstance(sink, FileSink)
        argv = [
            str(self.home / "bin" / "mysqlbinlog"),
            "--no-defaults",
            "--read-from-remote-server",
            f"--host={source.host}",
            f"--port={source.port}",
            f"--user={source.user}",
            "--ssl-mode=DISABLED",
            "--get-server-public-key",
            "--verbose",
            "--base64-output=DECODE-ROWS",
            f"--start-position={source.position}",
            "--to-last-log",
            source.file,
        ]
        return Command(argv, {"MYSQL_PWD": source.password}, sink.path)
