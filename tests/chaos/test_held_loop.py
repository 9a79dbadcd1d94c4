"""A command that blocks the event loop permanently, in a process that is killed for it, or ends itself."""

from __future__ import annotations

from pathlib import Path

from inline_snapshot import snapshot

from bot.emulators.github import Comment
from bot.emulators.github.model import BOT_LOGIN
from bot.text.markers import Marker, Stage
from tests.chaos.fast_server import HOLD, STUCK
from tests.chaos.process import HOLDING, Bot
from tests.chaos.worlds import Worlds, both_worlds


def marker_of(worlds: Worlds, comment: Comment) -> Marker | None:
    """The marker of the reply to a comment."""
    markers = [marker for _, marker in worlds.replies() if marker and f"-{comment.id}-" in marker.identity]
    assert len(markers) <= 1
    return markers[0] if markers else None


def stages(worlds: Worlds, *comments: Comment) -> list[Stage | None]:
    """The stages of the replies to some comments."""
    markers = [marker_of(worlds, comment) for comment in comments]
    return [marker.stage if marker else None for marker in markers]


def prompt_text(worlds: Worlds, comment: Comment) -> str:
    bodies = (reply.body for reply in worlds.github.comments(1) if reply.author == BOT_LOGIN)
    body = next(body for body in bodies if f"-{comment.id}-" in body)
    return body.partition("\n\n<!-- codegen-bot")[0]


async def test_command_that_holds_the_loop_is_given_up(tmp_path: Path) -> None:
    """With a reply, after three lives; another command of the first life is executed."""
    async with both_worlds(timing=0.0) as worlds:
        bot = Bot(worlds, tmp_path, module=HOLDING)
        async with bot.reporting(0):
            await bot.start()
            innocent = worlds.github.comment("bob", 1, "/codegen run fix it")
            await worlds.github.until(lambda: marker_of(worlds, innocent) is not None)
            holding = worlds.github.comment("bob", 1, f"/codegen run {HOLD}")
            for _ in range(2):
                await bot.until_logged(f"event_loop.blocked .*invocation=issue-comment-{holding.id}-")
                await bot.kill()
                await bot.spawn()
            assert await bot.ended() == STUCK
            await bot.start()
            await worlds.github.until(lambda: stages(worlds, innocent, holding) == [Stage.FINISHED, Stage.FAILED])
            marker = marker_of(worlds, holding)
            assert marker is not None
            assert prompt_text(worlds, holding).replace(marker.identity, "IDENTITY") == snapshot("""\
This command was given up: 3 times it blocked the bot, which had to be restarted.

Next: give it again in other words; if that ends the same way, ask the bot's operator. The bot's log has the details under `IDENTITY`.\
""")
            assert worlds.runs_of(marker.identity) == []
