"""What every test of the project can ask for: the real servers."""

pytest_plugins = ["tests.servers.fixtures"]
