"""Each server is the real thing: it keeps what was written, hangs when paused and comes back after a restart."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pymysql
import pytest
import redis

from tests.servers.fixtures import Make, shared
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.redis import Redis
from tests.servers.server import ServerError, living
from tests.servers.sql import SqlServer

pytestmark = pytest.mark.servers


@pytest.fixture(params=["mariadb", "mysql"])
def sql_server(request: pytest.FixtureRequest) -> SqlServer:
    server: SqlServer = request.getfixturevalue(request.param)
    server.reset()
    return server


@pytest.fixture(params=["make_mariadb", "make_mysql"])
def make_sql_server(request: pytest.FixtureRequest) -> Make[SqlServer]:
    make: Make[SqlServer] = request.getfixturevalue(request.param)
    return make


WRITE = ("CREATE DATABASE d", "CREATE TABLE d.t (a INT PRIMARY KEY, b TEXT)", "INSERT INTO d.t VALUES (1, 'ä')")


def test_an_insert_is_in_the_binary_log(sql_server: SqlServer) -> None:
    sql_server.execute(*WRITE)
    assert sql_server.query("SELECT * FROM d.t") == [(1, "ä")]
    complete = sql_server.flush_logs()
    files = sql_server.binlog_files()
    assert [row[0] for row in sql_server.query("SHOW BINARY LOGS")] == [path.name for path in files]
    assert complete in files[:-1]
    assert complete.read_bytes().startswith(b"\xfebin")
    assert "INSERT INTO `d`.`t`" in sql_server.binlog_dump(complete)


def test_reset_begins_an_empty_binary_log(sql_server: SqlServer) -> None:
    sql_server.execute(*WRITE)
    sql_server.reset()
    assert [path.name for path in sql_server.binlog_files()] == ["binlog.000001"]
    assert ("d",) not in sql_server.query("SHOW DATABASES")


def test_defaults_of_mariadb_leave_out_row_metadata(mariadb: MariaDB) -> None:
    assert mariadb.query("SELECT @@binlog_row_metadata, @@binlog_format, @@log_bin") == [("NO_LOG", "ROW", 1)]


def test_defaults_of_mysql_log_row_metadata_and_gtids(mysql: MySQL) -> None:
    assert mysql.query("SELECT @@binlog_row_metadata, @@binlog_format, @@gtid_mode") == [("FULL", "ROW", "ON")]


def test_options_override_the_defaults_in_either_spelling(make_sql_server: Make[SqlServer]) -> None:
    server = make_sql_server(options={"binlog_row_metadata": "MINIMAL", "server-id": 7, "log-bin": "other"})
    assert server.query("SELECT @@binlog_row_metadata, @@server_id") == [("MINIMAL", 7)]
    assert [path.name for path in server.binlog_files()] == ["other.000001"]


def test_root_can_log_in_on_the_socket_and_over_tcp_only_with_the_password(sql_server: SqlServer) -> None:
    sql_server.connect(unix_socket=str(sql_server.socket)).close()
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        sql_server.connect(password="wrong")


def test_mysql_speaks_tls_and_caching_sha2(mysql: MySQL) -> None:
    assert mysql.query("SHOW STATUS LIKE 'Ssl_cipher'")[0][1] != ""
    accounts = "SELECT plugin FROM mysql.user WHERE user = 'root'"
    assert set(mysql.query(accounts)) == {("caching_sha2_password",)}


def test_every_mysql_has_a_uuid_of_its_own(mysql: MySQL, make_mysql: Make[MySQL]) -> None:
    assert make_mysql().query("SELECT @@server_uuid") != mysql.query("SELECT @@server_uuid")


def test_a_killed_sql_server_keeps_its_rows_and_port(make_sql_server: Make[SqlServer]) -> None:
    server = make_sql_server()
    server.execute(*WRITE)
    port = server.port
    server.kill()
    with pytest.raises(pymysql.OperationalError):
        server.connect()
    server.start()
    assert server.port == port
    assert server.query("SELECT * FROM d.t") == [(1, "ä")]
    assert len(server.binlog_files()) == 2


def test_a_paused_sql_server_answers_again_once_resumed(make_sql_server: Make[SqlServer]) -> None:
    server = make_sql_server()
    connection = server.connect(read_timeout=1)
    server.pause()
    with pytest.raises(pymysql.OperationalError, match="timed out"):
        connection.cursor().execute("SELECT 1")
    server.resume()
    assert server.query("SELECT 1") == [(1,)]
    server.pause()
    server.stop()
    assert not server.running


def test_redis_keeps_keys_over_a_kill_and_hangs_while_paused(make_redis: Make[Redis]) -> None:
    server = make_redis()
    server.connect().set("k", "v")
    server.kill()
    with pytest.raises(redis.ConnectionError):
        server.connect().get("k")
    server.start()
    assert server.connect().get("k") == b"v"
    server.pause()
    with pytest.raises(redis.TimeoutError):
        server.connect(socket_timeout=0.3).get("k")
    server.resume()
    assert server.connect().get("k") == b"v"


def test_redis_takes_directives(make_redis: Make[Redis]) -> None:
    server = make_redis(options={"requirepass": "secret", "maxmemory": "3mb"})
    assert server.connect(password="secret").config_get("maxmemory") == {"maxmemory": "3145728"}
    with pytest.raises(redis.AuthenticationError):
        server.connect().get("k")


def test_the_shared_redis_can_be_emptied(redis_server: Redis) -> None:
    redis_server.connect().xadd("stream", {"a": 1})
    redis_server.reset()
    assert redis_server.connect().dbsize() == 0


def test_a_server_dies_with_the_process_that_started_it(tmp_path: Path, redis_server: Redis) -> None:
    # `redis_server` is asked for only to skip where Redis is not installed.
    program = (
        "import os, signal, sys; from tests.servers.redis import Redis;"
        "print(Redis(sys.argv[1]).start().pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ran = subprocess.run([sys.executable, "-c", program, tmp_path / "server"], capture_output=True, text=True)
    assert ran.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while any(living(int(ran.stdout))):
        assert time.monotonic() < deadline


def test_a_server_outlives_the_thread_that_started_it(make_redis: Make[Redis]) -> None:
    server = make_redis(start=False)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    assert server.connect().ping()


def test_a_server_that_cannot_start_says_why(make_mariadb: Make[MariaDB]) -> None:
    with pytest.raises(ServerError, match="no-such-option"):
        make_mariadb(options={"no-such-option": 1})


def test_a_server_that_is_not_installed_is_a_skip_unless_servers_are_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("WLF_SERVERS_DIR", str(tmp_path))
    monkeypatch.delenv("WLF_REQUIRE_SERVERS", raising=False)
    command = "python -m tests.servers.install redis@bookworm"
    with pytest.raises(pytest.skip.Exception, match=command):
        next(shared(Redis, tmp_path_factory))
    monkeypatch.setenv("WLF_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match=command):
        next(shared(Redis, tmp_path_factory))
