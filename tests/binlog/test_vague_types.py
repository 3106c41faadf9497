"""MariaDB's types that its events do not tell: asked of the schema where there is one, binary strings elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.binlog.build import Reading, binlog, captured, stream, transaction
from wlf.binlog import NeedSchema, SchemaColumn
from wlf.binlog.charset import Undecodable
from wlf.binlog.codecs import codec_for
from wlf.binlog.tablemap import VARCHAR, Column


def events() -> bytes:
    """A table with uuid, inet6 and inet4 columns, with FULL metadata."""
    rows = [event for event in captured("mariadb1011_types", "md types") if event.kind in (19, 23)]
    return binlog(*transaction(*rows), mariadb=True)


def asked() -> tuple[Reading, NeedSchema]:
    reading = Reading(mode="stream")
    reading.keep(reading.decoder.feed(stream(events())))
    (need,) = (item for item in reading.items if isinstance(item, NeedSchema))
    reading.items.remove(need)
    return reading, need


def known(need: NeedSchema, **kinds: str) -> list[SchemaColumn]:
    names = [str(column.name) for column in need.logged]
    return [SchemaColumn(name, kinds.get(name, "int(10) unsigned")) for name in names]


def test_a_schema_is_asked_for_though_the_events_name_all_columns() -> None:
    reading, need = asked()
    assert reading.rows == []
    reading.decoder.provide(known(need, u="uuid", i6="inet6", i4="inet4"))
    first, second = reading.chunks([b""]).rows
    assert (first["u"], first["i6"]) == ("6ccd780c-baba-1026-9564-5b8c65602400", "::")
    assert (first["a"], second["i4"], first["vc"]) == (4000000000, "1.2.3.0", "é")


@pytest.mark.parametrize(
    "answer",
    [
        lambda reading, need: reading.decoder.provide(known(need)[:-1]),  # of another version of the table
        lambda reading, need: reading.decoder.refuse(),
    ],
)
def test_without_a_fitting_schema_they_are_binary(answer: Callable[[Reading, NeedSchema], None]) -> None:
    reading, need = asked()
    answer(reading, need)
    first, _ = reading.chunks([b""]).rows
    assert (first["u"], first["i6"]) == (bytes.fromhex("6ccd780cbaba102695645b8c65602400"), bytes(16))
    assert first["a"] == 4000000000


def test_files_are_read_without_asking() -> None:
    reading = Reading().file(events())
    assert reading.rows[0]["i6"] == bytes(16)


def test_a_vector_of_mariadb_is_a_list_of_numbers() -> None:
    codec = codec_for(Column(VARCHAR, 12, True, collation=63, declared="vector"), Undecodable())
    assert codec.variable
    assert codec.const(bytes.fromhex("0000803f00002040cdcccc3d")) == [1.0, 2.5, 0.1]
