"""The world of a conversation: both emulators, people who write comments, and the real bot in between.

Webhooks are really sent and signed, the bot really runs on a database; only the clock stands still unless a test moves
it. A test fails when a comment of the bot was never read, or when a request met no route.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from bot.app.clients import Timing
from bot.app.server import serving
from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import Comment, GitHubEmulator
from bot.emulator.github.world import ACTIONS_LOGIN, BOT_LOGIN
from bot.handlers.steady_clock import SteadyClock
from bot.replies.markers import Stage, find
from bot.settings import Settings
from tests.conversations.jobs import Jobs
from tests.harness.databases import migrated_sqlite

SECRET = "the webhook's secret"


TEXT_INLINE = 32_768
"""Bytes: nearly every reply is prepared without a worker, whose start costs half a second of processor time."""


class Clock:
    """The world's time, for the bot and for Codegen alike. It stands still until somebody moves it."""

    def __init__(self) -> None:
        self._began = datetime.now(UTC)
        self._passed = timedelta()
        self._set_by = timedelta()

    def agree_with(self, codegen: CodegenEmulator) -> None:
        """It began when Codegen's did: on a busy machine a second may have gone by between the two."""
        self._began = codegen.now() - self._passed

    def now(self) -> datetime:
        """What the bot's machine says."""
        return self._began + self._passed + self._set_by

    def elsewhere(self) -> datetime:
        """What GitHub's clock says: it does not stand still, but what is moved here is moved there."""
        return datetime.now(UTC) + self._passed

    def seconds(self) -> float:
        return self._passed.total_seconds()

    def move(self, passed: timedelta) -> None:
        self._passed += passed

    def set(self, by: timedelta) -> None:
        self._set_by += by


