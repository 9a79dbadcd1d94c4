"""``python -m tests.chaos.next_version``: the hasty server, as a version that cannot resume the workflows of this one."""

from __future__ import annotations

from bot.engine import launching

# Before anybody takes the name over.
launching.VERSION = f"{launching.VERSION}-next"

from tests.chaos.hasty import main  # noqa: E402 - see above

if __name__ == "__main__":
    main()
