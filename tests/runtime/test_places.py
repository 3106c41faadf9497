"""A place says where an event came from, and nothing of what is in it."""

from __future__ import annotations

import pytest

from wlf.events import DeadLetter, Event, LogLine
from wlf.events.log import FileLine
from wlf.runtime.places import place_of


@pytest.mark.parametrize(
    ("event", "place"),
    [
        (FileLine("files", 1.0, "secret", file="/var/log/a.log"), "/var/log/a.log (a line read by files)"),
        (FileLine("files", 1.0, "secret", file="/a.log", offset=0), "/a.log:0 (a line read by files)"),
        (LogLine("app", 1.5, "secret"), "a log line of app, timestamp 1.5"),
        (DeadLetter("n", "no", 1, 1.0, FileLine("f", 1.0, "secret", file="/b")), "/b (a line read by f)"),
    ],
)
def test_places_of_lines(event: Event, place: str) -> None:
    assert place_of(event) == place
    assert "secret" not in place
