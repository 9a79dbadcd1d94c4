"""What the bot says where Codegen does not have the repository."""

from __future__ import annotations

from bot.replies.untrusted import inline_code


def not_known(repository: str) -> str:
    """:param repository: ``owner/name``"""
    return (
        f"Codegen does not know {inline_code(repository)}: it is none of the repositories of the bot's Codegen "
        "organization.\n\nNext: somebody who manages that organization lets Codegen's GitHub App see the repository; "
        "then give the command again in a new comment."
    )
