"""The changes as git's diffs: searched for secrets, and as a patch for people."""

from __future__ import annotations

from collections.abc import Sequence

from bot.agents.git import Git
from bot.agents.publishing.secrets_in_changes import find_secrets
from bot.storage.queries import run_in_thread
from bot.text.untrusted import redact

PATCH_LIMIT = 30_000
"""Characters of a patch in an error: a comment has room for 65,536."""

CHECKED_LIMIT = 32 * 2**20
"""Bytes of a change that are searched for secrets; a larger one is not pushed."""

_DIFF = ("-r", "-p", "--no-ext-diff", "--no-textconv", "--no-color")


class SecretError(Exception):
    """A change must not be pushed. The sentence that says why is the only argument."""


async def check_for_secrets(git: Git, base: str, tree: str, patterns: Sequence[str]) -> None:
    """:raises SecretError: if the change contains a secret, or cannot be searched for one"""
    # --text: an agent could mark files as binary to hide what is in them.
    options = (
        "-r",
        "-p",
        "-U0",
        "--text",
        "--no-prefix",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
    )
    diff = await git.run("diff-tree", *options, base, tree, limit=CHECKED_LIMIT + 1, cuts=True)
    if len(diff) > CHECKED_LIMIT:
        raise SecretError(
            "Nothing was pushed: the change is over 32 MB, too large to be searched for secrets. Resume the run and "
            "ask for a smaller change."
        )
    found = await run_in_thread(lambda: find_secrets(diff.decode(errors="replace"), patterns))
    if found is not None:
        raise SecretError(
            f"Nothing was pushed: line {found.line} of {redact(found.path)} looks like a secret. Resume the run and "
            "ask to remove it."
        )


async def patch_of(git: Git, base: str, tree: str) -> str:
    """The change from a commit to a tree, redacted and shortened to `PATCH_LIMIT`."""
    output = await git.run("diff-tree", *_DIFF, base, tree, limit=2 * PATCH_LIMIT, cuts=True)
    text = await run_in_thread(lambda: redact(output.decode(errors="replace")))
    if len(text) <= PATCH_LIMIT:
        return text
    return f"{text[:PATCH_LIMIT].rpartition(chr(10))[0]}\n… the rest is in the run's workspace.\n"
