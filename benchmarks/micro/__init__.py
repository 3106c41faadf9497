"""The parts by themselves, by pytest-benchmark: `make bench-micro`."""
