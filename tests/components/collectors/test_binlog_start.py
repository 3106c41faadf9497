"""Where reading of a server begins and what its refusals mean, against a scripted server."""

from __future__ import annotations

from typing import Any

import pymysql
import pytest

from tests.components.rows import configured
from wlf.binlog import GtidSet, ServerRefused
from wlf.components.collectors._binlog.connection import refine
from wlf.components.collectors._binlog.dump import Identity
from wlf.components.collectors._binlog.grants import grant
from wlf.components.collectors._binlog.options import BinlogConfig
from wlf.components.collectors._binlog.place import Position, PreparedXa
from wlf.components.collectors._binlog.refusal import Purged, SameName, explain
from wlf.components.collectors._binlog.server import Server, binlog_files, check_replica, end_of_binlog
from wlf.components.collectors._binlog.side import SideConnection
from wlf.components.collectors._binlog.start import Start, choose
from wlf.errors import Retryable, SetupError

UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
MYSQL = Server("db:3306", {"version": "8.0.36", "server_uuid": UUID, "gtid_mode": "ON", "log_bin": "ON"})
NEW_MYSQL = Server("db:3306", {**MYSQL.variables, "version": "9.7.4"})
MARIADB = Server("db:3306", {"version": "5.5.5-10.11.6-MariaDB-log", "server_id": "7", "log_bin": "ON"})


class Side(SideConnection):
    """Answers each statement that begins with one of the keys; those given later are asked first."""

    def __init__(self, **answers: list[tuple[Any, ...]]) -> None:
        super().__init__(configured(BinlogConfig, destination="d"))
        self.answers = {key.replace("__", " "): rows for key, rows in {**ANSWERS, **answers}.items()}
        self.asked: list[str] = []

    def query(self, sql: str, arguments: object = None) -> list[tuple[Any, ...]]:
        self.asked.append(sql)
        return next(rows for key, rows in reversed(self.answers.items()) if sql.startswith(key))


FILES: list[tuple[Any, ...]] = [("b.999999", 500, "No"), ("b.1000000", 900, "No")]
END = ("b.1000000", 900, "", "", f"{UUID}:1-\n9")
ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "SHOW__BINARY__LOGS": FILES,
    "SHOW__MASTER__STATUS": [END],
    "SHOW__BINARY__LOG__STATUS": [END],
    "SHOW__BINLOG__EVENTS": [("b", 4, "Format_desc", 7, 9, ""), ("b", 9, "Gtid_list", 7, 99, "[0-7-3,\n1-7-1]")],
    "SHOW__REPLICA__STATUS": [],
    "SHOW__SLAVE__STATUS": [],
    "SHOW__ALL__SLAVES__STATUS": [],
    "SHOW__GLOBAL__STATUS": [("Rpl_semi_sync_source_wait_sessions", "0")],
    "SELECT": [("0-7-9,\n1-7-7",)],
    "SELECT__GTID_SUBTRACT": [("", "", "")],
    "SELECT__@@GLOBAL.gtid_binlog_state": [("0-7-9,1-7-7,1-8-5", "")],
    "SELECT__BINLOG_GTID_POS": [("0-7-5",)],
    "SELECT__VERSION": [("9.7.4", "wlf@%")],
}


def chosen(
    stored: Position | None = None,
    server: Server = MYSQL,
    answers: dict[str, list[tuple[Any, ...]]] | None = None,
    **options: Any,
) -> Start:
    return choose(configured(BinlogConfig, destination="d", **options), server, Side(**(answers or {})), stored)


def test_latest_is_the_end_with_its_gtid_set_on_one_line() -> None:
    assert chosen().position == Position("b.1000000", 900, UUID, f"{UUID}:1-9")


def test_earliest_is_the_first_file_that_is_left() -> None:
    assert chosen(start="earliest").position == Position("b.999999", 4, UUID)


def test_stored_position_beats_start() -> None:
    start = chosen(Position("b.999999", 77, UUID, f"{UUID}:1-5"), start="earliest")
    assert (start.request.file, start.request.offset, start.seen) == ("b.999999", 77, f"{UUID}:1-5")


def test_position_typed_without_a_server_is_taken_as_this_ones() -> None:
    assert chosen(Position("b.999999", 77)).position == Position("b.999999", 77, UUID)


def test_position_of_another_server_is_refused() -> None:
    with pytest.raises(SetupError, match="belongs to the server another, this one is server_id:7"):
        chosen(Position("b.999999", 77, "another"), MARIADB)


