"""The corner cases of column types and row images on real servers, with every kind of metadata."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.binlog.build import Reading
from tests.binlog.type_cases import Case, Outcome, cases_of, metadata_kinds, run_cases
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer
from wlf.errors import DecodeError

pytestmark = pytest.mark.servers


def named(kind: type[SqlServer]) -> list[int]:
    return list(range(len(cases_of(kind.__new__(kind)))))


def name_of(kind: type[SqlServer]) -> Callable[[object], str]:
    cases = cases_of(kind.__new__(kind))
    return lambda number: f"{cases[int(str(number))].type}: {cases[int(str(number))].title}"


def all_of(server: SqlServer) -> list[list[Outcome]]:
    return [run_cases(server, metadata) for metadata in metadata_kinds(server)]


@pytest.fixture(scope="module")
def of_mysql(mysql: MySQL) -> list[list[Outcome]]:
    return all_of(mysql)


@pytest.fixture(scope="module")
def of_mariadb(mariadb: MariaDB) -> list[list[Outcome]]:
    return all_of(mariadb)


def assert_fine(outcomes: list[list[Outcome]], number: int) -> None:
    wrong = [found[number] for found in outcomes if found[number].status.startswith("wrong")]
    assert wrong == []
    assert outcomes[0][number].status == "ok" or "takes 11." in outcomes[0][number].status


@pytest.mark.parametrize("number", named(MySQL), ids=name_of(MySQL))
def test_mysql(of_mysql: list[list[Outcome]], number: int) -> None:
    assert_fine(of_mysql, number)


@pytest.mark.parametrize("number", named(MariaDB), ids=name_of(MariaDB))
def test_mariadb(of_mariadb: list[list[Outcome]], number: int) -> None:
    assert_fine(of_mariadb, number)


def test_a_wrong_value_would_be_found(mysql: MySQL) -> None:
    statements = ("CREATE TABLE t (a decimal(5,2))", "INSERT INTO t VALUES (1.5)")
    cases = [Case("decimal", "x", statements, ((text,),)) for text in ("1.50", 1.5)]
    cases += [Case("decimal", "x", ("CREATE TABLE t (a nonsense)",), ()), Case("decimal", "x", statements, ())]
    statuses = [outcome.status for outcome in run_cases(mysql, "FULL", cases)]
    assert all(status.startswith("wrong: ") for status in statuses)


def test_a_table_id_used_again_after_a_restart_is_of_another_table(make_mysql: Callable[..., MySQL]) -> None:
    server = make_mysql()
    server.execute("CREATE DATABASE d", "CREATE TABLE d.a (x int)", "INSERT INTO d.a VALUES (1)")
    server.restart()
    insert = "INSERT INTO d.b VALUES ('y', 2)"
    server.execute("CREATE TABLE d.b (y varchar(9), z int)", insert, "INSERT INTO d.a VALUES (3)")
    server.flush_logs()
    reading = Reading()
    for path in server.binlog_files()[:-1]:
        reading.file(path.read_bytes(), name=path.name)
    assert reading.rows == [{"x": 1}, {"y": "y", "z": 2}, {"x": 3}]


@pytest.mark.parametrize("metadata", ["FULL", "NO_LOG"])
def test_old_times_with_fractions_are_an_error_that_says_why(mariadb: MariaDB, metadata: str) -> None:
    statements = (
        "SET GLOBAL mysql56_temporal_format = OFF",
        "CREATE TABLE t (a time(6), b int)",
        "SET GLOBAL mysql56_temporal_format = ON",
        "INSERT INTO t VALUES ('-01:02:03.5', 7), ('10:20:30', 8)",
    )
    (found,) = run_cases(mariadb, metadata, [Case("time", "with fractions, of the old format", statements, ())])
    assert found.status.startswith(f"wrong: {DecodeError.__name__}")
    assert "mysql56_temporal_format=OFF" in found.status
