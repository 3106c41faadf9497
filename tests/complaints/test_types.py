"""What users of other tools read that the server never wrote."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.binlog.build import Raw, transaction
from tests.binlog.build import binlog as whole_file
from tests.binlog.build import read as decoded
from tests.binlog.test_walk import MAP, inserted
from tests.complaints.pipelines import binlog, to_files, written
from tests.integration.wlf_run import WlfRun
from tests.servers.fixtures import Make
from tests.servers.sql import SqlServer
from wlf.errors import DecodeError

pytestmark = pytest.mark.servers

FORMATS = ("wlf", "maxwell", "debezium", "canal")
MOMENTS = (
    # TIMESTAMP, in UTC; DATETIME, in no zone.
    ("2024-03-10 07:30:00.125", "2024-03-10 02:30:00.5"),  # an hour that New York does not have
    ("2024-11-03 05:30:00.000", "2024-11-03 01:30:00"),  # and one that it has twice
    ("2024-11-03 06:30:00.000", "2024-11-03 01:30:00"),
    ("1986-05-04 03:59:59.000", "1986-05-04 00:00:00"),  # summer time in Shanghai began
    ("1970-01-01 00:00:01.000", "1969-12-31 23:59:59.5"),
    ("2038-01-19 03:14:07.999", "1900-01-01 00:00:00.001"),
)


def moments(server: SqlServer, first: int) -> None:
    values = ", ".join(
        f"({first + n}, '{stamp}', '{moment}', '2024-03-10', '-00:30:00')" for n, (stamp, moment) in enumerate(MOMENTS)
    )
    server.execute("SET time_zone = '+00:00'", f"INSERT INTO zones.t VALUES {values}")


def read(server: SqlServer, directory: Path) -> dict[str, list[Any]]:
    """What a run writes of a snapshot and of the stream behind it, in each format."""
    server.execute(
        "CREATE DATABASE zones",
        "CREATE TABLE zones.t (id INT PRIMARY KEY, s TIMESTAMP(3) NULL, d DATETIME(3), y DATE, t TIME)",
    )
    moments(server, 0)
    config = {
        "collectors": [binlog(server, "all", tables={"include": ["zones.*"]}, snapshot="initial")],
        "transformers": [{"id": "all", "type": "EventReplicator", "destinations": list(FORMATS)}],
        "dispatchers": to_files(directory, *FORMATS),
    }
    with WlfRun(directory, config) as run:
        run.wait_for(lambda: all(len(rows(directory, each)) >= 6 for each in FORMATS), "copy")
        moments(server, 100)
        run.wait_for(lambda: all(len(rows(directory, each)) == 12 for each in FORMATS), "go on")
        assert run.terminate() == 0
    return {format: rows(directory, format) for format in FORMATS}


def rows(directory: Path, format: str) -> list[Any]:
    """The rows alone, in their order."""
    messages = written(directory, format)
    if format == "debezium":
        return [message["after"] for message in messages if message.get("after")]
    found = [
        row for message in messages if (data := message["data"]) for row in (data if format == "canal" else [data])
    ]
    return [row for row in found if row]


def test_moments_are_the_same_in_every_zone_of_server_and_client(
    make_mysql: Make[Any], make_mariadb: Make[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maxwell 926, 903, 1036, 1650, 681, Debezium DBZ-741, DBZ-3238, DBZ-4032: moments that were off by the zone."""
    found = []
    number = itertools.count()
    for make, zone, local in (
        (make_mysql, "+00:00", "UTC"),
        (make_mysql, "+08:00", "America/New_York"),
        (make_mariadb, "+08:00", "America/New_York"),
    ):
        monkeypatch.setenv("TZ", local)
        server = make(options={"default-time-zone": zone})
        found.append(read(server, tmp_path / str(next(number))))
    assert found[0] == found[1] == found[2]
    expected = [(stamp, moment.ljust(23, "0") if "." in moment else f"{moment}.000") for stamp, moment in MOMENTS]
    for format, messages in found[0].items():
        copied, streamed = ([{**row, "id": None} for row in half] for half in (messages[:6], messages[6:]))
        assert copied == streamed, format
        if format == "wlf":
            assert [(row["s"], row["d"]) for row in copied] == expected


JSON_MAP = Raw(19, MAP.body.replace(bytes.fromhex("02 03 03 00 02"), bytes.fromhex("02 03 f5 01 04 02")))


def with_document(document: bytes) -> Raw:
    """A row of an INT and a JSON document."""
    head = inserted(1).body[:-9]
    return Raw(30, head + b"\0\1\0\0\0" + len(document).to_bytes(4, "little") + document)


MISFIT = "expected the rows to end with their event"
"""What the fast way says, which does not look at columns one by one."""
WRONG = {
    "too short": (MAP, Raw(30, inserted(1).body[:-1]), f"(column 2: expected 4 bytes, got 3|{MISFIT})"),
    "too long": (MAP, Raw(30, inserted(1).body + b"\0\0\0"), f"(column 1: expected 4 bytes, got 2|{MISFIT})"),
    "more columns": (
        MAP,
        Raw(30, inserted(1).body.replace(b"\2\0\2\xff", b"\2\0\3\xff")),
        "expected rows of 2 columns",
    ),
    "a document": (JSON_MAP, with_document(b"\2\xff\xff\xff\xff\1"), "column 2: expected a JSON value of 65535 bytes"),
}


@pytest.mark.parametrize(("table", "row", "told"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("before", [0, 30], ids=["first", "behind many"])
def test_what_cannot_be_read_is_told_with_place_table_and_column(table: Raw, row: Raw, told: str, before: int) -> None:
    """go-mysql 83, 697, python-mysql-replication 132, 334, 223: a panic or an IndexError that named no table."""
    good = with_document(b"\4\1") if table is JSON_MAP else inserted(1)
    with pytest.raises(DecodeError, match=rf"^binlog\.000001:\d+: t\.ut: {told}") as caught:
        decoded(*transaction(table, *[good] * before, row))
    # Where the event begins: behind all others but the XID, which is not there.
    assert caught.value.position == len(whole_file(*transaction(table, *[good] * before)[:-1]))
