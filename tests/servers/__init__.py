"""Real servers for the tests: how each is installed, started, paused and killed."""
