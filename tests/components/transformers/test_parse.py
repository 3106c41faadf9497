"""Parse: each format's fields, where they go, and what becomes of texts that are of another form."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from tests.components.fakes import make_context
from tests.components.rows import configured, insert, update
from wlf.components.transformers.parse import Parse, ParseConfig
from wlf.errors import TransformFailed
from wlf.events import LogLine
from wlf.events.codec import encode_json
from wlf.events.formats.debezium import encode_debezium_schema
from wlf.events.log import FileLine
from wlf.events.rows import Place, put_place
from wlf.events.table import ColumnType, TableVersion

NOW = datetime.datetime(2026, 11, 28, 18, tzinfo=datetime.UTC).timestamp()


def make(format: str, **options: Any) -> Parse:
    return Parse(configured(ParseConfig, destination="out", format=format, **options), make_context())


def line(message: str, **fields: Any) -> FileLine:
    return FileLine("files", NOW, message, file="/var/log/x.log", **fields)


def parsed(format: str, message: str, **options: Any) -> Any:
    (found,) = make(format, **options).transform((line(message),))
    return found


def fields(format: str, message: str, **options: Any) -> Any:
    found = parsed(format, message, **options).attributes
    assert "_parse_error" not in found, found
    return found


def error(format: str, message: str, **options: Any) -> str:
    return parsed(format, message, **options).attributes["_parse_error"]


def utc(*parts: int) -> float:
    return datetime.datetime(*parts, tzinfo=datetime.UTC).timestamp()


def test_json_keeps_the_types_of_its_values() -> None:
    text = '{"level":"info","n":12,"big":123456789012345678901,"f":1.5,"ok":true,"none":null,"of":{"a":[1]}}'
    assert fields("json", text) == msgspec.json.decode(text)


@pytest.mark.parametrize("text", ["", "[1]", "1", '"x"', "{", '{"a":NaN}', "[" * 5000, '{"a":1} x', '{"a":"\\ud800"}'])
def test_what_is_no_json_object_is_marked(text: str) -> None:
    assert error("json", text) == "expected a JSON object"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('level=info msg="a b" n=12', {"level": "info", "msg": "a b", "n": "12"}),
        (r'msg="say \"hi\"\n\ttab \u00e4" x=', {"msg": 'say "hi"\n\ttab ä', "x": ""}),
        (r'path="C:\dir"', {"path": "C:dir"}),
        ("cached a=1", {"cached": True, "a": "1"}),
        ('empty="" k.with-dots/and=/slash?q', {"empty": "", "k.with-dots/and": "/slash?q"}),
        ("a=1\n b=2  ", {"a": "1", "b": "2"}),
    ],
)
def test_logfmt(text: str, found: dict[str, Any]) -> None:
    assert fields("logfmt", text) == found


@pytest.mark.parametrize("text", ["", "just words", 'a="open', "=x", 'a=b"c', 'a="x"y'])
def test_what_is_no_logfmt_is_marked(text: str) -> None:
    assert error("logfmt", text) == "expected pairs such as key=value"


def test_the_first_regex_that_is_found_gives_its_groups_and_those_without_a_part_are_left_out() -> None:
    patterns = [r"user=(?P<user>\w+)(?: from (?P<host>\S+))?", r"(?P<number>\d+)"]
    assert fields("regex", "login user=anna", pattern=patterns) == {"user": "anna"}
    assert fields("regex", "code 17", pattern=patterns) == {"number": "17"}
    assert error("regex", "nothing", pattern=patterns) == "expected a text that the pattern matches"


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (
            "%{IPORHOST:client} %{WORD:method} %{URIPATHPARAM:path} %{NUMBER:took:float} %{INT:n:int}",
            "10.0.0.1 GET /a/b?c=d 0.25 7",
            {"client": "10.0.0.1", "method": "GET", "path": "/a/b?c=d", "took": 0.25, "n": 7},
        ),
        (
            "%{TIMESTAMP_ISO8601:time} %{LOGLEVEL:level} +%{JAVACLASS:class} - %{GREEDYDATA:text}",
            "2026-11-28 18:08:23,123 WARN  com.shop.Cart$1 - a b",
            {"time": "2026-11-28 18:08:23,123", "level": "WARN", "class": "com.shop.Cart$1", "text": "a b"},
        ),
        (r"\[%{HTTPDATE:t}\]", "[28/Nov/2026:18:08:23 +0100]", {"t": "28/Nov/2026:18:08:23 +0100"}),
        (
            "%{SYSLOGTIMESTAMP:t} %{SYSLOGHOST:host} %{SYSLOGPROG}:",
            "Nov  8 18:08:23 web-1 sshd[12]: x",
            {"t": "Nov  8 18:08:23", "host": "web-1", "program": "sshd", "pid": "12"},
        ),
        ("%{ORDER:order} (?<rest>.*)", "A-12 z", {"order": "A-12", "rest": "z"}),
        ("%{IP:a} %{IP:b}", "fe80::1%eth0 ::ffff:10.1.2.3", {"a": "fe80::1%eth0", "b": "::ffff:10.1.2.3"}),
        ("%{URI:u}", "see https://u@h.example:8080/p?q=1#f", {"u": "https://u@h.example:8080/p?q=1"}),
        (
            "%{UUID:id} %{MAC:mac} %{QS:q}",
            '00000000-aaaa-BBBB-0000-0123456789ab 00:1a:2b:3c:4d:5e "a \\" b"',
            {"id": "00000000-aaaa-BBBB-0000-0123456789ab", "mac": "00:1a:2b:3c:4d:5e", "q": '"a \\" b"'},
        ),
    ],
)
def test_grok(pattern: str, text: str, found: dict[str, Any]) -> None:
    assert fields("grok", text, pattern=pattern, patterns={"ORDER": "[A-Z]-%{INT}"}) == found


def test_every_built_in_grok_pattern_compiles() -> None:
    from wlf.components.transformers._parse.grok_patterns import PATTERNS

    for name in PATTERNS:
        make("grok", pattern=f"%{{{name}:x}}")


def test_syslog_of_rfc_5424_with_structured_data() -> None:
    text = (
        "<165>1 2026-11-28T17:08:23.003Z web-1 shop 812 ID47 "
        r'[x@32473 user="an\"na\]" empty=""][y a="1"] ' + "\ufeffhello  world"
    )
    found = parsed("syslog", text)
    assert found.attributes == {
        "facility": "local4",
        "severity": "notice",
        "version": 1,
        "timestamp": "2026-11-28T17:08:23.003Z",
        "hostname": "web-1",
        "appname": "shop",
        "procid": "812",
        "msgid": "ID47",
        "structured_data": {"x@32473": {"user": 'an"na]', "empty": ""}, "y": {"a": "1"}},
    }
    assert (found.message, found.ts) == ("hello  world", utc(2026, 11, 28, 17, 8, 23) + 0.003)


def test_syslog_of_rfc_5424_leaves_out_what_is_nil() -> None:
    found = parsed("syslog", "<0>1 - - - - - -")
    assert found.attributes == {"facility": "kern", "severity": "emerg", "version": 1}
    assert (found.message, found.ts) == ("", NOW)


@pytest.mark.parametrize(
    ("text", "found", "message"),
    [
        (
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
            {"facility": "auth", "severity": "crit", "hostname": "mymachine", "appname": "su"},
            "'su root' failed",
        ),
        ("Oct  1 22:14:15 h sshd[812]: x: y", {"hostname": "h", "appname": "sshd", "procid": "812"}, "x: y"),
        ("<13>Oct 11 22:14:15 root: local", {"facility": "user", "severity": "notice", "appname": "root"}, "local"),
        ("Oct 11 22:14:15 h no tag here", {"hostname": "h"}, "no tag here"),
        ("2026-10-11T22:14:15+02:00 h cron[1]: x", {"hostname": "h", "appname": "cron", "procid": "1"}, "x"),
    ],
)
def test_syslog_of_rfc_3164(text: str, found: dict[str, Any], message: str) -> None:
    event = parsed("syslog", text)
    assert {name: value for name, value in event.attributes.items() if name != "timestamp"} == found
    assert event.message == message


@pytest.mark.parametrize("text", ["", "hello", "<192>Oct 11 22:14:15 h x", "<34>1 broken", "<1>1 - - - - - [x"])
def test_what_is_no_syslog_is_marked(text: str) -> None:
    assert error("syslog", text).startswith("expected a ")


@pytest.mark.parametrize(
    ("near", "text", "year"),
    [
        ((2027, 1, 1), "Dec 31 23:59:59", 2026),
        ((2026, 12, 31, 12), "Jan  1 00:00:01", 2027),
        ((2026, 11, 28), "Nov 28 10:00:00", 2026),
        ((2026, 3, 1), "Feb 29 10:00:00", 2024),
        ((2024, 3, 1), "Feb 29 10:00:00", 2024),
    ],
)
def test_a_time_without_a_year_is_the_newest_that_is_not_over_a_day_ahead(
    near: tuple[int, ...], text: str, year: int
) -> None:
    event = LogLine("s", utc(*near), f"{text} host app: x")
    (found,) = make("syslog").transform((event,))
    assert datetime.datetime.fromtimestamp(found.ts, datetime.UTC).year == year
    pattern = r"^(?P<t>\w+ +\d+ \S+)"
    (same,) = make("regex", pattern=pattern, timestamp={"field": "t", "format": "%b %d %H:%M:%S"}).transform((event,))
    assert same.ts == found.ts


@pytest.mark.parametrize(
    ("format", "value", "ts"),
    [
        ("iso8601", "2026-11-28T18:08:23.5Z", utc(2026, 11, 28, 18, 8, 23) + 0.5),
        ("rfc3339", "2026-11-28 18:08:23.123456789+01:00", utc(2026, 11, 28, 17, 8, 23) + 0.123456),
        ("iso8601", "2026-11-28 18:08:23,5", utc(2026, 11, 28, 17, 8, 23) + 0.5),
        ("unix", "1795889303.25", 1795889303.25),
        ("unix", 1795889303, 1795889303.0),
        ("unix_ms", 1795889303250, 1795889303.25),
        ("unix_us", "1795889303250000", 1795889303.25),
        ("unix_ns", "1795889303250000000", 1795889303.25),
        ("%Y/%m/%d %H.%M", "2026/07/01 10.30", utc(2026, 7, 1, 8, 30)),
        ("%d %b %Y %H:%M %z", "01 Jul 2026 10:30 +0500", utc(2026, 7, 1, 5, 30)),
    ],
)
def test_the_time_of_an_event_is_that_of_a_field(format: str, value: Any, ts: float) -> None:
    text = msgspec.json.encode({"time": value}).decode()
    options = {"field": "time", "format": format, "time_zone": "Europe/Berlin"}
    assert parsed("json", text, timestamp=options).ts == ts


@pytest.mark.parametrize(
    ("format", "value"),
    [
        ("iso8601", "yesterday"),
        ("iso8601", 5),
        ("unix", "x"),
        ("unix", True),
        ("unix", "nan"),
        ("%Y", "x"),
        ("unix", []),
    ],
)
def test_a_time_that_cannot_be_read_marks_the_line_and_its_fields_are_kept(format: str, value: Any) -> None:
    text = msgspec.json.encode({"time": value}).decode()
    found = parsed("json", text, timestamp={"field": "time", "format": format})
    assert found.attributes == {"time": value, "_parse_error": "expected a time in 'time'"}
    assert found.ts == NOW


def test_an_attribute_that_is_a_time_and_nothing_else() -> None:
    event = line("x", attributes={"when": "2026-01-01T00:00:00Z", "a": 1})
    (found,) = make("timestamp", field="/attributes/when").transform((event,))
    assert found == msgspec.structs.replace(event, ts=utc(2026, 1, 1))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b,3", {"x": "a", "y": "b", "n": "3"}),
        ('"a, ""b""",,"3"', {"x": 'a, "b"', "y": "", "n": "3"}),
        ('"two\nlines",b,3', {"x": "two\nlines", "y": "b", "n": "3"}),
    ],
)
def test_csv(text: str, found: dict[str, Any]) -> None:
    assert fields("csv", text, columns=["x", "y", "n"]) == found


