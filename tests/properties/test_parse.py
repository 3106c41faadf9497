"""Whatever the text, Parse lets each event through in its place; what a writer of a format writes comes back."""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.components.fakes import make_context
from tests.components.rows import configured
from wlf.components.transformers.parse import MARK, Parse, ParseConfig
from wlf.events import LogLine
from wlf.events.codec import encode_json

FORMATS: dict[str, dict[str, Any]] = {
    "json": {"timestamp": {"field": "t"}},
    "logfmt": {"types": {"a": "int", "b": "float"}},
    "regex": {"pattern": r"(?P<a>\d+)\s(?P<b>.)?"},
    "grok": {"pattern": ["%{IP:a} %{NUMBER:n:float}", "%{TIMESTAMP_ISO8601:t}", "%{URI:u}|%{QS:q}|%{EMAILADDRESS:e}"]},
    "syslog": {},
    "csv": {"columns": ["a", "b"]},
    "common": {},
    "combined": {},
    "timestamp": {},
}
SEEDS = st.sampled_from(
    (
        '{"t":"2026-01-01","a":[1,{}]}',
        'a=1 b="x\\"" c',
        '<34>1 2026-10-11T22:14:15.003Z host app - ID [x y="z"] msg',
        "<34>Oct 11 22:14:15 host app[1]: msg",
        'a,"b,c"',
        '1.2.3.4 - - [28/Nov/2026:18:08:23 +0100] "GET / HTTP/1.1" 200 1 "-" "x"',
        "2026-11-28T18:08:23Z",
    )
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Text of any kind, and lines of a format with something cut out or put in."""
    seed = draw(st.one_of(st.text(), SEEDS))
    first, last = sorted((draw(st.integers(0, len(seed))), draw(st.integers(0, len(seed)))))
    return draw(st.sampled_from((seed, seed[:first] + draw(st.text(max_size=5)) + seed[last:])))


def node(format: str) -> Parse:
    return Parse(configured(ParseConfig, destination="out", format=format, **FORMATS[format]), make_context())


@pytest.mark.parametrize("format", FORMATS)
@given(messages=st.lists(texts(), max_size=8))
def test_every_event_goes_on_in_its_place_parsed_or_marked(format: str, messages: list[str]) -> None:
    events = [LogLine(f"line {n}", 1_795_889_303.0, message) for n, message in enumerate(messages)]
    found: Any = node(format).transform(events)
    assert [event.source for event in found] == [event.source for event in events]
    for event, made in zip(events, found, strict=True):
        if made.attributes and MARK in made.attributes:
            assert made.message == event.message or format == "syslog"
    for text in encode_json(found):
        msgspec.json.decode(text)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def fields(format: str, text: str, **options: Any) -> Any:
    made = Parse(configured(ParseConfig, destination="out", format=format, **options), make_context())
    event = LogLine("s", 1.0, text)
    (found,) = made.transform((event,))
    assert replace(found, attributes=event.attributes) == event
    return found.attributes or {}


@given(written=st.dictionaries(st.text(), VALUES, max_size=5))
def test_json_comes_back(written: dict[str, Any]) -> None:
    assert fields("json", msgspec.json.encode(written).decode()) == written


KEYS = st.text(st.characters(codec="utf-8", exclude_characters='="', exclude_categories=("Z", "C")), min_size=1)


@given(written=st.dictionaries(KEYS, st.text(), min_size=1, max_size=5))
def test_logfmt_comes_back(written: dict[str, str]) -> None:
    text = " ".join(f"{key}={msgspec.json.encode(value).decode()}" for key, value in written.items())
    assert fields("logfmt", text) == written


@given(written=st.lists(st.text(), min_size=2, max_size=5))
def test_csv_comes_back(written: list[str]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="", quoting=csv.QUOTE_ALL).writerow(written)
    columns = [f"c{n}" for n in range(len(written))]
    assert fields("csv", out.getvalue(), columns=columns) == dict(zip(columns, written, strict=True))
