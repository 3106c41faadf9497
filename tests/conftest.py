"""What every test of the project can ask for: the real servers; and how properties are tried."""

import os

from hypothesis import settings

pytest_plugins = ["tests.servers.fixtures"]

# A busy machine is no failure, so no example has a deadline. Continuous integration tries the same examples each
# time: a change is then blamed for what it broke; everywhere else new ones are tried in every run.
settings.register_profile("everywhere", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "everywhere")
