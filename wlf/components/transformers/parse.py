"""Texts into fields: JSON, logfmt, regular expressions, grok, syslog, CSV, access logs, and the time they name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from wlf.components.base import Context, Counter, Problem, Transformer
from wlf.components.config import TransformerConfig
from wlf.components.transformers._parse.access import access_parser
from wlf.components.transformers._parse.csv_line import csv_parser
from wlf.components.transformers._parse.fields import joined, pointer, text_reader, too_long
from wlf.components.transformers._parse.grok import grok_parser
from wlf.components.transformers._parse.json_text import json_parser
from wlf.components.transformers._parse.logfmt import logfmt_parser
from wlf.components.transformers._parse.parser import Parser, Unparsed
from wlf.components.transformers._parse.regex import regex_parser
from wlf.components.transformers._parse.syslog import syslog_parser
from wlf.components.transformers._parse.times import ReadTime, time_reader
from wlf.components.transformers._parse.typed import typed
from wlf.errors import TransformFailed
from wlf.events import Event, Kinds, LogLine, RowChange
from wlf.events.base import kind_names
from wlf.events.retyped import Column, RetypedRows
from wlf.events.table import ColumnType

MARK = "_parse_error"
"""The attribute that says why a line has no fields."""


class Timestamp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which field is the time of an event, and how it is written."""

    field: Annotated[str, Meta(description="the parsed field that holds the time", min_length=1)] = "timestamp"
    format: Annotated[
        str,
        Meta(
            description="iso8601 (rfc3339 is another name), unix, unix_ms, unix_us, unix_ns, syslog, or a format of "
            "strptime such as %d/%b/%Y:%H:%M:%S %z"
        ),
    ] = "iso8601"
    time_zone: Annotated[
        str, Meta(description="of times that name none: UTC, local (the machine's own), or such as Europe/Berlin")
    ] = "UTC"

    def __post_init__(self) -> None:
        """Raises ValueError, which becomes a diagnostic."""
        self.reader()

    def reader(self) -> ReadTime:
        """The function that reads such times."""
        return time_reader(self.format, self.time_zone)


_TIMES: Mapping[str, Timestamp] = {
    "syslog": Timestamp(format="syslog"),
    "common": Timestamp(format="%d/%b/%Y:%H:%M:%S %z"),
    "combined": Timestamp(format="%d/%b/%Y:%H:%M:%S %z"),
    "timestamp": Timestamp(),
}
"""Formats that have a time."""
_MAX_BYTES = {"regex": 8_192, "grok": 8_192}
"""A search that tries each character anew takes a time that grows with the square of the length."""
_ONLY_FOR = {"pattern": ("regex", "grok"), "patterns": ("grok",), "columns": ("csv",)}


