"""Writes the generated pages of docs/ anew: `make docs`. A test holds that they are what stands there."""

from __future__ import annotations

from pathlib import Path

from wlf.components.registry import Registry
from wlf.events.expressions.functions import FUNCTIONS
from wlf.graph import reference

DOCS = Path(__file__).parents[2] / "docs"


def functions() -> str:
    """The table of the functions of expressions."""
    rows = ["| function | gives | meaning |", "|---|---|---|"]
    for name, function in FUNCTIONS.items():
        cells = (f"`{function.signature(name)}`", str(function.gives), function.meaning)
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows) + "\n"


def with_functions(page: str) -> str:
    """The page of the transformers with that table between its marks."""
    head, mark, rest = page.partition("<!-- functions -->\n")
    _, end, tail = rest.partition("<!-- /functions -->")
    return f"{head}{mark}{functions()}{end}{tail}"


def pages() -> dict[str, str]:
    """Text by file name."""
    return {
        "reference.md": reference.describe(Registry(), None, markdown=True),
        "diagnostics.md": "# Diagnostics\n\nWhat `wlf check` can find, all of it in one run.\n\n"
        + reference.codes_markdown(),
        "transformers.md": with_functions((DOCS / "transformers.md").read_text(encoding="utf-8")),
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
