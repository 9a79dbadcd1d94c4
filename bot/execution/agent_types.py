"""The agents that a run may name: Codegen's two types, or the agents of one's own.

Whoever calls an API that is neither Codegen's own nor in the same process does not know which there are; then any name
is sent, and the API's answer is the reply.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.errors import UserError
from bot.text.untrusted import inline_code

CODEGEN_TYPES = ("codegen", "claude_code")
"""Codegen's agent types (CreateAgentRunInput of its API description)."""

CODEGEN_URL = "https://api.codegen.com"

NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*$"

LONGEST_NAME = 40

KnownAgents = tuple[str, ...] | None
"""The names of the agents; None if they are not known."""


def known_at(base_url: str) -> KnownAgents:
    """The agents of an API at this address, for which nothing but the address is known."""
    return CODEGEN_TYPES if base_url.rstrip("/") == CODEGEN_URL else None


def find(name: str, known: KnownAgents) -> str | None:
    """The agent's name as it is configured; None if there is no such agent. Case makes no difference, nor do hyphens
    and underscores."""
    if known is None:
        return name
    return next((each for each in known if _folded(each) == _folded(name)), None)


def check(names: Iterable[str], known: KnownAgents, *, example: str) -> None:
    """:param example: a whole line of the command
    :raises UserError: if there is no such agent
    """
    for name in names:
        if find(name, known) is None:
            takes = f"`--agent-type` is {in_words(known or ())}"
            raise UserError(
                f"There is no agent {inline_code(name[:LONGEST_NAME])} here; {takes}. For example: `{example}`"
            )


def in_words(names: Iterable[str]) -> str:
    """As in: claude, codex or opencode; each as inline code."""
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} or {last}" if others else last


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")
