"""Transactions of server versions that the suite does not run: what they log of XA differs.

MariaDB 11.4 and later write no positions inside transactions. `make test-matrix` runs this.
"""

from __future__ import annotations

import pytest

from tests.integration.test_binlog_live_transactions import (
    FULL,
    assert_every_kill_point_resumes,
    edges,
    ids,
    read,
    read_from,
    xa,
)
from tests.servers.sql import SqlServer

EDITIONS = [("make_mysql", "8.0"), ("make_mysql", "5.7"), ("make_mariadb", "bullseye"), ("make_mariadb", "trixie")]


@pytest.mark.parametrize(("kind", "edition"), EDITIONS)
def test_transactions_of_other_versions(request: pytest.FixtureRequest, kind: str, edition: str) -> None:
    options = {} if edition == "5.7" else FULL
    server: SqlServer = request.getfixturevalue(kind)(edition=edition, options=options)
    server.execute("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v TEXT)")
    first = server.flush_logs()
    inserts = [f"INSERT INTO t VALUES ({n}, 'row')" for n in range(10)]
    server.execute("USE d", "BEGIN", *inserts, "COMMIT")
    work = xa("a", "INSERT INTO t VALUES (60, 'a')", "DELETE FROM t WHERE id = 3")
    server.execute("USE d", *work, "XA PREPARE 'a'")
    server.execute("INSERT INTO d.t VALUES (70, 'x')")
    before = read(server)
    assert ids(before.events) == [*range(10), 70]
    assert [waiting.xid for waiting in before.place.prepared] == ["X'61',X'',1"]
    server.execute("XA COMMIT 'a'", "INSERT INTO d.t VALUES (80, 'x')")
    assert ids(read_from(server, before.position).events) == [60, 3, 80]
    second = server.flush_logs()
    assert second != first
    if options:
        assert assert_every_kill_point_resumes(second.read_bytes(), second.name) > 45
    if edition == "trixie":
        content = second.read_bytes()
        assert any(content[at + 13 : at + 17] == bytes(4) for at in edges(content)[:-1])
