"""Reads one run from Codegen for all its subscribers."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bot import log
from bot.codegen.client import PAGE_SIZE, Codegen
from bot.codegen.log_follower import Part, follow_parts
from bot.codegen.models import AgentRun, LogPage
from bot.codegen.watcher import OUTAGE_DELAYS
from bot.errors import RETRIED, ErrorKind, UpstreamError
from bot.replies.failures import sentence
from bot.replies.redaction import redact
from bot.web.api.streams import frames
from bot.web.api.streams.close_codes import CloseCode
from bot.web.api.streams.entries import Entries, OlderPages
from bot.web.api.streams.frames import Frame
from bot.web.api.streams.token_pool import GoneError, PooledToken, next_of
from bot.web.api.streams.writing import FrameWriter

T = TypeVar("T")

_log = log.get(__name__)

_REFUSED = {
    ErrorKind.UNAUTHORIZED: CloseCode.TOKEN_REFUSED,
    ErrorKind.FORBIDDEN: CloseCode.NOT_VISIBLE,
    ErrorKind.NOT_FOUND: CloseCode.NOT_VISIBLE,
}
"""Errors that concern one token only: the other subscribers do not see them."""


class RunReader:
    """Polls a run while it has subscribers, and pauses while it has none.

    :param run: as the first subscriber's request read it
    :param start: index in the log where the first subscriber starts; earlier entries are served by `older`
    :param writer: serializes what is sent
    :param patterns: returns the secret patterns for redacting a run's texts
    :param interval: seconds between two polls, as the subscribers request it
    :param room: bytes of the log that may be cached
    """

    def __init__(
        self,
        run: AgentRun,
        *,
        start: int,
        writer: FrameWriter,
        patterns: Callable[[AgentRun], Awaitable[Sequence[str]]],
        interval: Callable[[RunReader], float],
        room: Callable[[], int],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.run = run
        self.entries = Entries(start - start % PAGE_SIZE)
        self.older = OlderPages(room)
        self.pooled_tokens: dict[str, PooledToken] = {}
        self.notices: dict[str, Frame] = {}
        """The newest of each kind: a slow subscriber gets the last state, not all of them. The status is set first."""
        self.end: Frame | None = None
        self.ended_at = float("-inf")
        self.failure: tuple[CloseCode, Frame] | None = None
        self._writer = writer
        self._patterns = patterns
        self._word = run.status
        self._interval = interval
        self._room = room
        self._clock = clock
        self._sleep = sleep
        self._changed = asyncio.Event()
        # In its own context: its log lines belong to no single request.
        self._task = asyncio.create_task(self._read(), name=f"run-reader-{run.id}", context=contextvars.Context())

    @property
    def is_done(self) -> bool:
        return self.end is not None or self.failure is not None

    def rouse(self) -> None:
        """Subscribers have changed, and with them possibly the next token and the poll interval."""
        self._changed.set()

    def shrink(self) -> None:
        self.entries.shrink(self._room())

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def older_page(self, pooled: PooledToken, start: int) -> Sequence[bytes]:
        """An older page that is no longer cached, read with the requesting subscriber's token.

        :raises GoneError: if that token's last subscriber leaves meanwhile
        :raises UpstreamError: if the request to Codegen fails
        """
        page = await pooled.ask_codegen(lambda codegen: codegen.logs_page(self.run.id, skip=start, limit=PAGE_SIZE))
        return await self._writer.entries(start, page.logs, await self._patterns(self.run))

    async def _read(self) -> None:
        try:
            self.notices["status"] = await self._writer.status(self.run, await self._patterns(self.run))
            self._tell()
            while not (await self._follow() and await self._ended()):
                pass
        except UpstreamError as error:
            told = redact(sentence(error))
            self.failure = CloseCode.UPSTREAM_FAILED, frames.error(told, CloseCode.UPSTREAM_FAILED)
        except Exception:  # noqa: BLE001 - logged, and reported to all subscribers
            _log.exception("stream.failed", run=self.run.id)
            code = CloseCode.BROKEN
            self.failure = code, frames.error(code.sentence, code)
        self._tell()

    async def _follow(self) -> bool:
        """Reads to the log's end; False if the log is shorter than where the first subscriber wants to start."""
        async for part in follow_parts(self._look, start=self.entries.end, rest=self._rest):
            if part.page.logs:
                patterns = await self._patterns(self.run)
                self.entries.add(await self._writer.entries(part.place, part.page.logs, patterns))
                self.shrink()
            elif part.place > (part.page.total_logs or 0):
                # The subscriber claimed more entries than exist; it is sent those that follow the existing ones.
                total = part.page.total_logs or 0
                self.entries = Entries(total - total % PAGE_SIZE)
                return False
            if part.page.status != self._word:
                self._word = part.page.status
                await self._reread()
            self._tell()
        return True

    async def _ended(self) -> bool:
        """Whether the run is really finished: it may have been given a follow-up in the meantime."""
        await self._reread()
        if self.run.finished:
            self.end = await self._writer.end(self.run, await self._patterns(self.run), place=self.entries.end)
            self.ended_at = self._clock()
        return self.run.finished

    async def _reread(self) -> None:
        self.run = await self._ask(lambda codegen: codegen.run(self.run.id))
        told = await self._writer.status(self.run, await self._patterns(self.run))
        if told != self.notices["status"]:
            self.notices["status"] = told

    async def _look(self, place: int) -> LogPage:
        return await self._ask(lambda codegen: codegen.logs_page(self.run.id, skip=place, limit=PAGE_SIZE))

    async def _ask(self, question: Callable[[Codegen], Awaitable[T]]) -> T:
        """Sends a request with the tokens in turn until it succeeds.

        :raises UpstreamError: if Codegen stays unavailable, or rejects the request itself
        """
        failures = 0
        while True:
            pooled = await self._next_token()
            try:
                answer = await pooled.ask_codegen(question)
            except GoneError:
                continue
            except UpstreamError as error:
                if error.kind in _REFUSED:
                    self._refuse(pooled, _REFUSED[error.kind])
                    continue
                if error.kind not in RETRIED or failures == len(OUTAGE_DELAYS):
                    raise
                delay = OUTAGE_DELAYS[failures]
                failures += 1
                _log.warning("stream.codegen_unavailable", run=self.run.id, seconds=delay, reason=str(error))
                self.notices["error"] = frames.error(f"Codegen does not respond; next attempt in {delay:.0f} seconds.")
                self._tell()
                await self._sleep(max(delay, error.retry_after or 0.0))
            else:
                self.notices.pop("error", None)
                return answer

    async def _next_token(self) -> PooledToken:
        while (pooled := next_of(self.pooled_tokens.values())) is None:
            self._changed.clear()
            await self._changed.wait()
        return pooled

    def _refuse(self, pooled: PooledToken, code: CloseCode) -> None:
        """Drops a token that is no longer valid; the others are unaffected."""
        self.pooled_tokens.pop(pooled.key, None)
        pooled.dismiss(code)

    async def _rest(self, _part: Part) -> None:
        """Waits until the next poll is due; a new subscriber may shorten the wait."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while (left := began + self._interval(self) - loop.time()) > 0:
            self._changed.clear()
            resting = [asyncio.ensure_future(self._sleep(left)), asyncio.ensure_future(self._changed.wait())]
            try:
                await asyncio.wait(resting, return_when=asyncio.FIRST_COMPLETED)
                if resting[0].done():
                    return
            finally:
                for each in resting:
                    each.cancel()

    def _tell(self) -> None:
        for pooled in self.pooled_tokens.values():
            for subscriber in pooled.subscribers:
                subscriber.wake.set()
