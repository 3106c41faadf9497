"""One run, five dispatchers, five formats: what `wlf run` makes of a recorded binlog."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.wlf_run import WlfRun

RECORDED = Path(__file__).parents[1] / "data" / "binlog" / "mysql97_formats.binlog"
FORMATS = ("wlf", "maxwell", "debezium", "debezium_schema", "canal")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[Any]], str]:
    """The messages by format, and the log."""
    directory = tmp_path_factory.mktemp("formats")
    binlog = {"id": "binlog", "type": "Binlog", "destination": "all", "files": [str(RECORDED)], "start": "earliest"}
    config = {
        "collectors": [{**binlog, "ddl": True}],
        "transformers": [{"id": "all", "type": "EventReplicator", "destinations": list(FORMATS)}],
        "dispatchers": [
            {"id": name, "type": "File", "path": str(directory / f"{name}.jsonl"), "format": name} for name in FORMATS
        ],
    }
    run = WlfRun(directory, config, "--until-end")
    run.launch()
    assert run.running is not None
    assert run.running.wait(30) == 0, run.log.read_text()
    lines = {name: (directory / f"{name}.jsonl").read_text().splitlines() for name in FORMATS}
    return {name: list(map(json.loads, found)) for name, found in lines.items()}, run.log.read_text()


def test_each_format_has_a_line_for_each_event_it_can_tell(written: Any) -> None:
    messages, log = written
    assert {name: len(found) for name, found in messages.items()} == {**dict.fromkeys(FORMATS, 15), "maxwell": 14}
    assert log.count("left out: maxwell has no message for table-truncate") == 1
    assert "maxwell 14 delivered, 1 left out" in log


def test_debezium_is_told_where_changes_come_from(written: Any) -> None:
    sources = [message["source"] for message in written[0]["debezium"] if "op" in message]
    assert {(source["server_id"], source["query"]) for source in sources} == {(1, None)}
    assert all(source["thread"] and source["gtid"] and source["ts_us"] % 1_000_000 for source in sources)


def test_the_formats_tell_the_same_changes(written: Any) -> None:
    messages = written[0]
    kinds = [message["type"] for message in messages["wlf"] if "data" in message]
    assert [message["type"] for message in messages["maxwell"] if "data" in message] == kinds
    assert [message["type"].lower() for message in messages["canal"] if message["data"]] == kinds
    short = {"c": "insert", "u": "update", "d": "delete"}
    assert [short[message["op"]] for message in messages["debezium"] if "op" in message] == kinds
    assert [{**message["payload"], **NOW} for message in messages["debezium_schema"]] == [
        {**message, **NOW} for message in messages["debezium"]
    ]


NOW = dict.fromkeys(("ts_ms", "ts_us", "ts_ns"))
