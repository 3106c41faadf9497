"""A collector with a new id that goes on with the cursors of the old one."""

from __future__ import annotations

from collections.abc import Mapping

from wlf.errors import SetupError
from wlf.graph.plan import Plan
from wlf.runtime.tracker import Cursor


def former_id(plan: Plan, collector: str, stored: Mapping[tuple[str, str], Mapping[str, Cursor]]) -> str | None:
    """The id whose cursors are to be taken over: on the first run under the new one.

    Raises:
        SetupError: a collector of the old id is in the same file.
    """
    former = getattr(plan.node(collector).config, "take_over", None)
    if former is None:
        return None
    if any(node.id == former for node in plan.nodes):
        raise SetupError(
            f"{collector}: take_over: expected an id that no node has any more, got {former!r}",
            hint="two collectors cannot go on from the same positions",
        )
    known = {id for id, _ in stored}
    return former if former in known and collector not in known else None