def test_csv_with_another_delimiter_and_values_left_out() -> None:
    assert fields("csv", "1;2;3", columns=["a", "", "c"], delimiter=";") == {"a": "1", "c": "3"}


@pytest.mark.parametrize(("text", "why"), [("a,b", "3 values, got 2"), ('"a,b,c', "values in quotes that are closed")])
def test_csv_of_another_form_is_marked(text: str, why: str) -> None:
    assert error("csv", text, columns=["x", "y", "z"]) == f"expected {why}"


COMMON = '10.0.0.1 - anna [28/Nov/2026:18:08:23 +0100] "GET /a?b=c HTTP/1.1" 200 5123'


def test_common_and_combined_access_logs() -> None:
    found = parsed("common", COMMON)
    assert found.attributes == {
        "client": "10.0.0.1",
        "user": "anna",
        "timestamp": "28/Nov/2026:18:08:23 +0100",
        "status": 200,
        "bytes": 5123,
        "method": "GET",
        "path": "/a?b=c",
        "protocol": "HTTP/1.1",
    }
    assert found.ts == utc(2026, 11, 28, 17, 8, 23)
    more = fields("combined", COMMON + r' "-" "Mozilla \"x\" (X11)"')
    assert more == {**found.attributes, "user_agent": r"Mozilla \"x\" (X11)"}


