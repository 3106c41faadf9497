"""The configuration of the original project runs as it is, in both spellings of its types."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from wlf.errors import ConfigError
from wlf.graph.compile import compile_text
from wlf.graph.plan import Plan
from wlf.graph.render import render

FILE = Path(__file__).parent / "golden" / "original.yaml"
NEEDED = ("pymysql", "aiokafka", "redis", "aiohttp")
pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDED),
    reason="needs wlf[all]: the client libraries of all its components",
)


def compiled(*changes: tuple[str, str]) -> Plan:
    text = FILE.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return compile_text(text)


def test_it_compiles_without_a_warning() -> None:
    plan = compiled()
    assert plan.warnings == ()
    (segment,) = plan.segments
    assert [step.node for step in segment.steps] == ["filter", "replicator"]
    assert segment.dispatchers == ("kafka", "redis", "elasticsearch")


def test_types_may_be_written_without_their_kind() -> None:
    short = compiled(
        ("BinlogCollector", "Binlog"),
        ("KafkaDispatcher", "Kafka"),
        ("RedisDispatcher", "Redis"),
    )
    long = compiled(("type: Elasticsearch", "type: ElasticsearchDispatcher"))
    assert short == long == compiled()


def test_all_tables_may_be_written_as_a_star() -> None:
    starred = compiled(("database: d1\n      - include", 'database: d1\n          table: "*"\n      - include'))
    assert starred == compiled()


def test_two_sinks_are_enough() -> None:
    text = FILE.read_text()
    two = text[: text.index("  - id: elasticsearch")].replace("      - elasticsearch\n", "")
    assert compile_text(two).segments[0].dispatchers == ("kafka", "redis")


@pytest.mark.parametrize(("database", "table", "wanted"), [("d1", "t1", True), ("d1", "t2", False), ("d2", "t2", True)])
def test_tables_that_the_rules_exclude_are_not_wanted(database: str, table: str, wanted: bool) -> None:
    assert compiled().wants("binlog_collector", database, table) is wanted


@pytest.mark.parametrize("mode", ["{type: LPush, key: k}", "{type: RPush, key: k}", "{type: XADD, key: k}"])
def test_the_other_redis_modes_compile(mode: str) -> None:
    text = FILE.read_text()
    old = text[text.index("mode:") : text.index("  - id: elasticsearch")]
    new = f"mode: {mode}\n    host: localhost\n    port: 6379\n    auth: secret\n    database_number: 1\n"
    redis = compiled((old, new)).node("redis")
    assert redis.config.auth.reveal() == "secret"  # type: ignore[attr-defined]


@pytest.mark.parametrize("compression", ["NoCompression", "Gzip", "Snappy"])
def test_kafkas_compression_types_compile(compression: str) -> None:
    compiled(("    bootstrap_brokers", f"    compression_type: {compression}\n    bootstrap_brokers"))


def test_a_field_that_the_collector_does_not_bring_is_found() -> None:
    old = "topic: logFlex.%{/database}.%{/table}"
    with pytest.raises(
        ConfigError, match=r"no event has 'gtid'.*\n.*output\.gtid: true on 'binlog_collector' brings it"
    ):
        compiled((old, "topic: logFlex.%{/gtid}"))
    switched_on = ("    user: root", "    user: root\n    output: {gtid: true}")
    assert compiled((old, "topic: logFlex.%{/gtid}"), switched_on).segments


def test_it_is_drawn_with_its_password_masked() -> None:
    drawing = render(compiled(), show_plan=True, width=200)
    assert isinstance(drawing, str)
    assert "password: ***" in drawing
    for id in ("binlog_collector", "filter", "replicator", "kafka", "redis", "elasticsearch"):
        assert id in drawing