class World:
    """Everybody and everything that a conversation needs."""

    def __init__(
        self,
        github: GitHubEmulator,
        codegen: CodegenEmulator,
        clock: Clock,
        database_url: str,
        entry_point: str = "server",
    ) -> None:
        self.entry_point = entry_point
        self.jobs: Jobs | None = None
        self.github = github
        self.codegen = codegen
        self.database_url = database_url
        self.settings: dict[str, Any] = {}
        self._account: str | None = None
        self.codegen_windows: dict[str, tuple[int, float]] = {}
        self.write_windows: tuple[tuple[float, int], ...] = ()
        self.missed_every: float | None = None
        self.text_limit = 60.0
        self.text_inline = TEXT_INLINE
        self.config_patience = 5.0
        self.outage_patience: float | None = None
        self.url = ""
        self._clock = clock
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

    async def until_reply(self, predicate: Callable[[str], bool], *, number: int = 1) -> None:
        """Waits until the bot's last comment on a thread is so."""
        await self.github.until(lambda: any(predicate(comment.body) for comment in self.bot_comments(number)[-1:]))

    async def latest_reply(self, *, number: int = 1) -> str:
        """The bot's last comment as it stands now, without its marker."""
        return self.read_all(number=number)[-1].body.partition("\n\n<!-- codegen-bot")[0]

    @staticmethod
    def fence(prompt: str) -> str:
        """The unguessable word in a prompt."""
        found = re.search("=== [0-9a-f]{20} ===", prompt)
        assert found is not None
        return found[0]

    @staticmethod
    def trusted(prompt: str) -> str:
        """What of a prompt does not stand between two lines of its fence."""
        fence = World.fence(prompt)
        return "".join(prompt.split(f"\n{fence}\n")[::2])

    def _next(self, stage: Stage | None, number: int) -> list[str]:
        for comment in self.bot_comments(number):
            for place in range(self._read.get(comment.id, 0), len(comment.versions)):
                marker = find(comment.versions[place])
                if stage is None or (marker is not None and marker.stage is stage):
                    self._read[comment.id] = place + 1
                    return [comment.versions[place].partition("\n\n<!-- codegen-bot")[0]]
        return []

    def bot_comments(self, number: int = 1) -> list[Comment]:
        return [comment for comment in self.github.comments(number) if comment.author == self.bot_login]

    @property
    def bot_login(self) -> str:
        """As whom the bot writes."""
        return self._account or (ACTIONS_LOGIN if self.entry_point == "action" else BOT_LOGIN)

    def unread(self) -> list[str]:
        return [
            comment.body
            for number in self.github.world.threads
            for comment in self.bot_comments(number)
            if comment.id not in self._read
        ]

    async def settled(self, count: int, *, number: int = 1) -> None:
        """Waits until this many of the bot's replies have come to their end."""
        last = {Stage.FINISHED, Stage.FAILED, Stage.REFUSED}

        def all_ended() -> bool:
            markers = [find(comment.body) for comment in self.bot_comments(number)]
            return sum(marker is not None and marker.stage in last for marker in markers) == count

        await self.github.until(all_ended)

    async def until_done(self, count: int) -> None:
        """Waits until the bot has carried out this many commands in all, silent ones included."""
        if self.jobs is not None:
            await self.jobs.until_done(count)
            return
        async with asyncio.timeout(10), aiohttp.ClientSession() as session:
            while True:
                async with session.get(f"{self.url}/metrics") as answer:
                    numbers = re.findall(
                        r"^codegen_bot_commands_done_total\{.*\} (\S+)$", await answer.text(), re.MULTILINE
                    )
                if sum(map(float, numbers)) >= count:
                    return
                await asyncio.sleep(0.01)

    def read_all(self, *, number: int = 1) -> list[Comment]:
        """The bot's comments as they stand now, all of them read."""
        comments = self.bot_comments(number)
        self._read |= {comment.id: len(comment.versions) for comment in comments}
        return comments

    def identity(self, comment: Comment) -> str:
        """Of the first command in a comment, as its reply's marker tells."""
        for reply in self.bot_comments(comment.number):
            marker = find(reply.body)
            if marker is not None and f"-{comment.id}-" in marker.identity:
                return marker.identity
        raise AssertionError("the comment has no reply")

    async def reacted(self, comment: Comment, *contents: str) -> None:
        """Waits until the bot's reactions under a comment are these."""
        await self.github.until(lambda: [reaction.content for reaction in comment.reactions] == [*contents])

    # Time, and the bot itself

    def at(self, time: str) -> None:
        """It becomes that time of the day (UTC), today or tomorrow."""
        hour, minute = map(int, time.split(":"))
        now = self._clock.now()
        then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        self._clock.move((then - now) % timedelta(days=1))

    def passes(self, **duration: float) -> None:
        """Time passes; the arguments are those of `timedelta`."""
        self._clock.move(timedelta(**duration))

    def clock_is_set(self, **by: float) -> None:
        """Somebody sets the clock of the bot's machine; no time passes."""
        self._clock.set(timedelta(**by))

    def requests(self, method: str, path: str) -> list[Any]:
        """The bodies of the requests to either emulator whose path contains `path`."""
        journals = (*self.codegen.control.journal, *self.github.control.journal)
        return [entry.body for entry in journals if entry.method == method and path in entry.path]

    async def start_bot(self) -> None:
        self._bot = AsyncExitStack()
        timing = Timing(
            shortest=0.02,
            longest=0.02,
            write_gap=0.0,
            write_windows=self.write_windows,
            polling_interval=0.02,
            drain=0.0,
            missed_first=0.0,
            missed_every=self.missed_every,
            codegen_windows=self.codegen_windows,
            text_limit=self.text_limit,
            text_inline=self.text_inline,
            config_patience=self.config_patience,
            config_retry=0.02,
            outage_patience=self.outage_patience,
            now=self._clock.now,
            clock=SteadyClock("world", self._clock.seconds),
            sleep=_nap,
        )
        if self.entry_point == "action":
            self.jobs = await self._bot.enter_async_context(Jobs(self.github, self.codegen, timing, self.settings))
            self.github.webhooks.url = self.jobs.url
            return
        settings = Settings.model_validate(
            {
                "codegen_api_token": "sk-org1-world",
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
        self.url = await self._bot.enter_async_context(serving(settings, timing=timing))
        self.github.webhooks.url = f"{self.url}/webhooks/github"

    def is_public(self) -> None:
        """From now on everybody can read the repository."""
        self.github.world.private = False

    async def works_as(self, login: str) -> None:
        """From now on the bot has a person's token, and writes as that person."""
        self._account = login
        self.settings["github_token"] = f"as-{login}"
        await self.restart_bot()

    async def restart_bot(self) -> None:
        """Also takes up settings that have changed."""
        await self.stop_bot()
        await self.start_bot()

    async def stop_bot(self) -> None:
        """Ends the bot as a deployment does: what is under way is left where it is."""
        if self._bot is not None:
            await self._bot.aclose()
            self._bot = None


async def _nap(seconds: float) -> None:
    """Waits that the bot makes before it tries again are cut short."""
    await asyncio.sleep(min(seconds, 0.01))


@asynccontextmanager
async def world_at(database: Path | str, *, entry_point: str = "server") -> AsyncIterator[World]:
    """A world in which the bot is running.

    :param entry_point: ``server``, or ``action`` where workflows hear of what happens instead
    """
    database_url = database if isinstance(database, str) else migrated_sqlite(database)
    clock = Clock()
    github = GitHubEmulator(webhook_secret=SECRET, limits=False, now=clock.elsewhere)
    async with CodegenEmulator(run_seconds=None, limits=False, clock=clock.seconds) as codegen, github:
        clock.agree_with(codegen)
        world = World(github, codegen, clock, database_url, entry_point)
        await world.start_bot()
        try:
            yield world
        finally:
            await world.stop_bot()
        unrouted = [
            f"{entry.method} {entry.path}"
            for entry in (*github.control.journal, *codegen.control.journal)
            if not entry.routed
        ]
        assert not unrouted, f"requests met no route: {unrouted}"
        assert not world.unread(), f"nobody read what the bot said: {world.unread()}"
