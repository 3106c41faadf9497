"""What a benchmark says beside its time: nanoseconds an event, and events or megabytes a second."""

from __future__ import annotations

from typing import Any


def note(benchmark: Any, events: int, size: int = 0) -> None:
    """Of the fastest round, which is what other work on the machine blurs least. `size` in bytes."""
    if benchmark.disabled:  # it was called once, to see that it works
        return
    seconds = benchmark.stats.stats.min
    benchmark.extra_info["ns_per_event"] = round(seconds / events * 1e9, 1)
    benchmark.extra_info["events_per_s"] = round(events / seconds)
    if size:
        benchmark.extra_info["mb_per_s"] = round(size / seconds / 1e6, 1)
