"""Which columns a table has after each statement: a tolerant reader of the definitions that a binlog holds as text."""

from wlf.binlog.ddl.apply import apply
from wlf.binlog.ddl.catalogue import Catalogue, Effect, Table
from wlf.binlog.ddl.fit import HASH, Misfit, misfit, with_hashes
from wlf.binlog.ddl.tokens import Dialect
from wlf.binlog.ddl.types import ColumnModel, read_column_type

__all__ = [
    "HASH",
    "Catalogue",
    "ColumnModel",
    "Dialect",
    "Effect",
    "Misfit",
    "Table",
    "apply",
    "misfit",
    "read_column_type",
    "with_hashes",
]
