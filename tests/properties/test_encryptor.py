"""Whatever the event: decrypting what was encrypted gives it back, and whatever was changed in between is refused."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from tests.components.fakes import make_context
from tests.components.rows import configured, row
from wlf.components.transformers.encryptor import Encryptor, EncryptorConfig
from wlf.errors import WlfError
from wlf.events import DeadLetter, Event, LogLine, RowDelete, RowInsert, RowUpdate, SchemaChange
from wlf.events.codec import encode_json
from wlf.events.log import FileLine
from wlf.runtime.decrypt import decrypt_lines

KEYS = {"k1": bytes(range(32))}
TEXTS = st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.binary()
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
TIMES = st.floats(0, 4e9)
ROWS = st.fixed_dictionaries({"id": st.integers(), "email": VALUES, "n": VALUES, "other": VALUES})


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Events of all kinds, rows among them whose columns hold anything."""
    kind = draw(st.sampled_from(("line", "file", "insert", "update", "delete", "ddl", "dead")))
    attributes = draw(st.just(UNSET) | st.dictionaries(st.sampled_from(("email", "user", "x")), VALUES))
    if kind == "line":
        return LogLine(draw(TEXTS), draw(TIMES), draw(TEXTS), attributes=attributes)
    if kind == "file":
        return FileLine("files", draw(TIMES), draw(TEXTS), attributes=attributes, file=draw(TEXTS), offset=7)
    if kind == "ddl":
        return SchemaChange("d", "table-drop", 1, draw(TEXTS), table="t")
    if kind == "dead":
        return DeadLetter("node", draw(TEXTS), 1, draw(TIMES), draw(events()))
    data = row("d", "t", draw(ROWS))
    ts = draw(st.integers(0, 4_000_000_000))
    if kind == "update":
        names = draw(st.sets(st.sampled_from(("email", "n", "other"))))
        former = draw(ROWS)
        old = row("d", "t", {name: value if name in names else UNSET for name, value in former.items()})
        return RowUpdate("d", "t", "update", ts, data=data, old=old)
    return (RowInsert if kind == "insert" else RowDelete)("d", "t", kind, ts, data=data)


FIELDS = ("/message", "/attributes/email", "/attributes/user/name", "/data/email", "/data/n", "/data/no_such", "/sql")
MODES: dict[str, dict[str, Any]] = {
    "fields": {"fields": [{"field": field, "action": "encrypt"} for field in FIELDS]},
    "whole": {"whole": True},
    "whole, some kept": {"whole": True, "keep": ["ts", "source", "database", "table"]},
}


def encrypted(mode: str, *given: Event) -> list[bytes]:
    keys = [{"id": name, "key": key.hex()} for name, key in KEYS.items()]
    config = configured(EncryptorConfig, destination="out", keys=keys, **MODES[mode])
    return encode_json(Encryptor(config, make_context()).transform(given))


def read(line: bytes) -> Any:
    return msgspec.json.Decoder(float_hook=Decimal).decode(line)


@pytest.mark.parametrize("mode", MODES)
@given(some=st.lists(events(), min_size=1, max_size=4))
def test_what_was_encrypted_comes_back(mode: str, some: list[Event]) -> None:
    lines = list(decrypt_lines(encrypted(mode, *some), KEYS))
    assert [read(line) for line in lines] == [read(line) for line in encode_json(some)]


SECRET = "a text that must not be seen"
EVENT = FileLine("files", 1_795_889_303.25, SECRET, file="/var/log/x", attributes={"email": SECRET})


def places(value: Any) -> list[tuple[dict[str, Any], str]]:
    """Where ciphertexts, nonces and what is bound to them stand."""
    found = []
    for name, below in value.items():
        if isinstance(below, dict):
            found += places(below)
        elif name in ("nonce", "ciphertext", "key_id", "ts", "source") or str(below).startswith("wlf1:"):
            found.append((value, name))
    return found


@pytest.mark.parametrize("mode", ["fields", "whole, some kept"])
@given(draw=st.data())
def test_whatever_is_changed_is_refused(mode: str, draw: st.DataObject) -> None:
    (line,) = encrypted(mode, EVENT)
    value = msgspec.json.decode(line)
    found = [(holder, name) for holder, name in places(value) if mode != "fields" or name not in ("ts", "source")]
    holder, name = draw.draw(st.sampled_from(found))
    if name in ("ts", "source"):
        holder[name] = draw.draw((TIMES if name == "ts" else TEXTS).filter(lambda other: other != holder[name]))
    else:
        holder[name] = _bent(holder[name], draw)
    told: list[str] = []
    changed = msgspec.json.encode(value)
    (out,) = decrypt_lines([changed], KEYS, told.append)
    assert len(told) == 1
    assert out.count(SECRET.encode()) == line.count(b"wlf1:") - 1 if mode == "fields" else SECRET.encode() not in out
    with pytest.raises(WlfError, match="line 1: "):
        list(decrypt_lines([changed], KEYS))


def _bent(text: str, draw: st.DataObject) -> str:
    """The text with one bit of its bytes turned, or cut short."""
    head, colon, body = text.rpartition(":")
    try:
        raw = bytearray(base64.b64decode(body, validate=True))
    except ValueError:
        return text + "x"
    if draw.draw(st.booleans()):
        index = draw.draw(st.integers(0, len(raw) * 8 - 1))
        raw[index // 8] ^= 1 << index % 8
    else:
        del raw[draw.draw(st.integers(1, len(raw) - 1)) :]
    return head + colon + base64.b64encode(raw).decode()
