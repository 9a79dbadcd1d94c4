"""The demo's scripted conversation and its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import Comment, GitHubEmulator
from bot.emulator.github.world import BOT_LOGIN
from bot.replies.markers import Stage, find

LAST_STAGES = {Stage.FINISHED, Stage.FAILED, Stage.REFUSED}

PULL_REQUEST = 1

PATIENCE = 60.0
"""Timeout of one scene in seconds."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A comment; `course` is the script of the run that it starts."""

    login: str
    text: str
    course: dict[str, Any] = field(default_factory=dict)


SCENES = (
    Scene(
        "alice",
        "The total is off by a cent sometimes.\n\n/codegen run find out why and fix it, with a test",
        {
            "summary": "The price was rounded twice: once net, once with tax. It is rounded once now.",
            "result": "`total()` rounds only what it returns. I added `test_a_total_is_rounded_once`.",
            "pull_request": "octo/shop#3",
        },
    ),
    Scene("carol", "/codegen run remove the tax"),
    Scene("bob", "/codegen staus"),
    Scene(
        "bob",
        "/codegen resume also handle an empty cart",
        {"outcome": "failure", "result": "`test_empty_cart` still fails: I could not tell what it ought to return."},
    ),
)


async def tell(scenes: Sequence[Scene], github: GitHubEmulator, codegen: CodegenEmulator) -> None:
    """Plays the scenes one after the other, each until the bot's final reply.

    :raises TimeoutError: if a comment gets no final reply
    """
    for scene in scenes:
        if scene.course:
            codegen.script(**scene.course)
        known = len(_answers(github))
        github.comment(scene.login, PULL_REQUEST, scene.text)
        await github.until(lambda known=known: len(_answers(github)) > known, seconds=PATIENCE)  # type: ignore[misc]


def _answers(github: GitHubEmulator) -> list[Comment]:
    """The bot's final replies."""
    return [
        comment
        for comment in github.comments(PULL_REQUEST)
        if comment.author == BOT_LOGIN and (marker := find(comment.body)) is not None and marker.stage in LAST_STAGES
    ]
