"""The comment with the reason for a change made through the HTTP API; Codegen has no field for it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.codegen.models import AgentRun
from bot.replies.phrases import run_link
from bot.replies.untrusted import cut, inert

_DID = {
    "ban-checks": "Codegen was told not to react to the checks here",
    "unban-checks": "Codegen was told to react to the checks here again",
    "remove": "Codegen was taken off this pull request",
}

LONGEST_REASON = 2_000


def reason_given(command: str, run: AgentRun, reason: str) -> str:
    """The comment on a pull request.

    :param command: the command that corresponds to the change
    """
    return (
        f"{_DID[command]} ({run_link(run)}), by the HTTP API. The reason given:\n\n{cut(inert(reason), LONGEST_REASON)}"
    )


def told_on(urls: Sequence[str]) -> str:
    return f"The reason was told here: {', '.join(urls)}"


def not_told() -> str:
    return (
        "The reason was not written on a pull request: there is none on which both the bot and the GitHub account of "
        "your Codegen token may write."
    )
