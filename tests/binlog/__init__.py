"""The binlog decoder."""