@pytest.mark.parametrize(
    ("position", "message"),
    [
        (Position("b.999998", 4), "is purged: the first available file is b.999999, the last one b.1000000"),
        (Position("b.1000001", 4), "does not exist"),
        (Position("b.999999", 501), "lies behind the end of the file, which has 500 bytes"),
    ],
)
def test_position_that_is_not_there_names_the_files_that_are(position: Position, message: str) -> None:
    with pytest.raises(SetupError, match=message):
        chosen(position)


def test_position_beyond_4_gib_begins_behind_its_gtid_set() -> None:
    files = {"SHOW__BINARY__LOGS": [*FILES, ("b.1000001", 5_000_000_000, "No")]}
    start = chosen(Position("b.1000001", 4_294_967_400, UUID, f"{UUID}:1-5"), answers=files)
    assert isinstance(start.request.gtid, bytes)
    assert start.position is None
    with pytest.raises(SetupError, match="beyond 4 GiB"):
        chosen(Position("b.1000001", 4_294_967_400, UUID), answers=files)


def test_position_at_the_end_of_a_huge_file_begins_at_the_next_one() -> None:
    """Behind the last transaction lies nothing but the name of the next file."""
    files = {"SHOW__BINARY__LOGS": [("b.000001", 5_000_000_000), ("b.000002", 900)]}
    end = 5_000_000_000 - 31 - len("b.000002")
    assert chosen(Position("b.000001", end), answers=files).position == Position("b.000002", 4, UUID)
    with pytest.raises(SetupError, match="beyond 4 GiB"):
        chosen(Position("b.000001", end - 1), answers=files)


STORED = Position("b.999999", 77, "former", f"{UUID}:1-5")
STORED_MARIADB = Position("b.999999", 77, "server_id:6", "0-7-5,1-7-7")


def lacking(set: str) -> dict[str, list[tuple[Any, ...]]]:
    return {"SELECT__GTID_SUBTRACT": [(set, "", "")]}


def test_position_of_another_server_goes_on_behind_its_gtids() -> None:
    start = chosen(STORED)
    assert start.request.gtid == GtidSet.parse(f"{UUID}:1-5").encode()
    assert (start.position, start.seen, start.gap) == (None, f"{UUID}:1-5", "")
    start = chosen(STORED_MARIADB, MARIADB)
    assert start.request.gtid == "0-7-5,1-7-7"


def test_gtids_of_another_make_of_server_are_refused() -> None:
    with pytest.raises(SetupError, match="are none of MariaDB"):
        chosen(STORED, MARIADB)
    with pytest.raises(SetupError, match="are none of MySQL"):
        chosen(STORED_MARIADB)


def test_server_without_gtids_cannot_take_over() -> None:
    off = Server("db:3306", {**MYSQL.variables, "gtid_mode": "OFF"})
    with pytest.raises(SetupError, match="another server's binlog, and this server has no GTIDs"):
        chosen(STORED, off)
    with pytest.raises(SetupError, match="and the position has no GTIDs"):
        chosen(Position("b.999999", 77, "former"))


def test_replica_that_is_behind_is_waited_for_and_an_errant_server_refused() -> None:
    with pytest.raises(Retryable, match=f"delivered already: {UUID}:4-5: is this replica behind"):
        chosen(STORED, answers={**lacking(f"{UUID}:4-5"), "SHOW__REPLICA__STATUS": [("a source",)]})
    with pytest.raises(SetupError, match=f"delivered already: {UUID}:4-5; it is no replica"):
        chosen(STORED, answers=lacking(f"{UUID}:4-5"))


@pytest.mark.parametrize(
    ("stored", "lacks"),
    [
        ("0-7-10,1-7-7", "0-7-10"),
        ("0-7-9,2-1-1", "2-1-1"),
        # Domain 1 is further on here, but without what another server wrote: they have diverged.
        ("0-7-9,1-8-6", "1-8-6"),
    ],
)
def test_mariadb_must_have_the_last_gtid_of_each_domain(stored: str, lacks: str) -> None:
    with pytest.raises(SetupError, match=f"delivered already: {lacks};"):
        chosen(Position("b.999999", 77, "server_id:6", stored), MARIADB)


def test_mariadb_made_from_a_backup_has_what_it_was_made_with_and_no_binlog_of_it() -> None:
    answers = {"SELECT__@@GLOBAL.gtid_binlog_state": [("0-7-9", "1-6-20")]}
    at = Position("b.999999", 77, "server_id:6", "0-7-9,1-6-20")
    assert chosen(at, MARIADB, answers).gap == ""
    with pytest.raises(SetupError, match="transactions 1-6-20 are purged"):
        chosen(Position("b.999999", 77, "server_id:6", "0-7-9,1-6-19"), MARIADB, answers)


