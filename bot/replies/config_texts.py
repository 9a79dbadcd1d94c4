"""Replies about a config file that is invalid or cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from bot.errors import RETRIED, UpstreamError
from bot.replies.markers import Stage
from bot.replies.reason import Reason, of_kind
from bot.replies.reply import Reply
from bot.replies.untrusted import inert_words, inline_code

LONGEST_PROBLEM = 500
"""Characters of one problem that are shown."""


class Holds(Enum):
    """What applies instead of a config file that cannot be used."""

    LAST_VERSION = "last-version"
    BOTH = "both"
    ADMINISTRATORS = "administrators"
    NOTHING = "nothing"
    HIDDEN = "hidden"

    @property
    def sentence(self) -> str:
        return _SENTENCES[self]


_SENTENCES = {
    Holds.LAST_VERSION: (
        "Until it is fixed, its last good version holds, together with whatever this one restricts further."
    ),
    Holds.BOTH: "Until it is fixed, both files hold, except for the organization's labels and named prompts.",
    Holds.ADMINISTRATORS: (
        "No good version of it is known. Until it is fixed, only people with `admin` access may give commands, bots "
        "may not, there are no named prompts, and one agent run a day may be started."
    ),
    Holds.NOTHING: (
        "No good version of it is known, and this one may hold secret patterns that cannot be read. Until it is fixed, "
        "only `help` works."
    ),
    Holds.HIDDEN: "Until it can be read again, its last good version holds.",
}

_READ_ACCESS = "whoever runs the bot gives it read access to the repository's contents (`contents: read`)"


def config_is_wrong(path: str, problems: Sequence[str], holds: Holds) -> str:
    """:param problems: a line each; they may show a few words of the file"""
    lines = "\n".join(f"- {inert_words(problem, LONGEST_PROBLEM)}" for problem in problems)
    fix = "fix it on the default branch; `codegen-bot check-config FILE` checks a file beforehand."
    return (
        f"The config file {inline_code(path)} cannot be used:\n\n{lines}\n\n{holds.sentence}\n\n"
        f"Next: {f'{_READ_ACCESS}, or puts the file back.' if holds is Holds.HIDDEN else fix} "
        "This is posted once for each version of the file."
    )


def closed_by_mistake(path: str) -> Reply:
    """A command is not executed, because an invalid file's restrictions are not known."""
    text = (
        f"The config file {inline_code(path)} is wrong, and no good version of it is known, so only `help` works."
        "\n\nNext: fix it on the default branch (`codegen-bot check-config FILE` says what is wrong); then give the "
        "command again."
    )
    return Reply(stage=Stage.REFUSED, text=text, reason=Reason.USER_ERROR)


def unread(path: str, error: UpstreamError, *, again: str) -> Reply:
    """A command is not executed, because the file could not be read and its restrictions are not known.

    :param again: how to retry
    """
    reason = inert_words(error.detail, LONGEST_PROBLEM) or error.kind.value
    status = f"{error.status} " if error.status else ""
    next_step = f"{again} in a few minutes." if error.kind in RETRIED else f"{_READ_ACCESS}; then {again}."
    text = (
        f"The config file {inline_code(path)} cannot be read (GitHub: {status}{reason}), and no earlier version of it "
        f"is known. What it forbids is not known either, so nothing but `help` works.\n\nNext: {next_step}"
    )
    return Reply(stage=Stage.FAILED, text=text, reason=of_kind(error.kind))


def restricted_by_mistake(path: str) -> str:
    """Why a command needs more permission than usual."""
    return f"The config file {inline_code(path)} is wrong, so for now every command takes `admin` access."
