"""The one comment that the bot keeps per command: created once, found again after a crash, then edited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import TypeAdapter

from bot import log
from bot.errors import RETRIED, Kind, UpstreamError
from bot.github.client import GitHub
from bot.github.models import PostedComment
from bot.handlers.order import Order
from bot.handlers.record import Recorder
from bot.replies.markers import Marker, Stage, find
from bot.replies.reply import Reply, render
from bot.repository_config.model import RepositoryConfig

T = TypeVar("T")

_log = log.get(__name__)

_ID = TypeAdapter(int)

CLOCK_SLACK = timedelta(minutes=5)
"""How far GitHub's clock and ours may differ."""

PATIENCE = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 300.0, 600.0, 600.0, 900.0, 900.0, 1800.0)
"""Seconds between the tries of a word that must arrive: together about an hour and a half."""


class LivingReply:
    """The reply of one order."""

    def __init__(
        self,
        order: Order,
        github: GitHub,
        record: Recorder,
        *,
        again: bool,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._order = order
        self._github = github
        self._record = record
        self._again = again
        self.config = RepositoryConfig(prefix=order.prefix)
        self._sleep = sleep
        self._comment_id: int | None = None
        self._shown: str | None = None

    @property
    def comment_id(self) -> int | None:
        """The comment's number; None before anything has been said."""
        return self._comment_id

    @property
    def exists(self) -> bool:
        """Whether anything has been said yet."""
        return self._comment_id is not None

    async def show(self, reply: Reply, *, patient: bool = False) -> None:
        """Makes the comment say this.

        The first word creates the comment and is always waited for. A later one that fails is dropped, because a newer
        one follows; unless `patient`.

        :raises UpstreamError: where GitHub refuses the first word, or a patient one, for good
        """
        if reply.stage is Stage.WORKING and not self.config.progress:
            return
        body = render(
            reply, identity=self._order.identity, command=self._order.name, secrets=self.config.secret_patterns
        )
        if self._comment_id is None:
            self._comment_id = await self._record("reply", _ID, lambda: self._create(body))
            self._shown = None if self._again else body
        if body == self._shown:
            return
        try:
            await (self._patiently(lambda: self._edit(body)) if patient else self._edit(body))
        except UpstreamError as error:
            if patient:
                raise
            _log.warning("reply.edit-failed", stage=reply.stage.value, reason=str(error))
            return
        self._shown = body

    async def _create(self, body: str) -> int:
        in_doubt = self._again

        async def create() -> int:
            nonlocal in_doubt
            if in_doubt and (found := await self._find()) is not None:
                return found
            in_doubt = True
            thread = self._order.thread
            return (await self._github.comment(thread.repository, thread.number, body)).id

        return await self._patiently(create)

    async def _edit(self, body: str) -> None:
        thread = self._order.thread
        assert self._comment_id is not None  # noqa: S101 - show() has created it
        try:
            await self._github.edit_comment(thread.repository, self._comment_id, body)
        except UpstreamError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            # Somebody deleted it; the outcome is still owed.
            self._comment_id = (await self._github.comment(thread.repository, thread.number, body)).id
            _log.info("reply.replaced")

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        for delay in PATIENCE:
            try:
                return await work()
            except UpstreamError as error:
                if error.kind not in RETRIED:
                    raise
                _log.warning("reply.waits-for-github", seconds=delay, reason=str(error))
                await self._sleep(max(delay, error.retry_after or 0.0))
        return await work()

    async def _find(self) -> int | None:
        """The comment that an earlier attempt at this order left."""
        async for comment, marker in self._own(since=self._order.asked_at - CLOCK_SLACK):
            if marker.identity == self._order.identity:
                return comment.id
        return None

    async def latest_runs(self, *, command: str | None = None) -> tuple[int, ...]:
        """The runs of the last of the bot's replies on this thread that is about any.

        :param command: looks only at replies to this command
        """
        latest: tuple[int, ...] = ()
        async for _, marker in self._own(since=None):
            if marker.runs and marker.identity != self._order.identity and command in {None, marker.command}:
                latest = marker.runs
        return latest

    async def _own(self, *, since: datetime | None) -> AsyncIterator[tuple[PostedComment, Marker]]:
        """The bot's own replies on the thread, oldest first. A marker in anybody else's comment proves nothing."""
        me = await self._github.me()
        thread = self._order.thread
        async for comment in self._github.comments(thread.repository, thread.number, since=since):
            if comment.author.login == me.login and (marker := find(comment.body)) is not None:
                yield comment, marker
