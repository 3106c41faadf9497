"""The typed events that travel between nodes: data only."""

from wlf.events.base import Event, Kinds
from wlf.events.ddl import SchemaChange
from wlf.events.dead_letter import DeadLetter
from wlf.events.encrypted import Encrypted
from wlf.events.log import LogLine
from wlf.events.rows import Origin, Place, RowChange, RowDelete, RowInsert, RowSnapshot, RowUpdate

__all__ = [
    "DeadLetter",
    "Encrypted",
    "Event",
    "Kinds",
    "LogLine",
    "Origin",
    "Place",
    "RowChange",
    "RowDelete",
    "RowInsert",
    "RowSnapshot",
    "RowUpdate",
    "SchemaChange",
]
