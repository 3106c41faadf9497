"""Writes the table of the chart's values in deploy/README.md anew: `python -m tests.deploy.values_table`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from tests.deploy.manifests import CHART, DEPLOY

README = DEPLOY / "README.md"
BEGIN, END = "<!-- values: begin -->\n", "<!-- values: end -->\n"


def schema() -> dict[str, Any]:
    """What values are allowed."""
    loaded: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    return loaded


def values() -> dict[str, Any]:
    """The values of a release that changes none."""
    loaded: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return loaded


def leaves(node: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """The path and the schema of every value that is not a mapping of named values itself."""
    for name, child in node["properties"].items():
        if "properties" in child:
            yield from leaves(child, (*path, name))
        elif name != "global":
            yield (*path, name), child


def default_of(path: tuple[str, ...]) -> Any:
    """The default of a value; raises KeyError where values.yaml has none."""
    found: Any = values()
    for name in path:
        found = found[name]
    return found


def table() -> str:
    """A row for each value: name, default, meaning."""
    rows = ["| value | default | meaning |", "|---|---|---|"]
    for path, node in leaves(schema()):
        default = "see values.yaml" if path == ("config",) else f"`{json.dumps(default_of(path))}`"
        rows.append(f"| `{'.'.join(path)}` | {default} | {node['description']}{_choices(node)} |")
    return "\n".join(rows) + "\n"


def _choices(node: dict[str, Any]) -> str:
    return f": {', '.join(node['enum'])}" if "enum" in node else ""


def readme() -> str:
    """deploy/README.md with the table as it should be."""
    before, _, rest = README.read_text().partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    README.write_text(readme())
