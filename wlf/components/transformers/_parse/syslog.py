"""Syslog messages: RFC 5424 with its structured data, RFC 3164, and 3164's form in files, without a priority."""

from __future__ import annotations

import re
from typing import Any

from wlf.components.transformers._parse.parser import Parser, no_match

FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock"),
    *(f"local{number}" for number in range(8)),
)
SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_PRIORITIES = tuple({"facility": facility, "severity": severity} for facility in FACILITIES for severity in SEVERITIES)

_VALUE = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_ELEMENT = rf'\[[^"\]]*+(?:{_VALUE.replace("(", "(?:", 1)}[^"\]]*+)*+\]'
_NEW = re.compile(
    rf"<(\d{{1,3}})>([1-9]\d{{0,2}}) (\S++) (\S++) (\S++) (\S++) (\S++) (-|(?:{_ELEMENT})++)(?: (.*+))?", re.DOTALL
)
_NEW_NAMES = ("timestamp", "hostname", "appname", "procid", "msgid")
_OLD = re.compile(
    r"""(?:<(\d{1,3})>)?
        ([A-Z][a-z]{2}[ ][ \d]\d[ ]\d\d:\d\d:\d\d(?:\.\d+)?+ | \d{4}-\d\d-\d\dT\S++) [ ]
        (?:(\S++)(?<!:) [ ])?+              # a word with a colon behind it is no host
        (?:([^\s:\[\]]++)(?:\[([^\]\s]*+)\])?+:[ ]?)?+
        (.*+)""",
    re.VERBOSE | re.DOTALL,
)
_OLD_NAMES = ("timestamp", "hostname", "appname", "procid", "message")
_BODY = re.compile(rf'([^\s="\]]++)={_VALUE}', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\\]])')
_HEAD = re.compile(_ELEMENT, re.DOTALL)


def syslog_parser() -> Parser:
    """Either RFC: the version behind the priority tells them apart."""

    def parse(text: str) -> dict[str, Any]:
        found = _NEW.fullmatch(text)
        if found is not None:
            return _of_new(found)
        found = _OLD.fullmatch(text)
        if found is None:
            raise no_match("a message as RFC 5424 or RFC 3164 has it")
        fields = _priority(found.group(1))
        pairs = zip(_OLD_NAMES, found.groups()[1:], strict=True)
        fields.update((name, value) for name, value in pairs if value is not None)
        return fields

    return parse


def _of_new(found: re.Match[str]) -> dict[str, Any]:
    fields = _priority(found.group(1))
    fields["version"] = int(found.group(2))
    pairs = zip(_NEW_NAMES, found.groups()[2:7], strict=True)
    fields.update((name, value) for name, value in pairs if value != "-")
    structured = found.group(8)
    if structured != "-":
        fields["structured_data"] = _elements(structured)
    fields["message"] = (found.group(9) or "").removeprefix("\ufeff")
    return fields


def _priority(digits: str | None) -> dict[str, Any]:
    if digits is None:
        return {}
    number = int(digits)
    if number >= len(_PRIORITIES):
        raise no_match("a priority from 0 to 191")
    return _PRIORITIES[number].copy()


def _elements(text: str) -> dict[str, dict[str, str]]:
    """`[id name="value"]...` to a mapping of mappings."""
    found: dict[str, dict[str, str]] = {}
    for element in _HEAD.findall(text) if text.rfind("[") else (text,):
        name, _, body = element[1:-1].partition(" ")
        values = found.setdefault(name, {})
        for key, value in _BODY.findall(body):
            values[key] = _ESCAPED.sub(r"\1", value) if "\\" in value else value
    return found
