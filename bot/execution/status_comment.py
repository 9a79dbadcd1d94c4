"""The status comment, one per command: created once, found again after a crash, then edited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from pydantic import TypeAdapter

from bot import log
from bot.errors import RETRIED, AnsweredElsewhereError, ErrorKind, UpstreamError
from bot.execution.invocation import CommandInvocation
from bot.execution.reply import Reply, render
from bot.execution.repository_config.model import RepositoryConfig
from bot.execution.runs_of_thread import CLOCK_SLACK, replies_on
from bot.execution.services import Services
from bot.execution.steps import DEFERRED, StepRecorder
from bot.github.limits import DroppedError, WritePriority
from bot.github.models import PostedComment
from bot.text.markers import FINAL_STAGES, Marker, Stage
from bot.text.redaction.redact import redact_patterns
from bot.upstream import lag_delay, outage_delay, retried

T = TypeVar("T")

_log = log.get(__name__)

_ID = TypeAdapter(int, config=DEFERRED)

RETRY_DELAYS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 300.0, 600.0, 600.0, 900.0, 900.0, 1800.0)
"""Seconds between the tries of an update that must arrive: together about an hour and a half."""


class StatusComment:
    """The reply of one invocation. If it is not to be posted, only `Services.on_reply` receives it.

    If several workers may execute the same command without knowing of each other (`Services.worker`), the first reply
    to a command stands, and a later worker deletes its own.

    :param may_have_run: whether an earlier attempt may have posted it
    """

    def __init__(
        self, invocation: CommandInvocation, services: Services, record: StepRecorder, *, may_have_run: bool
    ) -> None:
        self._invocation = invocation
        self._services = services
        self._worker = services.worker
        self.github = services.github
        self._record = record
        self._may_have_run = may_have_run
        self.config = RepositoryConfig.usual(invocation.prefix)
        self.is_silent = False
        """Whether nothing is posted, because a reaction is the whole answer."""
        self.comment_id: int | None = None
        """None before it is created."""
        self._shown: str | None = None
        self._earlier: tuple[PostedComment, Marker] | None = None
        self.is_behind = False
        """Whether the comment is outdated for a temporary reason."""
        self.last: Reply | None = None
        self.url: str | None = None

    async def show(self, reply: Reply, *, must_arrive: bool = False) -> None:
        """Updates the comment.

        The first text creates the comment and is always waited for. A later update that fails is dropped, because a
        newer one follows; unless it `must_arrive`. What is neither the first nor a final text is progress: if GitHub's
        limits have no slot for it, it is dropped too, and the comment `is_behind`.

        :raises UpstreamError: if GitHub permanently refuses the first text, or one that must arrive
        :raises OffloadError: if the text takes too long to prepare
        """
        if patterns := self.config.secret_patterns:
            # In a thread, because they may take up to their time limit.
            text = await asyncio.to_thread(redact_patterns, reply.text, patterns)
            reply = replace(reply, text=text)
        self.last = reply
        self._services.on_reply(self._invocation, reply)
        if self._invocation.thread is None or not self._invocation.posts or self.is_silent:
            return
        if reply.stage is Stage.WORKING and not self.config.progress:
            self.is_behind = False
            return
        is_last = must_arrive or reply.stage in FINAL_STAGES
        body = await self._rendered(reply)
        if self.comment_id is None:
            # If the comment is an earlier attempt's, its text is not known.
            first = WritePriority.FINAL_UPDATE if is_last else WritePriority.ORDINARY
            self.comment_id = await self._record("reply", _ID, lambda: self._create(body, first))
        if body == self._shown:
            self.is_behind = False
            return
        if must_arrive:
            await self._retrying(lambda: self._edit(body, WritePriority.FINAL_UPDATE))
        elif not await self._is_edited(reply, body, WritePriority.FINAL_UPDATE if is_last else WritePriority.PROGRESS):
            return
        self._shown, self.is_behind = body, False

    async def _rendered(self, reply: Reply) -> str:
        # The data for scripts may be large, and is never part of the comment.
        shown = replace(reply, data=None)
        invocation = self._invocation
        rendered = partial(render, shown, identity=invocation.identity, command=invocation.name, worker=self._worker)
        return await self._services.offload.run(rendered)

    async def _is_edited(self, reply: Reply, body: str, priority: WritePriority) -> bool:
        """Tries the edit once."""
        try:
            await self._edit(body, priority)
        except DroppedError:
            _log.info("status_comment.update_dropped", stage=reply.stage.value)
            self.is_behind = True
        except UpstreamError as error:
            _log.warning("status_comment.edit_failed", stage=reply.stage.value, reason=str(error))
            self.is_behind = error.kind in RETRIED
        else:
            return True
        return False

    async def _create(self, body: str, priority: WritePriority) -> int:
        thread, in_doubt, posted = self._invocation.require_thread(), self._may_have_run, None
        # An earlier reply that was found already, and is to be continued.
        known = self._earlier

        async def create() -> int:
            nonlocal in_doubt, posted
            if posted is None:
                found = known or (await self.earlier() if in_doubt else None)
                if found is not None:
                    if known is None and self._worker is not None and found[1].worker != self._worker:
                        raise AnsweredElsewhereError(found[0].url)
                    self.url = found[0].url
                    return found[0].id
                in_doubt = True
                posted = await self.github.comment(thread.repository, thread.number, body, priority=priority)
            if self._worker is not None:
                await self._defer_to_earlier(posted)
            self.url, self._shown = posted.url, body
            return posted.id

        return await self._retrying(create)

    async def _defer_to_earlier(self, posted: PostedComment) -> None:
        """Two workers that began at the same time both saw no reply; comments are ordered, and the first one stands.

        :raises AnsweredElsewhereError: if ours was second; it is deleted then
        """
        found = await self.earlier()
        if found is None or found[0].id >= posted.id:
            return
        try:
            await self.github.delete_comment(self._invocation.require_thread().repository, posted.id)
        except UpstreamError as error:
            _log.warning("status_comment.duplicate_remains", reason=str(error))
        raise AnsweredElsewhereError(found[0].url)

    async def _edit(self, body: str, priority: WritePriority) -> None:
        thread = self._invocation.require_thread()
        assert self.comment_id is not None  # noqa: S101 - show() has created it
        try:
            await self.github.edit_comment(thread.repository, self.comment_id, body, priority=priority)
        except UpstreamError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            # It was deleted; the outcome still has to be posted.
            posted = await self.github.comment(thread.repository, thread.number, body, priority=priority)
            self.comment_id, self.url = posted.id, posted.url
            _log.info("status_comment.recreated")

    async def _retrying(self, work: Callable[[], Awaitable[T]]) -> T:
        def on_retry(error: UpstreamError, seconds: float) -> None:
            _log.warning("status_comment.rate_limited", seconds=seconds, reason=str(error))

        def delay(error: UpstreamError, failures: int) -> float | None:
            # The thread exists if the delivery has just named it.
            lag = lag_delay(error, failures) if self._invocation.is_fresh(self._services.now()) else None
            return outage_delay(error, failures, delays=RETRY_DELAYS) if lag is None else lag

        return await retried(work, delay=delay, sleep=self._services.sleep, on_retry=on_retry)

    async def earlier(self) -> tuple[PostedComment, Marker] | None:
        """The reply of an earlier attempt at this invocation, from any entry point; None if replies are not posted."""
        thread = self._invocation.thread
        if thread is None or not self._invocation.posts:
            return None
        since = self._invocation.requested_at - CLOCK_SLACK
        async for comment, marker in replies_on(self.github, thread.repository, thread.number, since=since):
            if marker.identity == self._invocation.identity:
                self._earlier = (comment, marker)
                return self._earlier
        return None
