"""The parts of Parse: a parser for each format, times, types, and where text comes from and fields go to."""
