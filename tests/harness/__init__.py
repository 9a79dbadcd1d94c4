"""Shared by the tests of all packages: the world, the server, clocks, a browser, databases, processes."""

import os

TIMEOUT = 60.0
"""Seconds for anything that a test waits for: on an idle machine nothing takes one, and on a busy one no test fails."""

EXAMPLES = int(os.environ.get("EXAMPLES", "25"))
"""The number of hypothesis examples for each property, or their unit. `make test-all` sets more."""
