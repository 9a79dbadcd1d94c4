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
from bot.github.client import GitHub
from bot.github.limits import DroppedError, WritePriority
from bot.github.models import PostedComment
from bot.handlers.invocation import CommandInvocation
from bot.handlers.steps import StepRecorder
from bot.handlers.thread_markers import CLOCK_SLACK, replies_on
from bot.offload.pool import WorkerPool
from bot.replies.markers import Marker, Stage
from bot.replies.redaction import redact_patterns
from bot.replies.reply import Reply, render
from bot.repository_config.model import RepositoryConfig

T = TypeVar("T")

_log = log.get(__name__)

_ID = TypeAdapter(int)

_LAST_STAGES = frozenset({Stage.FINISHED, Stage.FAILED, Stage.REFUSED})

PATIENCE = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 300.0, 600.0, 600.0, 900.0, 900.0, 1800.0)
"""Seconds between the tries of an update that must arrive: together about an hour and a half."""


class StatusComment:
    """The reply of one invocation. If it is not to be posted, only `told` receives it.

    :param told: called with every state of the reply, posted or not
    :param worker: identifies this worker, if several may execute the same command without knowing of each other: then
        the first reply to a command stands, and a later worker deletes its own
    """

    def __init__(
        self,
        invocation: CommandInvocation,
        github: GitHub,
        record: StepRecorder,
        *,
        again: bool,
        sleep: Callable[[float], Awaitable[None]],
        told: Callable[[CommandInvocation, Reply], None],
        worker: str | None,
        offload: WorkerPool,
    ) -> None:
        self._invocation = invocation
        self._told = told
        self._worker = worker
        self._offload = offload
        self.github = github
        self._record = record
        self._again = again
        self.config = RepositoryConfig.usual(invocation.prefix)
        self.is_silent = False
        """Whether nothing is posted, because a reaction is the whole answer."""
        self._sleep = sleep
        self._comment_id: int | None = None
        self._shown: str | None = None
        self._earlier: tuple[PostedComment, Marker] | None = None
        self.is_behind = False
        """Whether the comment is outdated for a temporary reason."""
        self.last: Reply | None = None
        self.url: str | None = None

    @property
    def comment_id(self) -> int | None:
        """The comment's id; None before it is created."""
        return self._comment_id

    @property
    def exists(self) -> bool:
        """Whether the comment was created."""
        return self._comment_id is not None

    async def show(self, reply: Reply, *, patient: bool = False) -> None:
        """Updates the comment.

        The first text creates the comment and is always waited for. A later update that fails is dropped, because a
        newer one follows; unless `patient`. What is neither the first nor a final text is progress: if GitHub's limits
        have no slot for it, it is dropped too, and the comment `is_behind`.

        :raises UpstreamError: if GitHub permanently refuses the first text, or a patient one
        :raises OffloadError: if the text takes too long to prepare
        """
        if patterns := self.config.secret_patterns:
            # In a thread, because they may take up to their time limit.
            text = await asyncio.to_thread(redact_patterns, reply.text, patterns)
            reply = replace(reply, text=text)
        self.last = reply
        self._told(self._invocation, reply)
        if self._invocation.thread is None or not self._invocation.posts or self.is_silent:
            return
        if reply.stage is Stage.WORKING and not self.config.progress:
            self.is_behind = False
            return
        is_last = patient or reply.stage in _LAST_STAGES
        body = await self._rendered(reply)
        if self._comment_id is None:
            # If the comment is an earlier attempt's, its text is not known.
            first = WritePriority.FINAL_UPDATE if is_last else WritePriority.ORDINARY
            self._comment_id = await self._record("reply", _ID, lambda: self._create(body, first))
        if body == self._shown:
            self.is_behind = False
            return
        if patient:
            await self._patiently(lambda: self._edit(body, WritePriority.FINAL_UPDATE))
        elif not await self._is_edited(reply, body, WritePriority.FINAL_UPDATE if is_last else WritePriority.PROGRESS):
            return
        self._shown, self.is_behind = body, False

    async def _rendered(self, reply: Reply) -> str:
        # The data for scripts may be large, and is never part of the comment.
        shown = replace(reply, data=None)
        invocation = self._invocation
        rendered = partial(render, shown, identity=invocation.identity, command=invocation.name, worker=self._worker)
        return await self._offload.run(rendered)

    async def _is_edited(self, reply: Reply, body: str, urgency: WritePriority) -> bool:
        """Tries the edit once."""
        try:
            await self._edit(body, urgency)
        except DroppedError:
            _log.info("status_comment.update_dropped", stage=reply.stage.value)
            self.is_behind = True
        except UpstreamError as error:
            _log.warning("status_comment.edit_failed", stage=reply.stage.value, reason=str(error))
            self.is_behind = error.kind in RETRIED
        else:
            return True
        return False

    async def _create(self, body: str, urgency: WritePriority) -> int:
        thread, in_doubt, posted = self._invocation.the_thread(), self._again, None
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
                posted = await self.github.comment(thread.repository, thread.number, body, urgency=urgency)
            if self._worker is not None:
                await self._give_way(posted)
            self.url, self._shown = posted.url, body
            return posted.id

        return await self._patiently(create)

    async def _give_way(self, posted: PostedComment) -> None:
        """Two workers that began at the same time both saw no reply; comments are ordered, and the first one stands.

        :raises AnsweredElsewhereError: if ours was second; it is deleted then
        """
        found = await self.earlier()
        if found is None or found[0].id >= posted.id:
            return
        try:
            await self.github.delete_comment(self._invocation.the_thread().repository, posted.id)
        except UpstreamError as error:
            _log.warning("status_comment.duplicate_remains", reason=str(error))
        raise AnsweredElsewhereError(found[0].url)

    async def _edit(self, body: str, urgency: WritePriority) -> None:
        thread = self._invocation.the_thread()
        assert self._comment_id is not None  # noqa: S101 - show() has created it
        try:
            await self.github.edit_comment(thread.repository, self._comment_id, body, urgency=urgency)
        except UpstreamError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            # It was deleted; the outcome still has to be posted.
            posted = await self.github.comment(thread.repository, thread.number, body, urgency=urgency)
            self._comment_id, self.url = posted.id, posted.url
            _log.info("status_comment.recreated")

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        for delay in PATIENCE:
            try:
                return await work()
            except UpstreamError as error:
                if error.kind not in RETRIED:
                    raise
                _log.warning("status_comment.rate_limited", seconds=delay, reason=str(error))
                await self._sleep(max(delay, error.retry_after or 0.0))
        return await work()

    async def earlier(self) -> tuple[PostedComment, Marker] | None:
        """The reply that an earlier attempt at this invocation left, whoever made it."""
        thread = self._invocation.the_thread()
        since = self._invocation.asked_at - CLOCK_SLACK
        async for comment, marker in replies_on(self.github, thread.repository, thread.number, since=since):
            if marker.identity == self._invocation.identity:
                self._earlier = (comment, marker)
                return self._earlier
        return None
