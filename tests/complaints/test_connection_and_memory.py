"""What other tools did to a server, to their connection and to the memory of their machine."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.complaints.pipelines import to_one_file
from tests.components.certificates import certificate
from tests.integration.snapshots import Life
from tests.integration.wlf_run import WlfRun
from tests.servers.fixtures import Make
from tests.servers.mysql import MySQL
from tests.servers.ports import free_port
from tests.servers.sql import SqlServer
from wlf.components.collectors._binlog.reader import StreamReader

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
def test_no_connection_keeps_a_transaction_open(request: pytest.FixtureRequest, kind: str) -> None:
    """python-mysql-replication 430: the connection that asks for schemas pinned InnoDB's history for days."""
    # Sessions begin without autocommit, and rows come without names, so that the server is asked for them.
    metadata = {"mysql": "MINIMAL", "mariadb": "NO_LOG"}[kind]
    make: Make[SqlServer] = request.getfixturevalue(f"make_{kind}")
    server = make(options={"autocommit": 0, "binlog-row-metadata": metadata})
    values = ", ".join(f"({n})" for n in range(500))
    server.execute(
        "CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", f"INSERT INTO d.t VALUES {values}", "COMMIT"
    )

    async def run() -> None:
        life = Life(server, tables={"include": ["d.*"]}, snapshot={"mode": "initial", "chunk_rows": 50})
        await life.collector.open({})
        await life.until(lambda: life.is_copied, lambda event: None)
        server.execute("CREATE TABLE d.new (id INT, v TEXT)", "INSERT INTO d.new VALUES (1, 'x')", "COMMIT")
        await life.to_end_of(server, lambda event: None)
        assert len(life.events) == 501
        sessions = {row[0] for row in server.query("SHOW PROCESSLIST") if row[1] == "root"}
        assert len(sessions) > 2, "the stream, what asks for schemas, and this one"
        assert server.query("SELECT trx_mysql_thread_id, trx_started FROM information_schema.INNODB_TRX") == []
        await life.collector.close()

    asyncio.run(run())


ROWS = 300_000
LIMIT_MIB = 190
"""Interpreter, buffers and queues take some 140; with the whole transaction held it is 220."""
WAYS: dict[str, dict[str, Any]] = {
    "transaction, streamed": {"start": "earliest"},
    "transaction, spilled": {"start": "earliest", "large": "spill"},
    "snapshot": {"snapshot": "initial"},
}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, mysql: MySQL) -> Any:
    """A table that one transaction has filled."""
    fast = {"innodb-buffer-pool-size": "256M", "innodb-redo-log-capacity": "256M", "innodb-doublewrite": "OFF"}
    with MySQL(tmp_path_factory.mktemp("large") / "server", options=fast) as server:
        server.execute(
            "CREATE DATABASE d",
            "USE d",
            "CREATE TABLE t (id INT PRIMARY KEY, a INT, v VARCHAR(400), d DATETIME)",
            f"SET cte_max_recursion_depth = {ROWS}",
            f"INSERT INTO t WITH RECURSIVE s (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM s WHERE id < {ROWS}) "
            "SELECT id, id * 2, REPEAT('x', 400), '2024-01-01' FROM s",
        )
        yield server
        server.kill()


def peak_mib(run: WlfRun) -> int:
    assert run.running is not None
    status = Path(f"/proc/{run.running.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) // 1024


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_a_large_transaction_and_a_large_table_take_bounded_memory(
    large: MySQL, tmp_path: Path, options: dict[str, Any]
) -> None:
    """Canal 5192, 4738, Maxwell 1100, Debezium DBZ-3309, python-mysql-replication 211: out of memory, rows lost."""
    out = tmp_path / "wlf.jsonl"
    with to_one_file(tmp_path, large, tables={"include": ["d.t"]}, **options) as run:
        run.wait_for(lambda: lines(out) >= ROWS, "write all")
        peak = peak_mib(run)
        assert run.terminate() == 0
    found = re.findall(rb'"data":\{"id":(\d+),', out.read_bytes())
    assert len(found) == ROWS
    assert [int(first) for first in found] == list(range(1, ROWS + 1))
    assert peak < LIMIT_MIB, f"{peak} MiB"


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize("sends", [False, True], ids=["reads", "reads and writes"])
def test_new_keys_of_tls_break_no_stream(tmp_path: Path, sends: bool) -> None:
    """Debezium 2213: a KeyUpdate of TLS 1.3 ended the stream of binlog events."""
    cert, key = certificate(tmp_path)
    port = free_port()
    where = ["-accept", f"127.0.0.1:{port}", "-cert", str(cert), "-key", str(key), "-tls1_3", "-naccept", "1"]
    server = subprocess.Popen(
        ["stdbuf", "-oL", "openssl", "s_server", *where], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin is not None
    assert server.stdout is not None

    def say(text: bytes) -> None:
        """A line for the client; K and k are new keys, with and without asking for the client's."""
        assert server.stdin is not None
        server.stdin.write(text + b"\n")
        server.stdin.flush()

    def hears(text: bytes) -> None:
        assert server.stdout is not None
        while text not in (line := server.stdout.readline()):
            assert line, "it ended"

    async def run() -> None:
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        stream = ssl.create_default_context(cafile=str(cert)).wrap_socket(connection, server_hostname="127.0.0.1")
        stream.settimeout(None)
        reader = StreamReader(stream, b"", 1 << 16, sends=sends)
        try:
            for number, keys in enumerate((b"", b"K", b"k", b"K")):
                if keys:
                    say(keys)
                    await asyncio.wait_for(asyncio.to_thread(hears, b"SSL_do_handshake -> 1"), 10)
                say(b"event %d" % number)
                found = b""
                while b"event %d\n" % number not in found:
                    found += await reader.read(5)
                if sends:
                    reader.send(b"answer %d\n" % number)
                    await asyncio.wait_for(asyncio.to_thread(hears, b"answer %d" % number), 10)
        finally:
            await asyncio.to_thread(reader.close)

    try:
        hears(b"ACCEPT")
        asyncio.run(run())
    finally:
        server.kill()
        server.communicate()
