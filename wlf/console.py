"""What a run shows: log lines as text or JSON, and one status line on a terminal."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import IO, TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from wlf.runtime.report import RunReport

_json = msgspec.json.Encoder()


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.123Z INFO  kafka: message`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; the traceback of an unexpected error follows it."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        place = record.name.removeprefix("wlf.")
        text = f"{stamp}.{int(record.msecs):03}Z {record.levelname:<7} {place}: {record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ts, level, node, message and, for an unexpected error, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields: dict[str, Any] = {
            "ts": round(record.created, 3),
            "level": record.levelname.lower(),
            "node": record.name.removeprefix("wlf."),
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return _json.encode(fields).decode()


class StatusLine:
    """The last line of a terminal, written anew in place; log lines scroll above it."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._shown = ""

    def show(self, text: str) -> None:
        """Replace the line."""
        self._shown = text
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError):
            columns = 0
        # A line that wraps could not be taken away again; some terminals say that they have no columns.
        self._stream.write(f"\r\x1b[2K{text[: columns - 1] if columns else text}")
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away, to write something else or at the end."""
        if self._shown:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()

    def redraw(self) -> None:
        """Put the line back."""
        if self._shown:
            self.show(self._shown)


class ConsoleHandler(logging.StreamHandler[IO[str]]):
    """Log lines that do not tear the status line."""

    def __init__(self, stream: IO[str], status: StatusLine | None) -> None:
        super().__init__(stream)
        self._status = status

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line above the status line."""
        if self._status:
            self._status.clear()
        super().emit(record)
        if self._status:
            self._status.redraw()


def set_up_logging(log_format: str, level: str) -> StatusLine | None:
    """Send wlf's log lines to standard error; gives the status line where that is a terminal and the format is text."""
    stream = sys.stderr
    status = StatusLine(stream) if log_format == "text" and stream.isatty() else None
    handler = ConsoleHandler(stream, status)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("wlf").setLevel(level.upper())
    # It logs each failed connection as an error, which the dispatcher then says once more in its own words.
    logging.getLogger("aiokafka").setLevel(logging.DEBUG if level == "debug" else logging.CRITICAL)
    return status


_COUNTS = {
    "in": "read",
    "out": "delivered",
    "dropped": "left out",
    "refused": "to the dead letters",
    "retries": "retries",
}


def report_text(report: RunReport) -> str:
    """What each node did, in one line: `total: binlog 120 read | kafka 119 delivered, 1 left out`."""
    nodes = []
    for node, counts in report.counts.items():
        words = [f"{counts[name]:,} {word}" for name, word in _COUNTS.items() if counts.get(name)]
        if words:
            nodes.append(f"{node} {', '.join(words)}")
    return f"total: {' | '.join(nodes) or 'no events'}"
