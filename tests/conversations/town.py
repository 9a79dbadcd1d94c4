"""The world of a conversation: both emulators, people who write comments, and the real bot in between.

Webhooks are really sent and signed, the bot really runs on a database; only the clock stands still unless a test moves
it. A test fails when a comment of the bot was never read, or when a request met no route.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.app import Pace, serving
from bot.config import Settings
from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import Comment, GitHubEmulator
from bot.emulator.github.world import BOT_LOGIN
from bot.replies.markers import Stage, find

SECRET = "the webhook's secret"


class Town:
    """Everybody and everything that a conversation needs."""

    def __init__(self, github: GitHubEmulator, codegen: CodegenEmulator, database_url: str) -> None:
        self.github = github
        self.codegen = codegen
        self.database_url = database_url
        self.settings: dict[str, Any] = {}
        self.url = ""
        self._now = datetime.now(UTC)
        self._read: dict[int, int] = {}
        self._bot: AsyncExitStack | None = None

    # People

    async def says(self, login: str, text: str, *, number: int = 1) -> Comment:
        """Somebody writes a comment, and the bot hears of it."""
        comment = self.github.comment(login, number, text)
        await self.github.idle()
        return comment

    async def edits(self, comment: Comment, text: str, *, login: str | None = None) -> None:
        self.github.edit(comment, text, login=login)
        await self.github.idle()

    # What the bot says

    async def reply(self, stage: Stage | None = None, *, number: int = 1) -> str:
        """The next thing the bot says on a thread that was not read yet, without its marker.

        :param stage: passes over what is said before that stage
        """
        found: list[str] = []

        def look() -> bool:
            found[:] = self._next(stage, number)
            return bool(found)

        await self.github.until(look)
        return found[0]

    def _next(self, stage: Stage | None, number: int) -> list[str]:
        for comment in self.bot_comments(number):
            for place in range(self._read.get(comment.id, 0), len(comment.versions)):
                marker = find(comment.versions[place])
                if stage is None or (marker is not None and marker.stage is stage):
                    self._read[comment.id] = place + 1
                    return [comment.versions[place].rpartition("\n\n<!-- codegen-bot")[0]]
        return []

    def bot_comments(self, number: int = 1) -> list[Comment]:
        return [comment for comment in self.github.comments(number) if comment.author == BOT_LOGIN]

    def unread(self) -> list[str]:
        return [
            comment.body
            for number in self.github.world.threads
            for comment in self.bot_comments(number)
            if comment.id not in self._read
        ]

    async def reacted(self, comment: Comment, *contents: str) -> None:
        """Waits until the bot's reactions under a comment are these."""
        await self.github.until(lambda: [reaction.content for reaction in comment.reactions] == [*contents])

    # Time, and the bot itself

    def now(self) -> datetime:
        return self._now

    def passes(self, **duration: float) -> None:
        """Time passes; the arguments are those of `timedelta`."""
        self._now += timedelta(**duration)

    def requests(self, method: str, path: str) -> list[Any]:
        """The bodies of the requests to either emulator whose path contains `path`."""
        journals = (*self.codegen.control.journal, *self.github.control.journal)
        return [entry.body for entry in journals if entry.method == method and path in entry.path]

    async def start_bot(self) -> None:
        self._bot = AsyncExitStack()
        settings = Settings.model_validate(
            {
                "codegen_api_token": "sk-org1-town",
                "codegen_org_id": 1,
                "codegen_api_base_url": self.codegen.url,
                "github_token": "bot-token",
                "github_api_url": self.github.url,
                "github_webhook_secret": SECRET,
                "database_url": self.database_url,
                "port": 0,
                "progress_interval_seconds": 0,
                **self.settings,
            }
        )
        pace = Pace(
            shortest=0.02, longest=0.02, write_gap=0.0, polling_interval=0.02, codegen_windows={}, now=self.now
        )
        self.url = await self._bot.enter_async_context(serving(settings, pace=pace))
        self.github.webhooks.url = f"{self.url}/webhooks/github"

    async def stop_bot(self) -> None:
        """Ends the bot as a deployment does: what is under way is left where it is."""
        if self._bot is not None:
            await self._bot.aclose()
            self._bot = None


@asynccontextmanager
async def town_at(database: Path | str) -> AsyncIterator[Town]:
    """A town whose bot is up."""
    database_url = f"sqlite:///{database}" if isinstance(database, Path) else database
    github = GitHubEmulator(webhook_secret=SECRET, limits=False)
    async with CodegenEmulator(pace=None, limits=False) as codegen, github:
        town = Town(github, codegen, database_url)
        await town.start_bot()
        try:
            yield town
        finally:
            await town.stop_bot()
        unrouted = [
            f"{entry.method} {entry.path}"
            for entry in (*github.control.journal, *codegen.control.journal)
            if not entry.routed
        ]
        assert not unrouted, f"requests met no route: {unrouted}"
        assert not town.unread(), f"nobody read what the bot said: {town.unread()}"