def purged(server: Server) -> tuple[Position, dict[str, list[tuple[Any, ...]]]]:
    if server.is_mariadb:
        return Position("b.999998", 77, "server_id:6", "0-7-2,1-7-1"), {}
    return STORED, {"SELECT__GTID_SUBTRACT": [("", f"{UUID}:6-8", f"{UUID}:1-8")]}


@pytest.mark.parametrize(
    ("server", "missing", "rest"), [(MYSQL, f"{UUID}:6-8", f"{UUID}:1-8"), (MARIADB, "0-7-3", "0-7-3,1-7-1")]
)
def test_purged_gtids_stop_or_leave_a_gap_or_need_a_copy(server: Server, missing: str, rest: str) -> None:
    stored, answers = purged(server)
    with pytest.raises(SetupError, match=f"the transactions {missing} are purged") as caught:
        chosen(stored, server, answers)
    assert "on_purged: snapshot" in caught.value.hint
    earliest = chosen(stored, server, answers, on_purged="earliest")
    assert (earliest.seen, earliest.needs_snapshot) == (rest, False)
    assert missing in earliest.gap
    for options in ({"on_purged": "snapshot"}, {"snapshot": "when_needed"}, {"snapshot": {"mode": "when_needed"}}):
        copy = chosen(stored, server, answers, **options)
        assert copy.needs_snapshot
        assert copy.position is not None
        assert (copy.position.file, copy.position.offset) == ("b.1000000", 900)


def test_purged_file_is_no_loss_where_all_its_transactions_were_read() -> None:
    start = chosen(Position("b.999998", 77, UUID, f"{UUID}:1-5"))
    assert (start.request.gtid, start.gap) == (GtidSet.parse(f"{UUID}:1-5").encode(), "")


def test_purged_file_without_gtids_stops_or_leaves_a_gap_or_needs_a_copy() -> None:
    place = Position("b.999998", 77, UUID)
    earliest = chosen(place, on_purged="earliest")
    assert earliest.position == Position("b.999999", 4, UUID)
    assert "b.999998 of position b.999998:77 is purged" in earliest.gap
    assert chosen(place, on_purged="snapshot").needs_snapshot


def test_server_that_was_reset_is_found_although_the_offset_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wlf.components.collectors._binlog.start._COMMITTING_S", 0)
    here = STORED.of(UUID)
    with pytest.raises(SetupError, match=f"no longer has the transactions {UUID}:1-5"):
        chosen(here, answers=lacking(f"{UUID}:1-5"))
    waits = {"SHOW__GLOBAL__STATUS": [("Rpl_semi_sync_source_wait_sessions", "1")]}
    assert chosen(here, answers={**lacking(f"{UUID}:5"), **waits}).position == here


def test_xa_prepared_elsewhere_is_read_again_by_its_gtid() -> None:
    xa = PreparedXa("'x'", "b.999990", 50, f"{UUID}:3")
    stored = Position("b.999999", 77, "former", f"{UUID}:1-5", prepared=(xa,))
    side = Side()
    side.answers["SELECT GTID_SUBTRACT(%s, %s)"] = [(f"{UUID}:1-2:4-5",)]
    assert choose(configured(BinlogConfig, destination="d"), MYSQL, side, stored).seen == f"{UUID}:1-2:4-5"
    stored = Position("b.999999", 77, "server_id:6", "0-7-5,1-7-7", prepared=(xa,))
    with pytest.raises(SetupError, match="XA prepared on another server cannot be read again: 'x'"):
        chosen(stored, MARIADB)


def test_place_on_mariadb_gets_its_gtids_from_the_server() -> None:
    assert chosen(Position("b.999999", 77), MARIADB).seen == "0-7-5"


def test_encrypted_files_and_those_of_older_servers_have_the_same_size() -> None:
    assert binlog_files(Side(SHOW__BINARY__LOGS=[("b.000001", 1512, "Yes"), ("b.000002", 900)])) == {
        "b.000001": 1000,
        "b.000002": 900,
    }


@pytest.mark.parametrize("name", ["log_replica_updates", "log_slave_updates"])
def test_replica_that_does_not_log_what_it_replicates_is_refused(name: str) -> None:
    server = Server("db:3306", {**MYSQL.variables, name: "OFF"})
    with pytest.raises(SetupError, match=f"a replica with {name}=OFF"):
        check_replica(server, is_replica=True)
    check_replica(server, is_replica=False)


