"""Events as real servers wrote them: MySQL 9.7 and MariaDB 10.11."""

from __future__ import annotations

import zlib
from decimal import Decimal

import pytest

from tests.binlog.build import Raw, captured, query, read, transaction, xid
from wlf.binlog import GtidSet, Statement
from wlf.binlog.tablemap import parse_table_map
from wlf.errors import DecodeError

TYPES, IMAGES, TABLES, JSON = (
    "mysql97_types",
    "mysql97_images_temporal",
    "mysql97_fk_ctas_multitable",
    "mysql97_json_gtid_payload",
)


def rows_only(events: list[Raw]) -> list[Raw]:
    """Table maps and rows events."""
    return [event for event in events if event.kind in (19, 23, 24, 25, 30, 31, 32, 166)]


def test_a_year_takes_a_signedness_bit() -> None:
    reading = read(*transaction(*rows_only(captured(TYPES, "signedness year"))))
    first, second = reading.rows
    assert first == {"y": 2024, "a": 4000000000, "b": -1, "d": Decimal("1.25"), "bt": 257, "f": 1.5}
    assert second == {"y": 0, "a": 1, "b": 2, "d": Decimal("3.00"), "bt": None, "f": None}


def test_strings_by_their_collations_and_lengths() -> None:
    reading = read(*transaction(*rows_only(captured(TYPES, "strings"))))
    assert reading.rows == [
        {
            "b": bytes.fromhex("00112233445566778899aabbccddee00"),
            "c": "a",
            "c2": "ü",
            "vb": b"\0",
            "vc": " x",
            "vc2": "yy",
            "t": "t",
            "js": {"a": 1},
            "g": "SRID=4326;POINT(2 1)",
            "e": "ü",
            "s": ("x", "z"),
            "inv": None,
        }
    ]


def test_vectors_are_character_columns_and_lists_of_numbers() -> None:
    assert read(*transaction(*rows_only(captured(TYPES, "vector/functional")))).rows == [
        {"a": 1, "v": [1.0, 2.0, 3.0], "v2": None, "fi": 5, "j": [1, 2, 3], "gv": 2, "gs": 3}
    ]


def test_an_update_keeps_only_former_values_that_differ() -> None:
    reading = read(*transaction(*rows_only(captured(TYPES, "update vcol"))))
    assert reading.rows[0]["fi"] == 6
    assert reading.olds == [{"fi": 5}]


def test_bits_behind_the_last_column_are_ignored() -> None:
    # A functional index puts its hidden column's bit into the padding of the bitmap: ff 88 for seven columns.
    reading = read(*transaction(*rows_only(captured(TYPES, "minimal"))))
    assert reading.rows[0]["fi"] == 7
    assert reading.olds == [{"fi": 6}]


def test_a_minimal_update_has_the_key_of_the_image_before() -> None:
    reading = read(*transaction(*rows_only(captured(IMAGES, "minimal 15 col 8 set"))))
    assert reading.rows == [{"id": 1, **{f"c{n}": n for n in range(1, 9)}}]
    # What the columns were is not logged, which is not NULL.
    assert reading.olds == [{}]


def test_a_minimal_delete_has_the_key_alone() -> None:
    assert read(*transaction(*rows_only(captured(IMAGES, "minimal 15 col del")))).rows == [{"id": 1}]


def test_a_minimal_insert_has_the_given_columns_alone() -> None:
    assert read(*transaction(*rows_only(captured(IMAGES, "minimal insert")))).rows == [{"id": 2, "c3": 7}]


@pytest.mark.parametrize(
    ("section", "row", "old"),
    [
        ("noblob upd", {"id": 1, "a": 2, "c": "c"}, {"a": 1}),
        ("noblob upd blob", {"id": 1, "a": 2, "b": "zz", "c": "c"}, {}),
    ],
)
def test_noblob_images_leave_out_texts(section: str, row: dict[str, object], old: dict[str, object]) -> None:
    reading = read(*transaction(*rows_only(captured(IMAGES, section))))
    assert reading.rows == [row]
    assert reading.olds == [old]


def test_negative_and_long_times_keep_sign_hours_and_digits() -> None:
    first, second = (" ".join(map(str, row.values())) for row in read(*neg_times()).rows)
    assert first == (
        "1 -00:00:01 -00:00:00.5 -00:00:00.01 -00:00:00.001 -838:59:58.9999 -00:00:01.00001 -838:59:58.999999"
    )
    assert second == "2 838:59:59 -00:00:01.1 -00:00:01.10 00:00:00.001 00:00:00.0001 -12:34:56.78901 00:00:00.000001"


def neg_times() -> list[Raw]:
    """TIME of all precisions, most of them negative."""
    return transaction(*rows_only(captured(IMAGES, "neg time")))


def test_zero_and_impossible_dates_are_text_of_their_own() -> None:
    zero, impossible, early = read(*transaction(*rows_only(captured(IMAGES, "dates")))).rows
    assert zero == {
        "d": "0000-00-00",
        "dt": "0000-00-00 00:00:00",
        "dt6": "0000-00-00 00:00:00.000000",
        "dt1": "9999-12-31 23:59:59.9",
        "ts": "0000-00-00 00:00:00",
        "ts6": "0000-00-00 00:00:00.000000",
    }
    assert (impossible["d"], impossible["dt6"]) == ("2023-00-00", "2023-02-31 01:02:03.000001")
    assert (impossible["ts"], impossible["ts6"]) == ("1970-01-01 00:00:01", "2038-01-19 03:14:07.999999")
    assert (early["d"], early["dt"], early["dt1"]) == ("0001-01-01", "1000-01-01 00:00:00", "2024-02-29 23:59:59.5")
    assert early["ts"] is None


