"""Finds secrets by their position in a command line: ``curl -u user:password``, ``mysql -ppassword``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.redaction.spans import Span

WINDOW = 300
"""Characters of a command line that are searched."""

_OPTIONS = {
    "curl": r"""\s(?:-u|--user|--proxy-user|-U)[ =]?["']?[^\s:"']{1,100}:(?P<secret>[^\s"']{3,200})""",
    "mysql": r"""\s-p(?P<secret>[^\s"']{3,200})""",
    "mariadb": r"""\s-p(?P<secret>[^\s"']{3,200})""",
    "sshpass": r"""\s-p[ ]?["']?(?P<secret>[^\s"']{3,200})""",
    " login": r"""\s-p[ =]?["']?(?P<secret>[^\s"'-][^\s"']{2,200})""",
    "redis-cli": r"""\s-a[ ]["']?(?P<secret>[^\s"']{3,200})""",
    "ldap": r"""\s-w[ ]["']?(?P<secret>[^\s"']{3,200})""",
    "openssl": r"""\bpass:(?P<secret>[^\s"']{3,200})""",
}
_COMMAND = re.compile("|".join(map(re.escape, _OPTIONS)))
_PATTERNS = {command: re.compile(option) for command, option in _OPTIONS.items()}
_VARIABLE = re.compile(r"\$[\w{(].*")

_PGPASS = re.compile(r"^[\w.*-]{1,100}:(?:5432|6432|\*):[^:\s]{1,60}:[^:\s]{1,60}:(?P<secret>\S{3,200})$", re.MULTILINE)


def find_in_commands(text: str) -> Iterator[Span]:
    """Passwords among a command's options, and those of a ``.pgpass`` file."""
    for command in _COMMAND.finditer(text):
        end = text.find("\n", command.end(), command.end() + WINDOW)
        found = _PATTERNS[command[0]].search(text, command.end(), end if end >= 0 else command.end() + WINDOW)
        if found is not None and not _VARIABLE.fullmatch(found["secret"]):
            yield found.span("secret")
    if ":5432:" in text or ":6432:" in text or ":*:" in text:
        for line in _PGPASS.finditer(text):
            yield line.span("secret")
