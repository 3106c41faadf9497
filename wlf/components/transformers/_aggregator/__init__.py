"""The parts of the Aggregator."""