def test_rows_go_to_their_own_table_in_a_multi_table_update() -> None:
    reading = read(*transaction(*rows_only(captured(TABLES, "multi table update"))))
    changes = reading.transactions[0].changes
    assert [(change.binding.table, len(change.rows)) for change in changes] == [("ch1", 1), ("ut", 2)]


def test_foreign_key_cascades_are_rows_like_others() -> None:
    reading = read(*transaction(*rows_only(captured(TABLES, "fk cascade delete"))))
    assert [change.binding.table for change in reading.transactions[0].changes] == ["ch1", "pa1"]


def test_create_table_select_is_one_transaction_with_its_statement_first() -> None:
    reading = read(*captured(TABLES, "ctas"))
    statement, transaction_ = reading.items
    assert isinstance(statement, Statement)
    assert (statement.kind, statement.objects) == ("table-create", (("t", "ctas"),))
    assert transaction_ == reading.transactions[0]
    assert transaction_.commit
    assert transaction_.gtid == "37072cfd-e75a-11f1-b6db-02fc00000001:210"


def test_a_commit_query_ends_a_transaction_without_xid() -> None:
    begin, write, commit = captured(TABLES, "myisam")
    table_map = Raw(19, bytes.fromhex("a6 00 00 00 00 00 01 00 01 74 00 02 6d 79 00 01 03 00 00 01 01 00 04 02 01 61"))
    reading = read(begin, table_map, write, commit)
    (found,) = reading.transactions
    assert (found.xid, found.commit) == (None, True)
    assert reading.rows == [{"a": 1}]


def test_rows_of_partitions_are_found_behind_the_extra_information() -> None:
    reading = read(*transaction(*rows_only(captured(JSON, "partition"))))
    assert [row["a"] for row in reading.rows] == [1, 20, 11, 30, 30, 11]
    assert reading.olds == [{"a": 1}, {"a": 20}]


def test_opaque_json_values_read_as_mysql_prints_them() -> None:
    table_map = next(event for event in captured(JSON, "partial: none diff") if event.kind == 19)
    (write,) = captured(JSON, "json opaque")
    document = read(*transaction(table_map, write)).rows[0]["j"]
    assert document["dec"] == Decimal("-1234.5600")
    assert document["d"] == "2024-02-29"
    assert (document["i16"], document["u16"], document["u64"]) == (-32768, 65535, 18446744073709551615)
    assert document["g"]["coordinates"] == [1.0, 2.0]
    assert document["n"] is None
    assert (document["t"], document["y"]) == ("-838:59:58.000001", 2024)


def test_a_tagged_gtid_is_read_and_remembered() -> None:
    (tagged,) = captured(JSON, "tagged")
    table_map, write = rows_only(captured(JSON, "partition"))[:2]
    reading = read(tagged, query("BEGIN"), table_map, write, xid())
    assert reading.transactions[0].gtid == "37072cfd-e75a-11f1-b6db-02fc00000001:tagx:3"
    assert str(reading.decoder.gtids) == reading.transactions[0].gtid


def test_previous_gtids_with_tags() -> None:
    event = captured(JSON, "flush")[1]
    found = GtidSet.decode(event.body)
    assert str(found) == "37072cfd-e75a-11f1-b6db-02fc00000001:1-194:tagx:1-3"
    assert found.encode() == event.body
    assert GtidSet.parse(str(found)) == found


def test_mariadb_types() -> None:
    events = rows_only(captured("mariadb1011_types", "md types"))
    first, second = read(*transaction(*events), mariadb=True).rows
    assert first["a"] == 4000000000
    assert first["u"] == bytes.fromhex("6ccd780cbaba102695645b8c65602400")
    assert first["i6"] == bytes(16)
    assert (first["t3"], first["g"], first["j"]) == ("-00:00:00.500", "POINT(1 2)", '{"a": 1}')
    assert first["vc"] == "é"
    assert second["i4"] == bytes([1, 2, 3, 0])
    assert second["vc"] is None


def test_mariadb_compressed_columns_are_inflated() -> None:
    events = rows_only(captured("mariadb1011_types", "compressed cols"))
    first, second = read(*transaction(*events), mariadb=True).rows
    assert first == {"i": 1, "v": "a" * 200, "b": b"b" * 300, "t": ""}
    assert second == {"i": 2, "v": "short", "b": None, "t": "x"}


def test_mariadb_fractional_times_in_the_old_format_are_an_error() -> None:
    events = rows_only(captured("mariadb1011_types", "old temporal"))
    with pytest.raises(DecodeError, match=r"binlog.000001:\d+: .* mysql56_temporal_format=OFF"):
        read(*transaction(*events), mariadb=True)


def test_metadata_of_a_prefixed_key() -> None:
    table_map = captured(TYPES, "strings")[0]
    parsed = parse_table_map(table_map.body[6:], mariadb=False)
    assert parsed.primary_key == (4, 1)


def test_mariadb_compressed_rows_events() -> None:
    events = rows_only(captured("mariadb1011_types", "bin compress"))
    # The capture of the compressed event ends with its checksum.
    events = [Raw(event.kind, event.body[:-4] if event.kind == 166 else event.body) for event in events]
    rows = read(*transaction(*events), mariadb=True).rows
    assert [(row["y"], row["vc"], row["a"]) for row in rows] == [(2000, "z" * 10, None)] * 3


def test_mariadb_compressed_statements() -> None:
    sql = f"CREATE TABLE t1 (a int) COMMENT '{'x' * 500}'".encode()
    body = query("", "db").body + b"\x82" + len(sql).to_bytes(2, "big") + zlib.compress(sql)
    (statement,) = read(Raw(165, body), mariadb=True).items
    assert isinstance(statement, Statement)
    assert (statement.sql, statement.database, statement.kind) == (sql.decode(), "db", "table-create")
