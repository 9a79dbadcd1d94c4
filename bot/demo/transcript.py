"""Prints the conversation as lines of text, as it happens."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain

from bot.emulator.github import Comment, GitHubEmulator
from bot.emulator.github.world import REPOSITORY

_HIDDEN = re.compile(r"\s*<!--.*?-->", re.DOTALL)
_FOLD = re.compile(r"<details><summary>(.*?)</summary>")


class Transcript:
    """Prints each comment and each edit once; those that exist at the start count as printed."""

    def __init__(self, github: GitHubEmulator, say: Callable[[str], None]) -> None:
        self._github = github
        self._say = say
        self._told = {comment.id: len(comment.versions) for comment in self._comments()}

    async def follow(self) -> None:
        """Prints new comments and edits until cancelled."""
        while True:
            await self._github.until(self._has_news, seconds=None)
            self.catch_up()

    def catch_up(self) -> None:
        """Prints what has not been printed yet."""
        for comment in self._comments():
            for number in range(self._told.get(comment.id, 0), len(comment.versions)):
                self._say(_lines(comment, number))
            self._told[comment.id] = len(comment.versions)

    def _has_news(self) -> bool:
        return any(self._told.get(comment.id, 0) < len(comment.versions) for comment in self._comments())

    def _comments(self) -> list[Comment]:
        return list(chain.from_iterable(self._github.comments(number) for number in self._github.world.threads))


def _lines(comment: Comment, version: int) -> str:
    did = "edits that to" if version else "says"
    text = _FOLD.sub(r"▸ \1", _HIDDEN.sub("", comment.versions[version])).replace("</details>", "")
    said = re.sub(r"\n{3,}", "\n\n", text).strip().split("\n")
    return "\n".join((f"{REPOSITORY}#{comment.number}  {comment.author} {did}:", *(f"  | {line}" for line in said), ""))
