"""Counters and gauges, and their text form for a Prometheus server.

The form: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

_Labels = tuple[tuple[str, str], ...]


class Value:
    """One number of one node."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, amount: float = 1) -> None:
        """Move it up."""
        self.value += amount

    def set(self, value: float) -> None:
        """Say what it is."""
        self.value = value


class _Family:
    __slots__ = ("help", "kind", "values")

    def __init__(self, kind: str, help: str) -> None:
        self.kind = kind
        self.help = help
        self.values: dict[_Labels, Value] = {}


class MetricsRegistry:
    """All numbers of a run. Asking twice for the same name and labels gives the same number."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}
        self.refresh: list[Callable[[], None]] = []
        """Called before the text is made: gauges that are cheaper to read than to keep."""

    def value(self, kind: Literal["counter", "gauge"], name: str, help: str, labels: dict[str, str]) -> Value:
        """The number of that name and those labels."""
        family = self._families.get(name)
        if family is None:
            family = self._families[name] = _Family(kind, help)
        if family.kind != kind:
            raise ValueError(f"expected {name} to be a {family.kind} as before, got {kind}")
        key = tuple(sorted(labels.items()))
        if key not in family.values:
            family.values[key] = Value()
        return family.values[key]

    def by_node(self, name: str) -> dict[str, float]:
        """The numbers of a name, summed over all labels but `node`."""
        sums: dict[str, float] = {}
        family = self._families.get(name)
        for labels, value in family.values.items() if family else ():
            node = dict(labels).get("node", "")
            sums[node] = sums.get(node, 0.0) + value.value
        return sums

    def exposition(self) -> str:
        """The text, version 0.0.4."""
        for refresh in self.refresh:
            refresh()
        lines: list[str] = []
        for name, family in sorted(self._families.items()):
            lines += (f"# HELP {name} {_escape_help(family.help)}", f"# TYPE {name} {family.kind}")
            for labels, value in sorted(family.values.items(), key=lambda item: item[0]):
                text = ",".join(f'{label}="{_escape_label(content)}"' for label, content in labels)
                lines.append(f"{name}{{{text}}} {_number(value.value)}" if text else f"{name} {_number(value.value)}")
        return "\n".join(lines) + "\n"


class NodeMetrics:
    """What a component sees: every number gets the node's name."""

    def __init__(self, registry: MetricsRegistry, node: str) -> None:
        self._registry = registry
        self._node = node

    def counter(self, name: str, help: str, **labels: str) -> Value:
        """A number that only rises."""
        return self._registry.value("counter", name, help, {**labels, "node": self._node})

    def gauge(self, name: str, help: str, **labels: str) -> Value:
        """A number that comes and goes."""
        return self._registry.value("gauge", name, help, {**labels, "node": self._node})


def _escape_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _escape_label(text: str) -> str:
    return _escape_help(text).replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == value and abs(value) < 1e15 and value == int(value) else repr(value)
