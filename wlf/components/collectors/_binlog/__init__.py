"""The parts of the Binlog collector that are no component of their own."""