class ParseConfig(TransformerConfig, frozen=True, kw_only=True):
    """Options of Parse."""

    on_error: Annotated[
        Literal["stop", "drop", "pass", "dead_letter"] | None,
        Meta(
            description="what happens to an event whose text does not parse (pass: it goes on as it came); default: "
            "dead_letter where one is named, else it goes on marked with the attribute _parse_error"
        ),
    ] = None
    format: Annotated[
        Literal["json", "logfmt", "regex", "grok", "syslog", "csv", "common", "combined", "timestamp"],
        Meta(
            description="what the text is: syslog is RFC 5424 or RFC 3164, common and combined are access logs of web "
            "servers, timestamp is a time and nothing else"
        ),
    ]
    field: Annotated[
        str, Meta(description="where the text is: message, or a pointer such as /attributes/log or /data/payload")
    ] = "message"
    pattern: Annotated[
        str | tuple[str, ...],
        Meta(
            description="of regex: with named groups, (?P<status>[0-9]+); of grok: %{IP:client} %{NUMBER:took:float}; "
            "of several the first that is found anywhere in the text"
        ),
    ] = ()
    patterns: Annotated[
        dict[str, str], Meta(description="of grok: more patterns by name; they go before the built-in ones")
    ] = {}
    columns: Annotated[
        tuple[str, ...], Meta(description='of csv: the names of the values in order; "" leaves a value out')
    ] = ()
    delimiter: Annotated[str, Meta(description="of csv: the character between values", min_length=1, max_length=1)] = (
        ","
    )
    quote: Annotated[str, Meta(description="of csv: the character around values", min_length=1, max_length=1)] = '"'
    target: Annotated[
        str | None,
        Meta(description="of lines: the attribute that gets the fields as a map; null: each becomes an attribute"),
    ] = None
    existing: Annotated[
        Literal["replace", "keep"],
        Meta(description="of lines: whether a field replaces an attribute of its name, or leaves it as it is"),
    ] = "replace"
    types: Annotated[
        dict[str, Literal["text", "int", "float", "bool"]], Meta(description="fields that are no text, by name")
    ] = {}
    timestamp: Annotated[
        Timestamp | None,
        Meta(
            description="of lines: the field that becomes `ts`; default: the time that syslog, common, combined and "
            "timestamp have, else none"
        ),
    ] = None
    message: Annotated[
        str | None,
        Meta(
            description="of lines: the field that becomes `message`, and no attribute; default: that of syslog, else "
            'none; "": the message stays as it is'
        ),
    ] = None
    max_bytes: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="a longer text is not parsed: it bounds what an expression may cost; default: 65536, of regex "
            "and grok 8192"
        ),
    ] = None

    def __post_init__(self) -> None:
        """Raises ValueError, which becomes a diagnostic."""
        for option, formats in _ONLY_FOR.items():
            if getattr(self, option) and self.format not in formats:
                raise ValueError(f"expected `format: {' or '.join(formats)}` beside `{option}`, got {self.format}")
            if not getattr(self, option) and self.format in formats and option != "patterns":
                raise ValueError(f"expected `{option}` beside `format: {self.format}`")
        at = pointer(self.field)
        if at.field in ("data", "old") and (at.field != "data" or len(at.path) != 2):
            raise ValueError(f"expected a column such as /data/payload in `field`, got {self.field!r}")
        of_lines = (self.timestamp, self.message, self.target, self.format == "timestamp" or None)
        if self.column is not None and any(option is not None for option in of_lines):
            raise ValueError("expected no `timestamp`, `message` and `target` for a column: rows keep theirs")
        self.parser()

    @property
    def column(self) -> str | None:
        """The column that holds the text; None where it is a field of a log line."""
        at = pointer(self.field)
        return at.path[1] if at.field == "data" else None

    def parser(self) -> Parser:
        """The function that parses one text. Raises ValueError."""
        tries = (self.pattern,) if isinstance(self.pattern, str) else self.pattern
        makers: Mapping[str, Callable[[], Parser]] = {
            "json": json_parser,
            "logfmt": logfmt_parser,
            "regex": lambda: regex_parser(tries),
            "grok": lambda: grok_parser(tries, self.patterns),
            "syslog": syslog_parser,
            "csv": lambda: csv_parser(self.columns, self.delimiter, self.quote),
            "common": lambda: access_parser(combined=False),
            "combined": lambda: access_parser(combined=True),
            "timestamp": lambda: lambda text: {"timestamp": text},
        }
        return makers[self.format]()