def test_a_request_that_is_none_stays_whole_and_a_line_of_the_other_format_is_marked() -> None:
    broken = COMMON.replace("GET /a?b=c HTTP/1.1", r"\x16\x03").replace("5123", "-")
    found = fields("common", broken)
    assert found["request"] == r"\x16\x03"
    assert not {"method", "bytes"} & set(found)
    assert "combined" in error("combined", COMMON)


def test_declared_types_change_texts_and_a_value_of_another_type_is_kept_and_marked() -> None:
    types = {"a": "int", "b": "float", "c": "bool", "d": "text", "absent": "int"}
    assert fields("logfmt", "a=12 b=1.5 c=yes d=1", types=types) == {"a": 12, "b": 1.5, "c": True, "d": "1"}
    found = parsed("logfmt", "a=1_2 b=nan c=off", types=types).attributes
    assert found == {"a": "1_2", "b": "nan", "c": False, "_parse_error": "expected int in 'a', float in 'b'"}


def test_fields_replace_attributes_of_their_name_or_leave_them_as_the_config_says() -> None:
    event = line('{"a":1,"b":2}', attributes={"a": "known", "c": 3})
    (replaced,) = make("json").transform((event,))
    (kept,) = make("json", existing="keep").transform((event,))
    (below,) = make("json", target="log").transform((event,))
    assert replaced.attributes == {"a": 1, "b": 2, "c": 3}
    assert kept.attributes == {"a": "known", "b": 2, "c": 3}
    assert below.attributes == {"a": "known", "c": 3, "log": {"a": 1, "b": 2}}
    assert event.attributes == {"a": "known", "c": 3}


