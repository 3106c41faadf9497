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

    def __str__(self) -> str:
        parts = []
        for node, rate in self.rates.items():
            text = f"{node} {rate:,.0f}/s"
            if "seconds" in self.lag.get(node, {}):
                text += f" lag {self.lag[node]['seconds']:.1f} s"
            if self.in_flight.get(node):
                text += f" ({self.in_flight[node]:,} in flight)"
            parts.append(text + (" not ready" if node in self.troubles else ""))
        return " | ".join(parts)


class RunReport(NamedTuple):
    """How a run ended. `exit_code` is 0 when everything that was collected is delivered and stored."""

    exit_code: int
    counts: Mapping[str, Mapping[str, int]]
    """By node: `in`, `out`, `dropped`, `retries`."""
    problems: tuple[str, ...] = ()
    """What the user must know, a line or two each, with the node first."""
