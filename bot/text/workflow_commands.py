"""Lines that GitHub's runner interprets: it reads the stdout and stderr of every step.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import re

_COMMAND = re.compile(r"^\s*::|##\[")
"""What the runner parses: two colons at a line's beginning, and the old form anywhere."""


def without_commands(text: str) -> str:
    """Text for a step's stdout or stderr, in which the runner finds no workflow command."""
    lines = (f"| {line.replace('##[', '## [')}" if _COMMAND.search(line) else line for line in text.splitlines())
    return "\n".join(lines)
