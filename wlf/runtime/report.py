"""What a run says about itself: while it runs, and at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Status(NamedTuple):
    """A moment of a run, by node."""

    rates: Mapping[str, float]
    """Events a second since the last time this was asked: read by collectors, delivered by dispatchers."""
    lag: Mapping[str, Mapping[str, float]]
    """Of collectors: `seconds` and `bytes`, as far as the source can tell."""
    in_flight: Mapping[str, int]
    """Events that wait for a dispatcher or are with it."""
    troubles: Mapping[str, str]
    """The nodes that are not ready, with the reason."""
    doing: Mapping[str, str] = {}
    """Of collectors: what they are at, where that is not plain reading."""

    def __str__(self) -> str:
        return " | ".join(self._node(node, rate) for node, rate in self.rates.items())

    def _node(self, node: str, rate: float) -> str:
        text = f"{node} {rate:,.0f}/s"
        lag = self.lag.get(node, {})
        if "seconds" in lag:
            text += f" lag {lag['seconds']:.1f} s"
        if lag.get("bytes"):
            text += f" {size_text(lag['bytes'])} behind"
        if self.in_flight.get(node):
            text += f" ({self.in_flight[node]:,} in flight)"
        # What a node is at says more than that it is not ready, which it may be on purpose.
        if doing := self.doing.get(node):
            return f"{text} {doing}"
        return text + (" not ready" if node in self.troubles else "")


def size_text(size: float) -> str:
    """Bytes as a person reads them: `999 B`, `1.0 KB`, `3.2 GB`, by thousands."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


class RunReport(NamedTuple):
    """How a run ended. `exit_code` is 0 when everything that was collected is delivered and stored."""

    exit_code: int
    counts: Mapping[str, Mapping[str, int]]
    """By node: `in`, `out`, `dropped`, `refused` (sent to the dead letters), `retries`."""
    problems: tuple[str, ...] = ()
    """What the user must know, a line or two each, with the node first."""
