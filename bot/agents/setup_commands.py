"""Set-up commands: what a repository's workspaces run before an agent's first turn. An agent can write them."""

from __future__ import annotations

import re

MOST_COMMANDS = 50
LONGEST = 10_000
"""Characters of all commands together."""

_PROMPT = """\
Find out how a fresh clone of this repository is set up for work: which commands install its dependencies and tools, \
so that its tests can run. Look at its documentation, lock files and CI configuration, and try the commands out here.

The commands will run unattended, in the root of a fresh clone, with the same network access as you have now. They \
must not need a terminal or a password, and must be safe to repeat. Change no file of the repository.

End with one code block that contains the commands, one a line, and nothing else: no comments and no prompt signs. If \
nothing needs to be set up, let the code block be empty."""

_BLOCK = re.compile(r"^(?P<fence>`{3,}|~{3,})[^\n`]*\n(?P<inside>.*?)^(?P=fence)[`~]*[ \t]*$", re.MULTILINE | re.DOTALL)


def prompt_for(wishes: str | None) -> str:
    """What an agent is asked for.

    :param wishes: what a person said about it
    """
    return f"{_PROMPT}\n\nThe person who asked adds:\n\n{wishes.strip()}" if wishes and wishes.strip() else _PROMPT


def commands_in(answer: str) -> str | None:
    """The commands in an agent's answer, one a line; empty if it says that there is nothing to set up.

    :returns: None if the answer has no code block, or one that is too long for commands
    """
    blocks = [found["inside"] for found in _BLOCK.finditer(answer)]
    if not blocks:
        return None
    lines = [line.removeprefix("$ ").strip() for line in blocks[-1].splitlines()]
    commands = [line for line in lines if line and not line.startswith("#")]
    text = "\n".join(commands)
    return text if len(commands) <= MOST_COMMANDS and len(text) <= LONGEST else None