class Parse(Transformer):
    """Takes a text apart into fields: attributes of a log line, or an object in place of a row's text column.

    A text that is not of its format goes on: a log line with the attribute `_parse_error`, a row as it is. With
    `on_error` or `dead_letter` that decides. An event that has no such field, or null there, goes on as it is.
    """

    type_name = "Parse"
    Config = ParseConfig
    accepts = frozenset((LogLine, RowChange))

    def __init__(self, config: ParseConfig, context: Context) -> None:
        super().__init__(config, context)
        self._parse = config.parser()
        self._read = text_reader(pointer(config.field))
        self._types = config.types
        self._max_bytes = config.max_bytes or _MAX_BYTES.get(config.format, 65_536)
        self._is_time = config.format == "timestamp"
        time = config.timestamp or _TIMES.get(config.format)
        self._time = None if time is None else (time.reader(), "timestamp" if self._is_time else time.field)
        message = config.message if config.message is not None else "message" if config.format == "syslog" else ""
        self._message = message or None
        self._marks = config.on_error is None and config.dead_letter is None
        self._keeps = config.existing == "keep"
        self._said = False
        self._column = config.column
        self._counters: dict[str, Counter] = {}
        change = Column(self._object, ColumnType("json"))
        self._rows = RetypedRows({} if self._column is None else {self._column: change})

    @classmethod
    def problems(cls, config: ParseConfig, incoming: Kinds) -> Iterable[Problem]:
        """A field that no event has."""
        at = pointer(config.field)
        if known := at.others_in(incoming):
            message = f"no field '{at.field}' in {kind_names(incoming)}"
            yield Problem("field", message, fault="field", word=at.field, known=known)

    def transform(self, events: Sequence[Any]) -> Sequence[Event]:
        """The events with their fields; those that have none are counted, and marked or told as failed."""
        made: list[Event] = []
        failed: dict[int, str] = {}
        one = self._row if self._column is not None else self._line
        for index, event in enumerate(events):
            try:
                made.append(one(event))
            except Unparsed as error:
                made.append(event)
                failed[index] = error.message
                self._count(error.reason)
        if failed:
            raise TransformFailed(made, failed)
        return made

    def _line(self, event: Any) -> Event:
        text = self._read(event) if isinstance(event, LogLine) else None
        if text is None:
            return self._without_field(event)
        ts, message, mark = event.ts, event.message, None
        fields: dict[str, Any] = {}
        try:
            fields = self._fields(text)
            if self._time is not None:
                ts = self._ts(fields, ts)
            if self._types:
                typed(fields, self._types)
        except Unparsed as error:
            if not self._marks:
                raise
            mark = self._marking(error)
        if self._message is not None and isinstance(fields.get(self._message), str):
            message = fields.pop(self._message)
        if self._is_time:
            fields = {}
        attributes: Any = event.attributes
        if fields:
            attributes = joined(attributes, fields, self.config.target, keep=self._keeps)
        if mark is not None:
            attributes = {**(attributes or {}), MARK: mark}
        made: Event = replace(event, ts=ts, message=message, attributes=attributes)
        return made

    def _row(self, event: Any) -> Event:
        if not isinstance(event, RowChange):
            return self._without_field(event)
        try:
            made: Event = self._rows.event(event)
        except Unparsed as error:
            if not self._marks:
                raise
            self._marking(error)
            return event
        return self._without_field(event) if made is event else made

    def _object(self, value: Any) -> dict[str, Any]:
        """What stands in a column in place of its text."""
        fields = self._fields(value)
        if self._types:
            typed(fields, self._types)
        return fields

    def _fields(self, text: Any) -> dict[str, Any]:
        if not isinstance(text, str):
            raise Unparsed("not_text", f"expected a text in {self.config.field}, got {type(text).__name__}")
        if too_long(text, self._max_bytes):
            raise Unparsed("too_long", f"expected {self._max_bytes} bytes at most")
        return self._parse(text)

    def _ts(self, fields: Mapping[str, Any], ts: float) -> float:
        assert self._time is not None
        read, name = self._time
        value = fields.get(name)
        if value is None:
            return ts
        try:
            return read(value, ts)
        except (ValueError, OverflowError, OSError):
            raise Unparsed("timestamp", f"expected a time in '{name}'") from None

    def _without_field(self, event: Event) -> Event:
        """Not every event has to have the field; it is only counted."""
        self._count("no_field")
        return event

    def _marking(self, error: Unparsed) -> str:
        """Count what goes on all the same; the first one is told."""
        if not self._said:
            self._said = True
            self.context.logger.warning("cannot parse: %s (such events go on, and are counted)", error.message)
        self._count(error.reason)
        return error.message

    def _count(self, reason: str) -> None:
        counter = self._counters.get(reason)
        if counter is None:
            name, help = "wlf_unparsed_events_total", "Events of which a text was not parsed, by reason."
            counter = self._counters[reason] = self.context.metrics.counter(name, help, reason=reason)
        counter.add()