def test_a_field_becomes_the_message_and_all_else_of_the_event_stays() -> None:
    event = line('{"msg":"hello","n":1}', offset=7)
    (found,) = make("json", message="msg").transform((event,))
    assert found == msgspec.structs.replace(event, message="hello", attributes={"n": 1})
    (whole,) = make("syslog", message="").transform((line("Oct 11 22:14:15 h a: x"),))
    assert (whole.message, whole.attributes["message"]) == ("Oct 11 22:14:15 h a: x", "x")


def test_a_line_that_does_not_parse_goes_on_marked_and_is_counted_by_reason() -> None:
    node = make("json", max_bytes=20)
    events = (line("x"), line('{"a":1}'), line('{"a":"0123456789abcdef"}'), line('{"ä":"äääääääääää"}'), line("y"))
    found = node.transform(events)
    assert [event.message for event in found] == [event.message for event in events]
    assert [event.attributes.get("_parse_error", "") for event in found] == [
        "expected a JSON object",
        "",
        "expected 20 bytes at most",
        "expected 20 bytes at most",
        "expected a JSON object",
    ]
    numbers: Any = node.context.metrics
    assert numbers["wlf_unparsed_events_total", "no_match"] == 2
    assert numbers["wlf_unparsed_events_total", "too_long"] == 2


@pytest.mark.parametrize("options", [{"on_error": "drop"}, {"on_error": "pass"}, {"dead_letter": "dead"}])
def test_with_on_error_or_dead_letter_lines_that_do_not_parse_are_told_as_failed(options: dict[str, Any]) -> None:
    node, events = make("json", **options), (line('{"a":1}'), line("x"), line('{"b":1}'))
    with pytest.raises(TransformFailed) as caught:
        node.transform(events)
    assert caught.value.reasons == {1: "expected a JSON object"}
    assert caught.value.events[1] is events[1]
    assert [event.attributes for event in caught.value.events] == [{"a": 1}, UNSET, {"b": 1}]


