"""Writes the generated pages of docs/ anew: `make docs`. A test holds that they are what stands there."""

from __future__ import annotations

from pathlib import Path

from wlf.components.registry import Registry
from wlf.graph import reference

DOCS = Path(__file__).parents[2] / "docs"


def pages() -> dict[str, str]:
    """Text by file name."""
    return {
        "reference.md": reference.describe(Registry(), None, markdown=True),
        "diagnostics.md": "# Diagnostics\n\nWhat `wlf check` can find, all of it in one run.\n\n"
        + reference.codes_markdown(),
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
