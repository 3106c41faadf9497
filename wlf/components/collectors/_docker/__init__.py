"""The parts of the Docker collector."""
