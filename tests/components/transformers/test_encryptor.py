"""Encryptor: nothing of what is protected leaves in clear, whatever else of the event goes on as it came."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from tests.components.fakes import make_context
from tests.components.rows import configured, delete, insert, update, version
from wlf.components.transformers._encryptor import cipher
from wlf.components.transformers.encryptor import Encryptor, EncryptorConfig
from wlf.errors import ComponentError, ConfigError, TransformFailed
from wlf.events import DeadLetter, Encrypted, LogLine, RowInsert, SchemaChange
from wlf.events.codec import FORMATS, encode_json
from wlf.events.formats.debezium import encode_debezium_schema
from wlf.events.formats.maxwell import encode_maxwell
from wlf.events.log import Container, ContainerLine, FileLine
from wlf.events.rows import Origin, Place, put_place
from wlf.events.table import ColumnType, TableVersion
from wlf.graph.compile import compile_text
from wlf.runtime.decrypt import decrypt_lines

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
KEYS = [{"id": "k1", "key": base64.b64encode(KEY).decode()}]
HASH_KEY = "a key of sixteen bytes or more"


def make(*fields: dict[str, Any], **options: Any) -> Encryptor:
    if fields:
        options["fields"] = list(fields)
    config = configured(EncryptorConfig, destination="out", **{"keys": KEYS, "hash_key": HASH_KEY, **options})
    return Encryptor(config, make_context())


def encrypt(field: str) -> dict[str, Any]:
    return {"field": field, "action": "encrypt"}


def one(node: Encryptor, event: Any) -> Any:
    (found,) = node.transform((event,))
    return found


def text(event: Any) -> Any:
    return msgspec.json.decode(encode_json((event,))[0])


def opened(event: Any, **keys: bytes) -> Any:
    (line,) = decrypt_lines(encode_json((event,)), keys or {"k1": KEY})
    return msgspec.json.decode(line)


def test_a_field_becomes_a_token_with_the_keys_name_and_all_else_stays() -> None:
    event = FileLine("files", 1.0, "my secret", file="/x", attributes={"user": {"email": "a@b.c", "n": 1}, "k": "v"})
    found = one(make(encrypt("/message"), encrypt("/attributes/user/email")), event)
    assert type(found) is FileLine
    assert found.message.startswith("wlf1:k1:")
    assert found.attributes["user"]["email"].startswith("wlf1:k1:")
    assert "secret" not in repr(found)
    assert (found.file, found.attributes["user"]["n"], found.attributes["k"]) == ("/x", 1, "v")
    assert event.attributes["user"]["email"] == "a@b.c"
    assert opened(found) == text(event)


def test_a_column_of_any_type_becomes_text_in_data_and_old_and_null_stays_null() -> None:
    event = update(old={"email": "old@b.c", "n": 1}, id=1, email="a@b.c", n=None, bytes=b"\x00\xff", other=2)
    place = Place("server", "binlog.1", 5, 1, None, 0, 1)
    put_place((event,), place)
    found = one(make(encrypt("/data/email"), encrypt("/data/n"), encrypt("/data/bytes")), event)
    shown = text(found)
    assert found.place is place
    assert [shown["data"][name] for name in ("id", "n", "other")] == [1, None, 2]
    assert all(shown["data"][name].startswith("wlf1:k1:") for name in ("email", "bytes"))
    assert set(shown["old"]) == {"email", "n"}
    assert shown["old"]["n"].startswith("wlf1:k1:")
    assert opened(found) == text(event)


def test_rows_of_tables_without_the_column_and_events_without_the_field_are_left_alone() -> None:
    node = make(encrypt("/data/email"), encrypt("/attributes/email"))
    events = (insert(id=1), LogLine("s", 1.0, "m"), SchemaChange("d", "ddl", 1, "x"), delete(id=2))
    assert all(made is event for made, event in zip(node.transform(events), events, strict=True))
    node.transform((insert(id=1, email="a"), update(old={"email": "b"}, id=1, email="c"), insert("t2", email=None)))
    numbers: Any = node.context.metrics
    assert numbers["wlf_protected_values_total", "/data/email"] == 3
    assert numbers["wlf_protected_values_total", "/attributes/email"] == 0


def test_the_same_value_is_never_encrypted_the_same() -> None:
    events = [LogLine("s", 1.0, "same") for _ in range(500)]
    assert len({event.message for event in make(encrypt("/message")).transform(events)}) == 500  # type: ignore[attr-defined]


def test_rows_that_are_plain_mappings_are_protected_too() -> None:
    event = RowInsert("d", "t", "insert", 1, data={"id": 1, "email": "a@b.c"})
    found = one(make(encrypt("/data/email")), event)
    assert found.data["email"].startswith("wlf1:")
    assert opened(found) == text(event)


def test_a_column_whose_name_no_struct_can_have_is_protected() -> None:
    table = TableVersion("d", "t", ("id", 'e"mail'))
    event = RowInsert("d", "t", "insert", 1, data=table.row(1, "a@b.c"))
    found = one(make(encrypt('/data/e"mail')), event)
    assert "a@b.c" not in encode_json((found,))[0].decode()
    assert opened(found) == text(event)


def test_columns_that_changed_from_what_was_not_logged_stay_known_as_such() -> None:
    table = version("d1", "t1", ("id", "email", "blob"), ("id",))
    event = msgspec.structs.replace(
        update(old={}, id=1, email="a", blob="b"),
        data=table.row(1, "a", "b"),
        old=table.old_row((2,))(UNSET, "o", UNSET),
    )
    found = one(make(encrypt("/data/email")), event)
    assert type(found.old).__unknown__ == (2,)
    assert opened(found) == text(event)


def test_formats_with_a_schema_say_that_the_column_is_text() -> None:
    table = TableVersion("d", "t", ("id", "n"), (0,), types=(ColumnType("int"), ColumnType("int", nullable=False)))
    event = RowInsert("d", "t", "insert", 1, data=table.row(1, 5))
    message = msgspec.json.decode(encode_debezium_schema((one(make(encrypt("/data/n")), event),))[0])
    after = next(field for field in message["schema"]["fields"] if field["field"] == "after")
    field = next(field for field in after["fields"] if field["field"] == "n")
    assert (field["type"], field["optional"]) == ("string", False)
    (line,) = decrypt_lines([msgspec.json.encode(message)], {"k1": KEY})
    assert msgspec.json.decode(line)["payload"]["after"] == {"id": 1, "n": 5}


@pytest.mark.parametrize("action", [{"action": "encrypt"}, {"action": "mask"}])
def test_columns_of_the_primary_key_are_only_hashed(action: dict[str, Any]) -> None:
    node = make({"field": "/data/id", **action})
    event, other = insert(id=1, n=2), insert("t2", n=1)
    with pytest.raises(TransformFailed) as caught:
        node.transform((event, other))
    assert caught.value.reasons == {0: "'id' is in the primary key of d1.t1: only hash keeps keys apart"}
    assert caught.value.events[1] is other


def test_a_hashed_key_is_the_same_wherever_the_key_stands() -> None:
    event = msgspec.structs.replace(insert(id=17, n=2), primary_key=(17,), primary_key_columns=("id",))
    found = one(make({"field": "/data/id", "action": "hash"}), event)
    expected = hmac.new(HASH_KEY.encode(), b"17", "sha256").hexdigest()
    assert found.primary_key == (expected,)
    assert found.data.__table__.key(found.data) == (expected,)
    assert found.data.f1 == 2


def test_the_statement_goes_with_the_columns_it_may_hold() -> None:
    origin = Origin(1, 2, "INSERT INTO t VALUES (1, 'a@b.c')", 3, 4)
    event = msgspec.structs.replace(insert(id=1, email="a@b.c"), query="INSERT INTO t VALUES (1, 'a@b.c')")
    put_place((event,), Place("server", "binlog.1", 5, 1, None, 0, 1, origin))
    node = make(encrypt("/data/email"))
    found = one(node, event)
    assert found.query is UNSET
    assert found.place == event.place._replace(origin=origin._replace(query=None))
    for encode in (encode_json, encode_maxwell, encode_debezium_schema):
        assert b"a@b.c" not in encode((found,))[0]
    (untouched,) = make(encrypt("/data/phone")).transform((event,))
    assert untouched is event


def test_whole_events_become_encrypted_with_what_was_kept() -> None:
    node = make(whole=True, keep=["ts", "source", "table"])
    line, row = LogLine("files", 1.5, "my secret"), insert(id=1, email="a@b.c")
    found: list[Any] = list(node.transform((line, row, DeadLetter("n", "e", 1, 2.0, row))))
    assert [type(event) for event in found] == [Encrypted] * 3
    assert [(e.key_id, e.ts, e.source, e.table) for e in found] == [
        ("k1", 1.5, "files", UNSET),
        ("k1", 1_700_000_000, UNSET, "t1"),
        ("k1", 2.0, UNSET, UNSET),
    ]
    assert Encryptor.emits(node.config, frozenset((LogLine,))) == {Encrypted}
    assert opened(found[0]) == text(line)
    assert opened(found[1]) == text(row)
    assert opened(found[2])["event"] == text(row)


@pytest.mark.parametrize("format", ["json", "maxwell", "debezium", "debezium_schema", "canal"])
def test_columns_come_back_from_every_format(format: str) -> None:
    event = update(old={"email": "old@b.c"}, id=1, email="a@b.c", other="x")
    (line,) = FORMATS[format]((one(make(encrypt("/data/email")), event),))
    assert b"@b.c" not in line
    (clear,) = decrypt_lines([line], {"k1": KEY})
    assert clear.count(b'"a@b.c"') == 1
    assert clear.count(b'"old@b.c"') == 1
    assert b"wlf1:" not in clear


def test_a_format_that_has_no_message_for_encrypted_events_is_an_error_before_the_run() -> None:
    text = f"""
