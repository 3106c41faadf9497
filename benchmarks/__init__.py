"""Benchmarks: seeded corpora and the suites that measure on them, as ratios to peers in the same run."""
