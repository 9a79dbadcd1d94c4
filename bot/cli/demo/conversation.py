"""The demo's scripted conversation, and its transcript as lines of text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from bot.cli.demo.checks import FAILING_LOG
from bot.emulators.github import Comment, GitHubEmulator
from bot.emulators.github.model import BOT_LOGIN, REPOSITORY
from bot.text.markers import Stage, find

PULL_REQUEST = 1
ISSUE = 3

SCENE_TIMEOUT = 600.0
"""Seconds: a real agent takes its time."""

_LAST_STAGES = {Stage.FINISHED, Stage.FAILED, Stage.REFUSED}
_HIDDEN = re.compile(r"\s*<!--.*?-->", re.DOTALL)
_FOLD = re.compile(r"<details><summary>(.*?)</summary>")


@dataclass(frozen=True, slots=True)
class Scene:
    """A comment."""

    login: str
    number: int
    text: str


SCENES = (
    Scene(
        "alice",
        ISSUE,
        "/codegen run find out why, and fix it in `app/checkout.py`",
    ),
    Scene("carol", PULL_REQUEST, "/codegen run remove the tax"),
    Scene("bob", PULL_REQUEST, "/codegen staus"),
    Scene("bob", ISSUE, "/codegen resume also handle an empty cart in `app/checkout.py`"),
)


def open_threads(github: GitHubEmulator) -> None:
    """Opens the issue of the conversation, and lets the pull request's test fail."""
    github.open_issue("alice", "The total is off by a cent", "Sometimes, and only with many items in the cart.")
    head = github.world.threads[PULL_REQUEST].head_sha
    for name, fails in (("lint", False), ("test", True)):
        conclusion, log = ("failure", FAILING_LOG) if fails else ("success", "")
        github.world.add_check_run(name, head, conclusion=conclusion, app="github-actions", log=log)


async def play_scenes(scenes: Sequence[Scene], github: GitHubEmulator) -> None:
    """Plays the scenes one after the other, each until the bot's final reply.

    :raises TimeoutError: if a comment gets no final reply
    """
    for scene in scenes:
        known = len(_final_replies(github, scene.number))
        github.comment(scene.login, scene.number, scene.text)

        def is_answered(scene: Scene = scene, known: int = known) -> bool:
            return len(_final_replies(github, scene.number)) > known

        await github.until(is_answered, seconds=SCENE_TIMEOUT)


def _final_replies(github: GitHubEmulator, number: int) -> list[Comment]:
    return [
        comment
        for comment in github.comments(number)
        if comment.author == BOT_LOGIN and (marker := find(comment.body)) is not None and marker.stage in _LAST_STAGES
    ]


@dataclass(frozen=True, slots=True)
class Entry:
    """A comment as it was written, or as it is after an edit.

    :param text: Markdown without the hidden marker
    """

    place: str
    login: str
    text: str
    is_edit: bool


class Transcript:
    """Prints each comment and each edit once; those that exist at the start count as printed."""

    def __init__(self, github: GitHubEmulator, show: Callable[[Entry], None]) -> None:
        self._github = github
        self._show = show
        self._printed = {comment.id: len(comment.versions) for comment in self._comments()}

    async def follow(self) -> None:
        """Prints new comments and edits until cancelled."""
        while True:
            await self._github.until(self._has_news, seconds=None)
            self.catch_up()

    def catch_up(self) -> None:
        """Prints what has not been printed yet."""
        for comment in self._comments():
            for version in range(self._printed.get(comment.id, 0), len(comment.versions)):
                self._show(_entry(comment, version))
            self._printed[comment.id] = len(comment.versions)

    def _has_news(self) -> bool:
        return any(self._printed.get(comment.id, 0) < len(comment.versions) for comment in self._comments())

    def _comments(self) -> list[Comment]:
        return list(chain.from_iterable(self._github.comments(number) for number in self._github.world.threads))


def _entry(comment: Comment, version: int) -> Entry:
    text = re.sub(r"\n{3,}", "\n\n", _HIDDEN.sub("", comment.versions[version])).strip()
    return Entry(f"{REPOSITORY}#{comment.number}", comment.author, text, is_edit=version > 0)


def plain(entry: Entry) -> str:
    """An entry for a pipe or a file."""
    text = _FOLD.sub(r"▸ \1", entry.text).replace("</details>", "")
    verb = "edits the comment" if entry.is_edit else "comments"
    lines = re.sub(r"\n{3,}", "\n\n", text).strip().split("\n")
    return "\n".join((f"{entry.place}  {entry.login} {verb}:", *(f"  | {line}" for line in lines), ""))
