"""The world of a conversation: both emulators with their users, and the real bot between them.

Webhooks are really sent and signed, the bot really runs on a database; only the clock stops unless a test advances it.
A test fails if it leaves a reply of the bot unread, or if a request has no route.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Container
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.agents.config import AgentsConfig
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import Comment, GitHubEmulator
from bot.emulators.github.model import ACTIONS_LOGIN, BOT_LOGIN
from bot.execution.steps import SteadyClock
from bot.text.markers import Stage, find
from tests.harness import TIMEOUT
from tests.harness.action_jobs import Jobs
from tests.harness.clock import WorldClock
from tests.harness.databases import migrated_sqlite
from tests.harness.server import SECRET, emulators, quick_timing, running_server

TEXT_INLINE = 32_768
"""Bytes: nearly every reply is prepared without a worker, whose start costs half a second of processor time."""

either_entry_point = pytest.mark.either_entry_point
"""Marks a conversation whose texts are the same at every entry point."""


class World:
    """Both emulators, the clock and the bot."""

    def __init__(
        self,
        github: GitHubEmulator,
        codegen: CodegenEmulator,
        clock: WorldClock,
        database_url: str,
        entry_point: str = "server",
    ) -> None:
        self.entry_point = entry_point
        self.jobs: Jobs | None = None
        self.github = github
        self.codegen = codegen
        self.database_url = database_url
        self.settings: dict[str, Any] = {}
        self.agents: AgentsConfig | None = None
        """Agents of the bot's own, in place of Codegen."""
        self._account: str | None = None
        self.timing: dict[str, Any] = {"text_inline": TEXT_INLINE, "config_retry": 0.02}
        self.url = ""
        self._clock = clock
        self._read: dict[int, int] = {}
        self._bot: AsyncExitStack | None = None

    # People

    async def comment(self, login: str, text: str, *, number: int = 1) -> Comment:
        """Writes a comment as this user, and waits until its webhook is delivered."""
        comment = self.github.comment(login, number, text)
        await self.github.idle()
        return comment

    async def edit(self, comment: Comment, text: str, *, login: str | None = None) -> None:
        self.github.edit(comment, text, login=login)
        await self.github.idle()

    # The bot's replies

    async def reply(self, stage: Stage | None = None, *, number: int = 1) -> str:
        """The bot's next unread reply, or edit of one, on a thread, without its marker.

        :param stage: skips those of other stages
        """
        found: list[str] = []

        def look() -> bool:
            found[:] = self._next(None if stage is None else {stage}, number)
            return bool(found)

        await self.github.until(look)
        return found[0]

    async def until_reply(self, predicate: Callable[[str], bool], *, number: int = 1) -> None:
        """Waits until the bot's last comment on a thread matches."""
        await self.github.until(lambda: any(predicate(comment.body) for comment in self.bot_comments(number)[-1:]))

    async def latest_reply(self, *, number: int = 1) -> str:
        """The bot's last comment in its current form, without its marker."""
        return self.read_all(number=number)[-1].body.partition("\n\n<!-- codegen-bot")[0]

    @staticmethod
    def fence(prompt: str) -> str:
        """The random fence of a prompt's untrusted parts."""
        found = re.search("=== [0-9a-f]{20} ===", prompt)
        assert found is not None
        return found[0]

    @staticmethod
    def trusted(prompt: str) -> str:
        """A prompt without the parts between two lines of its fence."""
        fence = World.fence(prompt)
        return "".join(prompt.split(f"\n{fence}\n")[::2])

    def _next(self, stages: Container[Stage] | None, number: int) -> list[str]:
        for comment in self.bot_comments(number):
            for place in range(self._read.get(comment.id, 0), len(comment.versions)):
                marker = find(comment.versions[place])
                if stages is None or (marker is not None and marker.stage in stages):
                    self._read[comment.id] = place + 1
                    return [comment.versions[place].partition("\n\n<!-- codegen-bot")[0]]
        return []

    def bot_comments(self, number: int = 1) -> list[Comment]:
        return [comment for comment in self.github.comments(number) if comment.author == self.bot_login]

    @property
    def bot_login(self) -> str:
        """The account that the bot writes as."""
        return self._account or (ACTIONS_LOGIN if self.entry_point == "action" else BOT_LOGIN)

    def unread(self) -> list[str]:
        return [
            comment.body
            for number in self.github.world.threads
            for comment in self.bot_comments(number)
            if comment.id not in self._read
        ]

    async def settled(self, count: int, *, number: int = 1) -> None:
        """Waits until this many of the bot's replies are final."""
        last = {Stage.FINISHED, Stage.FAILED, Stage.REFUSED}

        def all_ended() -> bool:
            markers = [find(comment.body) for comment in self.bot_comments(number)]
            return sum(marker is not None and marker.stage in last for marker in markers) == count

        await self.github.until(all_ended)

    async def until_done(self, count: int) -> None:
        """Waits until the bot has executed this many commands in all, silent ones included."""
        if self.jobs is not None:
            await self.jobs.until_done(count)
            return
        async with asyncio.timeout(TIMEOUT), aiohttp.ClientSession() as session:
            while True:
                async with session.get(f"{self.url}/metrics") as answer:
                    numbers = re.findall(
                        r"^codegen_bot_commands_done_total\{.*\} (\S+)$", await answer.text(), re.MULTILINE
                    )
                if sum(map(float, numbers)) >= count:
                    return
                await asyncio.sleep(0.01)

    def read_all(self, *, number: int = 1) -> list[Comment]:
        """The bot's comments; marks all of them as read."""
        comments = self.bot_comments(number)
        self._read |= {comment.id: len(comment.versions) for comment in comments}
        return comments

    def identity(self, comment: Comment) -> str:
        """The identity of the first command in a comment, from its reply's marker."""
        for reply in self.bot_comments(comment.number):
            marker = find(reply.body)
            if marker is not None and f"-{comment.id}-" in marker.identity:
                return marker.identity
        raise AssertionError("the comment has no reply")

    async def reacted(self, comment: Comment, *contents: str) -> None:
        """Waits until these are the reactions to a comment."""
        await self.github.until(lambda: [reaction.content for reaction in comment.reactions] == [*contents])

    # Time, and the bot itself

    def at(self, time: str) -> None:
        """Advances the clock to that time of the day (UTC), today or tomorrow."""
        hour, minute = map(int, time.split(":"))
        now = self._clock.now()
        then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        self._clock.advance((then - now) % timedelta(days=1))

    def advance(self, **duration: float) -> None:
        """Advances the clock; the arguments are those of `timedelta`."""
        self._clock.advance(timedelta(**duration))

    def set_clock(self, **by: float) -> None:
        """Changes the time of day on the bot's machine; no time passes."""
        self._clock.set(timedelta(**by))

    def requests(self, method: str, path: str) -> list[Any]:
        """The bodies of the requests to either emulator whose path contains `path`."""
        journals = (*self.codegen.control.journal, *self.github.control.journal)
        return [entry.body for entry in journals if entry.method == method and path in entry.path]

    async def start_bot(self) -> None:
        self._bot = AsyncExitStack()
        timing = quick_timing(
            drain=0.0,
            missed_first=0.0,
            now=self._clock.now,
            clock=SteadyClock("world", self._clock.seconds),
            **{"missed_every": None, **self.timing},
        )
        settings = {"progress_interval_seconds": 0, **self.settings}
        if self.entry_point == "action":
            self.jobs = await self._bot.enter_async_context(Jobs(self.github, self.codegen, timing, settings))
            self.github.webhooks.url = self.jobs.url
            return
        server = running_server(
            self.github, self.codegen, self.database_url, agents=self.agents, timing=timing, **settings
        )
        self.url = await self._bot.enter_async_context(server)

    def make_public(self) -> None:
        """Makes the repository public."""
        self.github.world.private = False

    async def act_as(self, login: str) -> None:
        """Restarts the bot with a user's token: it writes as that user."""
        self._account = login
        self.settings["github_token"] = f"as-{login}"
        await self.restart_bot()

    async def restart_bot(self) -> None:
        """Applies changed settings, too."""
        await self.stop_bot()
        await self.start_bot()

    async def stop_bot(self) -> None:
        """Stops the bot as a deployment does: work in progress is left as it is, also a command whose final reply is posted
        already. The next bot finishes it, and posts that reply again: where this matters, call `until_done` before.
        """
        if self._bot is not None:
            await self._bot.aclose()
            self._bot = None


@asynccontextmanager
async def world_at(database: Path | str, *, entry_point: str = "server") -> AsyncIterator[World]:
    """A world in which the bot is running.

    :param entry_point: ``server``, or ``action``: then each webhook starts a workflow's job
    """
    database_url = database if isinstance(database, str) else migrated_sqlite(database)
    clock = WorldClock()
    async with emulators(
        GitHubEmulator(webhook_secret=SECRET, limits=False, now=clock.now_at_github),
        CodegenEmulator(run_seconds=None, limits=False, clock=clock.seconds),
    ) as (github, codegen):
        clock.begin_at(codegen.now())
        world = World(github, codegen, clock, database_url, entry_point)
        await world.start_bot()
        try:
            yield world
        finally:
            await world.stop_bot()
    assert not world.unread(), f"unread replies: {world.unread()}"