def test_an_event_without_the_field_goes_on_as_it_is_and_is_counted() -> None:
    node = make("json", field="/attributes/log")
    events = (line("x"), line("y", attributes={"log": '{"a":1}'}), insert(id=1))
    found = node.transform(events)
    assert (found[0], found[2]) == (events[0], events[2])
    assert found[1].attributes == {"log": '{"a":1}', "a": 1}
    numbers: Any = node.context.metrics
    assert numbers["wlf_unparsed_events_total", "no_field"] == 2
    assert make("json", field="/attributes/n").transform((line("x", attributes={"n": 5}),))[0].attributes == {
        "n": 5,
        "_parse_error": "expected a text in /attributes/n, got int",
    }


def test_a_column_becomes_an_object_in_data_and_old_and_the_row_keeps_its_place() -> None:
    node = make("json", field="/data/doc", types={"n": "int"})
    event = update(old={"doc": '{"n":"1"}'}, id=1, doc='{"n":"2"}', other="x")
    place = Place("server", "binlog.1", 5, 1, None, 0, 1)
    put_place((event,), place)
    plain = insert("t2", id=2)
    found, same = node.transform((event, plain))
    assert same is plain
    assert found.place is place
    text = msgspec.json.decode(encode_json((found,))[0])
    assert text["data"] == {"id": 1, "doc": {"n": 2}, "other": "x"}
    assert text["old"] == {"doc": {"n": 1}}
    assert event.data.f1 == '{"n":"2"}'


def test_a_column_that_became_an_object_is_json_to_formats_with_a_schema() -> None:
    version = TableVersion("d", "t", ("id", "doc"), (0,), types=(ColumnType("int"), ColumnType("text", charset="utf8")))
    event = msgspec.structs.replace(insert(id=1), data=version.row(1, '{"a":1}'))
    found = make("json", field="/data/doc").transform((event,))
    message = msgspec.json.decode(encode_debezium_schema(found)[0])
    after = next(field for field in message["schema"]["fields"] if field["field"] == "after")
    assert next(field for field in after["fields"] if field["field"] == "doc")["name"] == "io.debezium.data.Json"
    assert msgspec.json.decode(message["payload"]["after"]["doc"]) == {"a": 1}


def test_a_column_that_does_not_parse_stays_as_it_is() -> None:
    node = make("json", field="/data/doc")
    event = insert(id=1, doc="no json")
    assert node.transform((event,)) == [event]
    numbers: Any = node.context.metrics
    assert numbers["wlf_unparsed_events_total", "no_match"] == 1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"format": "regex"}, "expected `pattern` beside `format: regex`"),
        ({"format": "json", "pattern": "x"}, "expected `format: regex or grok` beside `pattern`, got json"),
        ({"format": "regex", "pattern": "("}, "expected a regular expression, got"),
        ({"format": "regex", "pattern": "x"}, "expected named groups"),
        ({"format": "grok", "pattern": "%{NOPE:x}"}, "no grok pattern 'NOPE'"),
        ({"format": "grok", "pattern": "%{INT:x:double}"}, "expected int or float behind %{INT:x:, got 'double'"),
        ({"format": "grok", "pattern": "%{A:x}", "patterns": {"A": "%{A}"}}, "'A' contains itself"),
        ({"format": "grok", "pattern": "%{INT}"}, "expected a pattern that names a field"),
        ({"format": "csv"}, "expected `columns` beside `format: csv`"),
        ({"format": "csv", "columns": ["a", "a"]}, "names, each once"),
        ({"format": "json", "timestamp": {"format": "iso"}}, "expected one of iso8601"),
        ({"format": "json", "timestamp": {"time_zone": "Mars/Base"}}, "expected a time zone"),
        ({"format": "json", "field": "/data/a/b"}, "expected a column such as /data/payload"),
        ({"format": "syslog", "field": "/data/a", "message": "x"}, "expected no `timestamp`, `message` and `target`"),
    ],
)
def test_options_that_cannot_work_are_refused_before_the_run(options: dict[str, Any], why: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        configured(ParseConfig, destination="out", **options)
    assert why in str(caught.value)
