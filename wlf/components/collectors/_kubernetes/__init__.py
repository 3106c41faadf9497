"""The parts of the Kubernetes collector."""
