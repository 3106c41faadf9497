"""The parts of Map: what it changes, and the functions that are made of it."""
