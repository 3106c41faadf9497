"""Results as lines of text."""

from __future__ import annotations

from benchmarks.result import Result

HEAD = (
    f"{'case':52}{'input':16}{'who':20}{'events':>9}{'events/s':>10}{'MB/s':>7}{'CPU s/M':>9}{'less start':>11}"
    f"{'RSS MB':>8}{'lost':>6}{'twice':>6}{'p50 ms':>8}{'p99 ms':>8}"
)


def line(result: Result) -> str:
    """One result; figures that were not taken are left blank."""
    where = f"{result.case:52}{result.input:16}{result.who:20}"
    if result.missing:
        return f"{where}  none: {result.missing}"
    speed = result.megabytes / result.seconds if result.seconds else 0.0
    latency = f"{result.p50_ms:8.1f}{result.p99_ms:8.1f}" if result.p99_ms else ""
    note = f"  {result.note}" if result.note else ""
    return (
        f"{where}{result.events:9,}{result.events_per_second:10,.0f}{speed:7.1f}{result.cpu_per_million:9.2f}"
        f"{result.moving_cpu_per_million:11.2f}{result.peak_rss_mb:8.1f}{result.lost:6}{result.duplicates:6}{latency}{note}"
    )
