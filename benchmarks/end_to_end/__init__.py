"""Whole programs between real servers: how fast, for how much CPU time and memory, and whether all arrived once."""