@pytest.mark.parametrize(
    ("version", "statement"),
    [
        ("8.0.36", "GRANT REPLICATION SLAVE, REPLICATION CLIENT, SELECT ON *.* TO 'a@b'@'10.%'"),
        ("10.4.1-MariaDB", "GRANT REPLICATION SLAVE, REPLICATION CLIENT, SELECT ON *.* TO 'a@b'@'10.%'"),
        ("5.5.5-10.11.6-MariaDB-log", "GRANT REPLICATION SLAVE, BINLOG MONITOR, SELECT ON *.* TO 'a@b'@'10.%'"),
    ],
)
def test_grant_is_in_the_servers_words(version: str, statement: str) -> None:
    assert grant(version, "a@b@10.%", "SELECT") == statement


def test_configured_id_has_always_the_same_uuid_and_a_drawn_one_never() -> None:
    assert Identity(7).uuid == Identity(7).uuid != Identity(8).uuid
    drawn = Identity(None)
    before = drawn.server_id, drawn.uuid
    drawn.draw_again()
    assert drawn.server_id > 2**31
    assert not {drawn.server_id, drawn.uuid} & set(before)


def test_gtid_set_goes_in_the_servers_own_form() -> None:
    assert chosen(server=MARIADB, start={"gtid": "0-1-5, 1-1-7"}).request.gtid == "0-1-5,1-1-7"
    request = chosen(start={"gtid": f"{UUID}:1-5"}).request
    assert isinstance(request.gtid, bytes)
    assert request.gtid[:8] == (1).to_bytes(8, "little")
    with pytest.raises(SetupError, match=r"start\.gtid"):
        chosen(start={"gtid": "0-1-5"})


def test_mariadb_is_known_by_its_version_behind_the_old_prefix() -> None:
    assert MARIADB.is_mariadb
    assert MARIADB.version == (10, 11, 6)
    assert MARIADB.uuid == "server_id:7"
    assert not MYSQL.is_mariadb


@pytest.mark.parametrize(
    ("server", "statement"),
    [(MYSQL, "SHOW MASTER STATUS"), (NEW_MYSQL, "SHOW BINARY LOG STATUS"), (MARIADB, "SHOW MASTER STATUS")],
)
def test_end_is_asked_for_in_the_words_the_server_knows(server: Server, statement: str) -> None:
    side = Side()
    end_of_binlog(side, server)
    assert statement in side.asked


@pytest.mark.parametrize(
    ("refused", "kind", "says"),
    [
        (
            ServerRefused(1236, "HY000", "Could not find first log file name"),
            Purged,
            "first available file is b.99",
        ),
        (ServerRefused(1236, "HY000", "required GTIDs are purged"), Purged, "set `on_purged`"),
        (ServerRefused(1236, "HY000", "Could not find GTID state requested by slave in any"), Purged, "`on_purged`"),
        (
            ServerRefused(1236, "HY000", "The binlog on the master is missing the GTID; slave has diverged"),
            SetupError,
            "delivered already",
        ),
        (ServerRefused(1236, "HY000", "0-1-9, which is not in the master's binlog"), SetupError, "connect to one that"),
        (ServerRefused(1236, "HY000", "cannot start in AUTO_POSITION mode: GTID_MODE = OFF"), SetupError, "gtid_mode"),
        (ServerRefused(1236, "HY000", "A slave with the same server_uuid/server_id"), SameName, "give each its own"),
        (ServerRefused(4052, "HY000", "A slave with the same server_uuid/server_id"), SameName, "give each its own"),
        (
            ServerRefused(1227, "42000", "Access denied"),
            SetupError,
            "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'wlf'@'%'",
        ),
        (ServerRefused(1053, "08S01", "Server shutdown in progress"), Retryable, "(1053)"),
    ],
)
def test_refusal_of_the_dump_is_explained(refused: ServerRefused, kind: type[Exception], says: str) -> None:
    error = explain(refused, "db:3306", Side())
    assert type(error) is kind
    assert says in str(error)


@pytest.mark.parametrize(
    ("code", "kind"), [(1045, SetupError), (1698, SetupError), (3159, SetupError), (1040, Retryable), (2003, Retryable)]
)
def test_refused_accounts_are_final_and_lost_servers_are_not(code: int, kind: type[Exception]) -> None:
    assert type(refine(pymysql.err.OperationalError(code, "why"), "cannot connect")) is kind
