"""``python -m tests.chaos.next_version``: the fast server, as a version that cannot resume the workflows of this one."""

from __future__ import annotations

from bot.engine import dbos_runtime

# Before other modules import the name.
dbos_runtime.VERSION = f"{dbos_runtime.VERSION}-next"

from tests.chaos.fast_server import main  # noqa: E402 - see above

if __name__ == "__main__":
    main()
