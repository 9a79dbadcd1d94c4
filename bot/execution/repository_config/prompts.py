"""The placeholders of a named prompt: ``{title}`` and the like; ``{{`` and ``}}`` are literal braces."""

from __future__ import annotations

import re

PLACEHOLDERS = ("title", "link", "branch", "rest")
"""The thread's title, address and branch, and what follows the prompt's name in the comment."""

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def fill(prompt: str, *, title: str, link: str, branch: str, rest: str) -> str:
    """Fills in the placeholders; never raises, whatever the prompt.

    Values are not parsed again: a value that contains ``{rest}`` stays as it is.
    """
    values = {"title": title, "link": link, "branch": branch, "rest": rest}

    def replacement(found: re.Match[str]) -> str:
        if found[0] in {"{{", "}}"}:
            return found[0][0]
        return values.get(found[1] or "", found[0])

    return _PIECE.sub(replacement, prompt)


def placeholders(prompt: str) -> frozenset[str]:
    """The placeholders in a prompt; without ``rest``, no text may follow its name."""
    return frozenset(found[1] for found in _PIECE.finditer(prompt) if found[1] in PLACEHOLDERS)


def misplaced(prompt: str) -> str | None:
    """The first part of a prompt in braces, or single brace, that is neither a placeholder nor a doubled brace."""
    for found in _PIECE.finditer(prompt):
        if found[0] not in {"{{", "}}"} and found[1] not in PLACEHOLDERS:
            return found[0]
    return None
