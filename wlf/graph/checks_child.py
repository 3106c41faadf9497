"""Runs the structural checks in a process of its own: `python -m wlf.graph.checks_child`, JSON in, JSON out.

networkx costs 0.1-0.3 s and 20 MB to import; a pipeline that runs for months should not keep it.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import msgspec

from wlf.graph.diagnostics import Diagnostic
from wlf.graph.outline import Outline


class Request(NamedTuple):
    """What the child is asked."""

    file: str
    outline: Outline


def main() -> None:
    """Read a Request from standard input, write the list of diagnostics to standard output."""
    from wlf.graph.checks import check_structure

    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    found: tuple[Diagnostic, ...] = check_structure(request.outline, request.file)
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
