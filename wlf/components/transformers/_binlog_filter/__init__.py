"""The parts of BinlogFilter: Maxwell's filter grammar and what follows from it."""
