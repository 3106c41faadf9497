"""The sans-I/O decoder of MySQL and MariaDB binary logs: chunks of bytes in, transactions out."""

from wlf.binlog.decoder import Decoder
from wlf.binlog.errors import ServerRefused, UnsupportedEvent
from wlf.binlog.gtid import GtidPosition, GtidSet
from wlf.binlog.items import (
    Binding,
    Boundary,
    Change,
    EndOfStream,
    Heartbeat,
    Item,
    NeedSchema,
    Prepared,
    Rotate,
    SchemaColumn,
    Statement,
    Transaction,
)
from wlf.binlog.tablemap import Column, TableMap

__all__ = [
    "Binding",
    "Boundary",
    "Change",
    "Column",
    "Decoder",
    "EndOfStream",
    "GtidPosition",
    "GtidSet",
    "Heartbeat",
    "Item",
    "NeedSchema",
    "Prepared",
    "Rotate",
    "SchemaColumn",
    "ServerRefused",
    "Statement",
    "TableMap",
    "Transaction",
    "UnsupportedEvent",
]