collectors: [{{id: b, type: Binlog, destination: e, files: [none.000001]}}]
transformers: [{{id: e, type: Encryptor, destination: o, whole: true, keys: [{{id: k, key: {KEY.hex()}}}]}}]
dispatchers: [{{id: o, type: Stdout, format: debezium}}]
"""
    with pytest.raises(ConfigError, match="Encrypted"):
        compile_text(text)


@pytest.mark.parametrize("change", [{"ts": 2.5}, {"source": "other"}, {"ts": UNSET}, {"table": "t"}])
def test_what_was_kept_of_an_event_cannot_be_changed(change: dict[str, Any]) -> None:
    found = one(make(whole=True, keep=["ts", "source"]), LogLine("files", 1.5, "my secret"))
    lines = encode_json((msgspec.structs.replace(found, **change),))
    told: list[str] = []
    assert b"secret" not in b"".join(decrypt_lines(lines, {"k1": KEY}, told.append))
    assert "it was changed or moved" in told[0]


def test_dead_letters_have_the_fields_of_their_event_protected() -> None:
    letter = DeadLetter("n", "e", 1, 2.0, insert(id=1, email="a@b.c"))
    found = one(make(encrypt("/data/email")), letter)
    assert "a@b.c" not in encode_json((found,))[0].decode()
    assert opened(found) == text(letter)


def test_a_token_in_another_field_is_refused() -> None:
    found = one(make(encrypt("/data/a"), encrypt("/data/b")), insert(id=1, a="1", b="2"))
    shown = text(found)
    shown["data"]["a"], shown["data"]["b"] = shown["data"]["b"], shown["data"]["a"]
    told: list[str] = []
    (line,) = decrypt_lines([msgspec.json.encode(shown)], {"k1": KEY}, told.append)
    assert msgspec.json.decode(line) == shown
    assert len(told) == 2


def test_the_first_key_encrypts_and_all_are_there_to_decrypt() -> None:
    old = one(make(encrypt("/message")), LogLine("s", 1.0, "old"))
    keys = [{"id": "k2", "key": OTHER.hex()}, *KEYS]
    new = one(make(encrypt("/message"), keys=keys), LogLine("s", 1.0, "new"))
    assert new.message.startswith("wlf1:k2:")
    assert [opened(event, k1=KEY, k2=OTHER)["message"] for event in (old, new)] == ["old", "new"]


def test_hashes_are_those_of_the_standard_library_cut_and_written_as_the_config_says() -> None:
    node = make(
        {"field": "/message", "action": "hash", "encoding": "base64", "length_bytes": 16},
        {"field": "/attributes/n", "action": "hash", "algorithm": "blake2b"},
    )
    found = one(node, LogLine("s", 1.0, "ä", attributes={"n": 12}))
    key = HASH_KEY.encode()
    assert found.message == base64.b64encode(hmac.new(key, "ä".encode(), "sha256").digest()[:16]).decode()
    assert found.attributes["n"] == hashlib.blake2b(b"12", key=key, digest_size=32).hexdigest()


@pytest.mark.parametrize(
    ("options", "value", "masked"),
    [
        ({}, "secret", "******"),
        ({"keep_last_characters": 4}, "4111111111111111", "************1111"),
        ({"keep_first_characters": 1, "keep_last_characters": 1}, "anna", "a**a"),
        ({"keep_first_characters": 2, "keep_last_characters": 2}, "anna", "****"),
        ({"character": "x"}, 12.5, "xxxx"),
        (
            {"pattern": r"\b\d{12,19}\b", "keep_last_characters": 4},
            "card 4111111111111111 of 12",
            "card ************1111 of 12",
        ),
        ({"pattern": "x*"}, "ab", "ab"),
    ],
)
def test_masks(options: dict[str, Any], value: Any, masked: str) -> None:
    node = make({"field": "/attributes/v", "action": "mask", **options})
    assert one(node, LogLine("s", 1.0, "m", attributes={"v": value})).attributes["v"] == masked


def test_an_event_that_cannot_be_protected_has_failed_and_the_reason_holds_nothing_of_it() -> None:
    node = make(encrypt("/container/labels/v"), encrypt("/attributes/v"))
    events = [
        LogLine("s", 1.0, "m"),
        LogLine("s", 1.0, "m", attributes={"v": object()}),
        LogLine("s", 1.0, "m", attributes={"v": "ok"}),
    ]
    with pytest.raises(TransformFailed) as caught:
        node.transform(events)
    assert caught.value.reasons == {1: "a value cannot be written as JSON"}
    assert caught.value.events[2].attributes["v"].startswith("wlf1:")
    with pytest.raises(TransformFailed) as caught:
        node.transform([ContainerLine("s", 1.0, "m", container=Container("0", "shop", labels={"v": "secret"}))])
    assert caught.value.reasons == {0: "what lies in a Container cannot be changed"}
    with pytest.raises(TransformFailed) as caught:
        make(encrypt("/offset")).transform([FileLine("s", 1.0, "m", offset=7)])
    assert caught.value.reasons == {0: "expected a text in /offset, got int"}


def test_a_key_that_was_used_as_often_as_it_may_encrypts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cipher, "MAX_SEALED", 3)
    node = make(encrypt("/message"))
    node.transform([LogLine("s", 1.0, "m")] * 3)
    numbers: Any = node.context.metrics
    assert numbers["wlf_encrypted_values_total", "k1"] == 3
    with pytest.raises(ComponentError, match="has encrypted 2\\^32 values"):
        node.transform([LogLine("s", 1.0, "m")])


GOOD = {"fields": [encrypt("/message")], "keys": KEYS}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"on_error": "pass"}, "Invalid enum value 'pass'"),
        ({"whole": True}, "expected one of `whole: true` and `fields`, got both"),
        ({"fields": []}, "got neither"),
        ({"keep": ["ts"]}, "expected `whole: true` beside `keep`"),
        ({"keys": []}, "expected `keys` to encrypt with"),
        ({"keys": [*KEYS, *KEYS]}, "expected another `id` for each of `keys`"),
        ({"keys": [{"id": "k", "key": "c2hvcnQgc2VjcmV0"}]}, "expected 32 bytes as base64 or as 64 hexadecimal digits"),
        ({"keys": [{"id": "a:b", "key": KEY.hex()}]}, "id"),
        ({"fields": [{"field": "/message", "action": "hash"}]}, "expected `hash_key` beside `action: hash`"),
        ({"fields": [{"field": "/message", "action": "hash"}], "hash_key": "secret"}, "of 16 to 64 bytes, got 6"),
        ({"fields": [encrypt("/message"), {"field": "message", "action": "mask"}]}, "expected each field once"),
        ({"fields": [encrypt("/ts")]}, "expected a pointer such as /message"),
        ({"fields": [encrypt("/old/email")]}, "expected a pointer such as /message"),
        ({"fields": [encrypt("/data/doc/email")]}, "expected a pointer such as /message"),
        ({"fields": [{"field": "/message", "action": "mask", "pattern": "("}]}, "expected a regular expression"),
    ],
)
def test_options_that_cannot_work_are_refused_without_a_word_of_a_key(options: dict[str, Any], why: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        configured(EncryptorConfig, destination="out", **{**GOOD, **options})
    assert why in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "c2hvcnQ" not in str(caught.value)


def test_keys_are_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    node = make(encrypt("/message"), {"field": "/attributes/v", "action": "hash"})
    node.transform([LogLine("s", 1.0, "m", attributes={"v": 1})])
    shown = f"{node.config!r}{node.config}{caplog.text}"
    for secret in (KEYS[0]["key"], HASH_KEY, KEY.hex()):
        assert secret not in shown
