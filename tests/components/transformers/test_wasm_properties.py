"""What the identity plugin returns is the batch itself, whatever is in it; writing every line anew changes nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from tests.components.transformers.guests import make_wasm
from tests.components.transformers.test_wasm import masked
from wlf.components.transformers._wasm.answer import read_answer
from wlf.components.transformers._wasm.forms import Forms
from wlf.components.transformers._wasm.lines import write_lines
from wlf.components.transformers.wasm import Wasm
from wlf.events import DeadLetter, Event, LogLine, RowDelete, RowInsert, RowUpdate, SchemaChange
from wlf.events.log import FileLine, Pod, PodLine
from wlf.events.rows import Place, put_place
from wlf.events.table import ColumnType, TableVersion

pytest.importorskip("wasmtime")

ROOT = Path(__file__).parents[3]

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "bigint": st.integers(-(2**63), 2**64 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "decimal": st.decimals(-(10**30), 10**30, places=3, allow_nan=False) | st.integers(-(10**38), 10**38).map(Decimal),
    "blob": st.binary(max_size=8),
    "varchar": TEXTS,
    "set": st.lists(TEXTS, max_size=3).map(tuple),
    "json": JSON,
}
TABLES = st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4)
ODD_NAMES = st.booleans()
PLACES = st.builds(Place, TEXTS, TEXTS, st.integers(0, 2**40), st.integers(0, 2**31), st.none(), st.just(0), st.just(1))


@st.composite
def rows(draw: st.DrawFn) -> Event:
    types = draw(TABLES)
    odd = '"' if draw(ODD_NAMES) else ""
    version = TableVersion("d", "t", [f"c{n}{odd}" for n in range(len(types))], [0], types=list(map(ColumnType, types)))

    def values() -> list[Any]:
        return [draw(COLUMNS[kind] | st.none() | st.just(UNSET)) for kind in types]

    kind = draw(st.sampled_from([RowInsert, RowUpdate, RowDelete]))
    more = {"old": version.row(*values())} if kind is RowUpdate else {}
    row = kind("d", "t", kind.__name__, draw(st.integers(0, 2**31)), data=version.row(*values()), **more)
    if draw(st.booleans()):
        put_place((row,), draw(PLACES))
    return row


ATTRIBUTES = st.dictionaries(TEXTS, JSON, max_size=3) | st.just(UNSET)
FINITE = st.floats(0, 2e9)
LINES = st.builds(LogLine, TEXTS, FINITE, TEXTS, attributes=ATTRIBUTES)
FILE_LINES = st.builds(FileLine, TEXTS, FINITE, TEXTS, attributes=ATTRIBUTES, file=TEXTS)
PODS = st.builds(Pod, TEXTS, TEXTS, TEXTS, TEXTS, st.integers(0, 9), labels=st.dictionaries(TEXTS, TEXTS, max_size=2))
POD_LINES = st.builds(PodLine, TEXTS, FINITE, TEXTS, kubernetes=PODS)
CHANGES = st.builds(SchemaChange, TEXTS, TEXTS, st.integers(0, 2**31), TEXTS)
PLAIN = rows() | LINES | FILE_LINES | POD_LINES | CHANGES
EVENTS = PLAIN | st.builds(DeadLetter, TEXTS, TEXTS, st.integers(1, 9), FINITE, PLAIN)
BATCHES = st.lists(EVENTS, max_size=12) | st.lists(FILE_LINES, max_size=12) | st.lists(rows(), max_size=12)


def parts(event: Any) -> list[Any]:
    """Values with their types all the way down, and the place of a row."""
    if isinstance(event, msgspec.Struct):
        place = getattr(event, "place", None)
        return [type(event), place, *(parts(value) for value in msgspec.structs.astuple(event))]
    if isinstance(event, dict):
        return [type(event), *((name, parts(value)) for name, value in event.items())]
    if isinstance(event, list | tuple):
        return [type(event), *map(parts, event)]
    return [type(event), repr(event)]


@pytest.fixture(scope="module")
def identity() -> Wasm:
    return make_wasm(ROOT / "sdk/wat/identity.wat")


@pytest.fixture(scope="module")
def every_second() -> Wasm:
    return make_wasm(ROOT / "sdk/wat/every_second.wat")


@pytest.fixture(scope="module")
def redact() -> Wasm:
    return make_wasm(ROOT / "sdk/built/redact.wasm")


@settings(deadline=None, max_examples=60)
@given(events=BATCHES)
def test_what_the_identity_plugin_returns_is_the_batch_itself(identity: Wasm, events: list[Event]) -> None:
    assert identity.transform(events) is events


@settings(deadline=None, max_examples=60)
@given(events=BATCHES)
def test_a_filter_keeps_the_very_objects(every_second: Wasm, events: list[Event]) -> None:
    assert list(map(id, every_second.transform(events))) == list(map(id, events[::2]))


@settings(deadline=None, max_examples=60)
@given(BATCHES)
def test_a_plugin_that_writes_every_line_anew_changes_no_value_no_type_and_no_place(events: list[Event]) -> None:
    given_lines = write_lines(events)
    # Other spaces, other escapes, another order of the members: no line is as it was.
    encode = msgspec.json.Encoder(decimal_format="number").encode
    anew = [json.loads(line, parse_float=Decimal) for line in given_lines.splitlines()]
    answer = b"".join(b" " + encode(dict(reversed(line.items()))) + b"\n" for line in anew)
    kept = read_answer(answer, given_lines, events, Forms())
    assert list(map(parts, kept)) == list(map(parts, events))


@settings(deadline=None, max_examples=60)
@given(messages=st.lists(st.lists(st.sampled_from([*'ab1@. \\"\n_-é', "12345678901234"])).map("".join), max_size=5))
def test_redact_does_to_every_text_what_pythons_re_does(redact: Wasm, messages: list[str]) -> None:
    kept = redact.transform([LogLine("s", 1.0, message) for message in messages])
    assert [event.message for event in kept] == list(map(masked, messages))
