from __future__ import annotations

import pytest

from wlf.runtime.metrics import MetricsRegistry, NodeMetrics


def test_label_values_and_help_are_escaped_as_the_format_demands() -> None:
    registry = MetricsRegistry()
    NodeMetrics(registry, 'a"b\\c\nd').counter("wlf_x_total", "one\\two\nthree").add(2)
    assert registry.exposition() == (
        '# HELP wlf_x_total one\\\\two\\nthree\n# TYPE wlf_x_total counter\nwlf_x_total{node="a\\"b\\\\c\\nd"} 2\n'
    )


def test_one_family_has_one_head_and_sorted_labels() -> None:
    registry = MetricsRegistry()
    for node in ("b", "a"):
        NodeMetrics(registry, node).counter("wlf_dropped_events_total", "h", reason="filtered").add()
    lines = registry.exposition().splitlines()
    assert lines[2:] == [
        'wlf_dropped_events_total{node="a",reason="filtered"} 1',
        'wlf_dropped_events_total{node="b",reason="filtered"} 1',
    ]


def test_the_same_name_and_labels_are_the_same_number() -> None:
    metrics = NodeMetrics(MetricsRegistry(), "n")
    metrics.counter("c", "h", reason="x").add()
    assert metrics.counter("c", "h", reason="x").value == 1
    with pytest.raises(ValueError, match="expected c to be a counter as before, got gauge"):
        metrics.gauge("c", "h")


def test_gauges_are_read_off_when_asked() -> None:
    registry = MetricsRegistry()
    gauge = NodeMetrics(registry, "n").gauge("wlf_lag_seconds", "h")
    registry.refresh.append(lambda: gauge.set(1.5))
    assert 'wlf_lag_seconds{node="n"} 1.5' in registry.exposition()
    assert registry.by_node("wlf_lag_seconds") == {"n": 1.5}
    assert registry.by_node("nothing") == {}
