"""Each load makes the row changes that it says, and each can be told from all others: losses are counted by it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.loads import DATABASE, LOADS
from tests.servers.mysql import MySQL
from wlf.binlog import Decoder, TableMap, Transaction
from wlf.components.collectors._binlog.assemble import Assembler
from wlf.events.rows import RowChange
from wlf.events.table import TableVersion, TableVersions

ROUNDS = 2


def rows_of(path: Path) -> list[Any]:
    """The row changes of a binlog file."""
    versions = TableVersions()

    def bind(table: TableMap) -> TableVersion:
        return versions.get(table.database, table.table, table.names, table.primary_key)

    decoder, assembler = Decoder(bind), Assembler()
    content = path.read_bytes()
    decoder.open_file(path.name, content)
    events = [e for item in decoder.feed(content[4:]) if isinstance(item, Transaction) for e in assembler.events(item)]
    while decoder.pending:
        events += [e for i in decoder.feed(b"") if isinstance(i, Transaction) for e in assembler.events(i)]
    return [event for event in events if isinstance(event, RowChange)]


@pytest.mark.parametrize("name", LOADS)
def test_each_change_of_a_load_is_there_and_has_an_identity_of_its_own(name: str, mysql: MySQL) -> None:
    load = LOADS[name]
    mysql.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
    load.prepare(mysql)
    mysql.flush_logs()
    load.write(mysql, ROUNDS)
    rows = rows_of(mysql.flush_logs())
    mysql.execute(f"DROP DATABASE {DATABASE}")
    names = [(row.database, row.table, *(value_of(row.data, c) for c in load.identity)) for row in rows]
    assert len(rows) == load.changes(ROUNDS)
    assert Counter(names).most_common(1)[0][1] == 1
    assert {(row.database, row.table) for row in rows} == {(DATABASE, table) for table in load.tables}


def value_of(row: Any, column: str) -> Any:
    return getattr(row, row.__struct_fields__[row.__struct_encode_fields__.index(column)])
