"""Every format of every event of the recorded files, byte by byte; `WLF_GOLDEN=write` renews the files."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.events.recorded import SERVERS, events_of
from wlf import __version__
from wlf.events.codec import FORMATS

GOLDEN = Path(__file__).parent / "golden"
NAMES = ("json", "maxwell", "debezium", "debezium_schema", "canal")
NOW_NS = 1_700_000_001_234_567_890


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wlf.events.formats.debezium.time_ns", lambda: NOW_NS)
    monkeypatch.setattr("wlf.events.formats.canal.time_ns", lambda: NOW_NS)


def payloads(format: str, events: Sequence[Any]) -> list[bytes]:
    version = f'"version":"{__version__}"'.encode()
    return [payload.replace(version, b'"version":"X"') for payload in FORMATS[format](events)]


@pytest.mark.parametrize("format", NAMES)
@pytest.mark.parametrize("server", SERVERS)
def test_every_type_looks_as_it_did(server: str, format: str) -> None:
    golden = GOLDEN / f"{server}_{format}.jsonl"
    lines = payloads(format, events_of(server))
    if os.environ.get("WLF_GOLDEN") == "write":
        golden.write_bytes(b"\n".join([*lines, b""]))
    assert lines == golden.read_bytes().splitlines()
    assert all(json.loads(line) for line in lines)


@pytest.mark.parametrize("format", NAMES)
@pytest.mark.parametrize("server", SERVERS)
def test_a_whole_batch_gives_what_its_events_give_one_by_one(server: str, format: str) -> None:
    events = events_of(server)
    assert payloads(format, events) == [payload for event in events for payload in payloads(format, [event])]
