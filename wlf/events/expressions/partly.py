"""What an expression says of all rows of a table: yes, no, or that it depends on more than the table."""

from __future__ import annotations

from wlf.events.base import Kinds
from wlf.events.expressions.codegen import filtering
from wlf.events.expressions.tree import Both, Call, Field, Not, Tree, walk
from wlf.events.rows import RowDelete, RowInsert, RowSnapshot, RowUpdate

ROWS: Kinds = frozenset((RowInsert, RowUpdate, RowDelete, RowSnapshot))
_TABLE = frozenset(("database", "table"))


def decide(tree: Tree, database: str, table: str) -> bool | None:
    """True or False where that holds for every row of the table; None where it depends."""
    if isinstance(tree, Both):
        found = [decide(item, database, table) for item in tree.items]
        ends = tree.operator == "or"
        if ends in found:
            return ends
        return None if None in found else not ends
    if isinstance(tree, Not):
        inner = decide(tree.item, database, table)
        return None if inner is None else not inner
    if any(_depends(node) for node in walk(tree)):
        return None
    row = RowInsert(database, table, "insert", 0)
    return bool(filtering(tree, ROWS)((row,)))


def _depends(node: Tree) -> bool:
    if isinstance(node, Field):
        return node.name not in _TABLE
    return isinstance(node, Call) and node.name == "now"
