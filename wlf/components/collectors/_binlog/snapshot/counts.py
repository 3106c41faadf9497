"""How far the copies are: metrics, and words for the status line."""

from __future__ import annotations

from collections.abc import Collection

from wlf.components.base import Context
from wlf.components.collectors._binlog.snapshot.progress import Progress
from wlf.components.collectors._binlog.snapshot.window import Watch


class Counts:
    """Counts rows, and works out what is left."""

    def __init__(self, context: Context) -> None:
        metrics = context.metrics
        self._rows = metrics.counter("wlf_snapshot_rows_total", "Rows that snapshots have read.")
        self._left = metrics.gauge("wlf_snapshot_tables_left", "Tables whose snapshot is not complete.")
        self._ratio = metrics.gauge("wlf_snapshot_done_ratio", "Part of the rows that are read, by the estimate.")
        self._undecodable = metrics.counter(
            "wlf_undecodable_texts_total", "Texts with bytes that their character set does not define."
        )
        self._withheld = metrics.counter(
            "wlf_dropped_events_total", "Events that go no further, by reason.", reason="in_snapshot"
        )
        self._given_up = metrics.counter(
            "wlf_dropped_events_total", "Events that go no further, by reason.", reason="snapshot_unsettled"
        )
        self._began = context.clock.monotonic()
        self._read = 0

    def read(self, rows: int, undecodable: int) -> None:
        """A chunk was handed out."""
        self._rows.add(rows)
        self._read += rows
        if undecodable:
            self._undecodable.add(undecodable)

    def withheld(self, watch: Watch) -> None:
        """Rows of the stream that a copy brings in their place."""
        rows, watch.withheld_rows = watch.withheld_rows, 0
        self._withheld.add(rows)

    def given_up(self, rows: int) -> None:
        """Rows that could not be read between two changes of theirs."""
        if rows:
            self._given_up.add(rows)

    def show(self, every: Collection[Progress]) -> None:
        """Set the gauges."""
        self._left.set(sum(not progress.done for progress in every))
        rows, total = _sums(every)
        self._ratio.set(rows / total if total else 1.0)

    def status(self, now: float, every: Collection[Progress]) -> str:
        """`snapshot 1,234 of 5,000 rows (24 %), 2 tables left, 3 min`."""
        rows, total = _sums(every)
        left = sum(not progress.done for progress in every)
        text = f"snapshot {rows:,} of {total:,} rows ({int(100 * rows / total) if total else 0} %), {left} "
        text += "table left" if left == 1 else "tables left"
        seconds = now - self._began
        if self._read and seconds >= 1 and total > rows:
            text += f", {_duration((total - rows) * seconds / self._read)}"
        return text


def _sums(every: Collection[Progress]) -> tuple[int, int]:
    """Rows that are read, and rows there are: the estimate, unless more were found or the table is through."""
    total = sum(p.rows if p.done else max(p.rows, p.total) for p in every)
    return sum(p.rows for p in every), total


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{int(seconds) + 1} s"
    minutes = int(seconds / 60) + 1
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
