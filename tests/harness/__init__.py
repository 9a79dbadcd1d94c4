"""Shared by the tests of all packages: the world, the server, clocks, a browser, databases, processes."""

import os

TIMEOUT = 240.0
"""Seconds for anything that a test waits for: on an idle machine nothing takes a tenth, and with ten processes for each
processor no test fails because of it.
"""

EXAMPLES = int(os.environ.get("EXAMPLES", "25"))
"""The number of hypothesis examples for each property, or their unit. `make test-all` sets more."""
