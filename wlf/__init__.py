"""A dataflow engine for change data and logs."""

__version__ = "0.1.0"
