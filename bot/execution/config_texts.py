"""Replies about a config file that is invalid or cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from bot.errors import RETRIED, UpstreamError
from bot.execution.reply import Reason, Reply, reason_of_error
from bot.text.markers import Stage
from bot.text.untrusted import inert_words, inline_code

LONGEST_PROBLEM = 500
"""Characters of one problem that are shown."""


class Fallback(Enum):
    """What applies instead of a config file that cannot be used."""

    LAST_VERSION = "last-version"
    BOTH = "both"
    ADMINISTRATORS = "administrators"
    NOTHING = "nothing"
    HIDDEN = "hidden"

    @property
    def description(self) -> str:
        return _SENTENCES[self]


_SENTENCES = {
    Fallback.LAST_VERSION: (
        "Until it is fixed, its last valid version applies, together with whatever this one restricts further."
    ),
    Fallback.BOTH: "Until it is fixed, both files apply, except for the organization's labels and named prompts.",
    Fallback.ADMINISTRATORS: (
        "No valid version of it is known. Until it is fixed, only people with `admin` access may give commands, bots "
        "may not, there are no named prompts, and one agent run a day may be started."
    ),
    Fallback.NOTHING: (
        "No valid version of it is known, and this one may hold secret patterns that cannot be read. Until it is "
        "fixed, only `help` works."
    ),
    Fallback.HIDDEN: "Until it can be read again, its last valid version applies.",
}

_READ_ACCESS = "the bot's operator must give it read access to the repository's contents (`contents: read`)"


def invalid_config_notice(path: str, problems: Sequence[str], fallback: Fallback) -> str:
    """:param problems: a line each; they may show a few words of the file"""
    lines = "\n".join(f"- {inert_words(problem, LONGEST_PROBLEM)}" for problem in problems)
    fix = "fix it on the default branch; `codegen-bot check-config FILE` checks a file beforehand."
    return (
        f"The config file {inline_code(path)} cannot be used:\n\n{lines}\n\n{fallback.description}\n\n"
        f"Next: {f'{_READ_ACCESS}, or put the file back.' if fallback is Fallback.HIDDEN else fix} "
        "This is posted once for each version of the file."
    )


def closed_by_invalid_config(path: str) -> Reply:
    """A command is not executed, because an invalid file's restrictions are not known."""
    text = (
        f"The config file {inline_code(path)} is invalid, and no valid version of it is known, so only `help` works."
        "\n\nNext: fix it on the default branch (`codegen-bot check-config FILE` reports the problems); then give the "
        "command again."
    )
    return Reply(stage=Stage.REFUSED, text=text, reason=Reason.USER_ERROR)


def unreadable_config(path: str, error: UpstreamError, *, retry: str) -> Reply:
    """A command is not executed, because the file could not be read and its restrictions are not known.

    :param retry: how to retry
    """
    reason = inert_words(error.detail, LONGEST_PROBLEM) or error.kind.value
    status = f"{error.status} " if error.status else ""
    next_step = f"{retry} in a few minutes." if error.kind in RETRIED else f"{_READ_ACCESS}; then {retry}."
    text = (
        f"The config file {inline_code(path)} cannot be read (GitHub: {status}{reason}), and no earlier version of it "
        f"is known. What it forbids is not known either, so only `help` works.\n\nNext: {next_step}"
    )
    return Reply(stage=Stage.FAILED, text=text, reason=reason_of_error(error.kind))


def restricted_by_invalid_config(path: str) -> str:
    """Why a command needs more permission than usual."""
    return f"The config file {inline_code(path)} is invalid, so for now every command needs `admin` access."
