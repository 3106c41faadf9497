"""What taking lines apart costs, format by format, beside a bare loop that does only what cannot be left out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from benchmarks.micro.notes import note
from tests.components.fakes import make_context
from tests.components.rows import configured
from wlf.components.transformers.parse import Parse, ParseConfig
from wlf.events.log import FileLine

EVENTS = 2_000
_ACCESS = '10.0.{0}.{1} - anna [28/Nov/2026:18:08:{2:02} +0100] "GET /api/orders/{3}?page=2 HTTP/1.1" 200 {3}'
_AGENT = ' "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"'
_COMMON = r'(\S+) (\S+) (\S+) \[([^\]]+)\] "([^"]*)" (\d+) (\d+)'
_ISO = "2026-11-28T18:08:{0:02}.{1:03}Z"
LINES: dict[str, Callable[[int], str]] = {
    "json": lambda n: json.dumps(
        {"time": _ISO.format(n % 60, n % 1000), "level": "info", "msg": "request served", "status": 200, "order": n}
    ),
    "logfmt": lambda n: f'time={_ISO.format(n % 60, n % 1000)} level=info msg="request served" status=200 order={n}',
    "regex": lambda n: f"{_ISO.format(n % 60, n % 1000)} INFO  request {n} served in {n % 97} ms",
    "grok": lambda n: f"{_ISO.format(n % 60, n % 1000)} INFO  request {n} served in {n % 97} ms",
    "syslog 5424": lambda n: (
        f'<165>1 {_ISO.format(n % 60, n % 1000)} web-1 shop 812 ID47 [o@1 id="{n}"] request served'
    ),
    "syslog 3164": lambda n: f"<34>Nov 28 18:08:{n % 60:02} web-1 shop[812]: request {n} served",
    "csv": lambda n: f"{n},anna,request served,200,0.25",
    "common": lambda n: _ACCESS.format(n % 256, n % 200, n % 60, n),
    "combined": lambda n: _ACCESS.format(n % 256, n % 200, n % 60, n) + _AGENT,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "regex": {"pattern": r"^(?P<time>\S+) (?P<level>\w+) +request (?P<order>\d+) served in (?P<took>\d+) ms"},
    "grok": {
        "pattern": "^%{TIMESTAMP_ISO8601:time} %{LOGLEVEL:level} +request %{INT:order:int} served in %{INT:took:int} ms"
    },
    "csv": {"columns": ["order", "user", "text", "status", "took"]},
}
_PLAIN: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "logfmt": lambda text: dict(re.findall(r'(\w+)=("[^"]*"|\S*)', text)),
    "csv": lambda text: dict(zip(OPTIONS["csv"]["columns"], text.split(","), strict=True)),
}
_EXPRESSIONS = {
    "regex": OPTIONS["regex"]["pattern"],
    "grok": r"^(?P<time>\S+) (?P<level>\w+) +request (?P<order>\d+) served in (?P<took>\d+) ms",
    "syslog 5424": r"<(\d+)>(\d+) (\S+) (\S+) (\S+) (\S+) (\S+) (-|\[.*\]) (.*)",
    "syslog 3164": r"<(\d+)>(\w+ +\d+ \S+) (\S+) (\w+)\[(\d+)\]: (.*)",
    "common": _COMMON,
    "combined": _COMMON + r' "([^"]*)" "([^"]*)"',
}


def bare(case: str) -> Callable[[Sequence[FileLine]], list[FileLine]]:
    """Fields by the standard library, and an event of each that holds them."""
    search = re.compile(_EXPRESSIONS[case]).search if case in _EXPRESSIONS else None
    parse = _PLAIN.get(case) or (lambda text: dict(enumerate(search(text).groups())))

    def loop(events: Sequence[FileLine]) -> list[FileLine]:
        return [FileLine(e.source, e.ts, e.message, e.type, parse(e.message), e.file, e.host) for e in events]

    return loop


def lines(case: str) -> tuple[FileLine, ...]:
    return tuple(FileLine("files", 1_795_889_303.0, LINES[case](n), file="/var/log/shop.log") for n in range(EVENTS))


@pytest.mark.parametrize("who", ["wlf", "a bare loop"])
@pytest.mark.parametrize("case", LINES)
def test_parse(benchmark: Any, case: str, who: str) -> None:
    """Lines of one format; wlf also reads the time of syslog and access logs, and turns numbers into such."""
    benchmark.group = f"parse {case}"
    events = lines(case)
    transformer = Parse(
        configured(ParseConfig, destination="out", format=case.split()[0], **OPTIONS.get(case, {})), make_context()
    )
    found = benchmark(transformer.transform if who == "wlf" else bare(case), events)
    assert len(found) == EVENTS
    assert not any("_parse_error" in event.attributes for event in found)
    note(benchmark, EVENTS, sum(len(event.message) for event in events))
