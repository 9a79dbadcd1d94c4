"""Which agent runs belong to an order's thread: those of the store, of replies' markers, of the runs' own marks, and
those whose pull request it is."""

from __future__ import annotations

import re

from pydantic import TypeAdapter

from bot.codegen.models import AgentRun
from bot.commands.multi_run import MultiRun
from bot.github.models import Thread
from bot.handlers.living_reply import LivingReply
from bot.handlers.order import Order
from bot.handlers.record import Recorder
from bot.handlers.run_marks import mark_of
from bot.handlers.tools import Tools

_NUMBERS = TypeAdapter(list[int])
_MAYBE_NUMBER = TypeAdapter(int | None)


class RunsOfThread:
    """The runs that were there before this order."""

    def __init__(self, order: Order, tools: Tools, record: Recorder, reply: LivingReply) -> None:
        self._order = order
        self._tools = tools
        self._record = record
        self._reply = reply

    async def latest(self) -> int | None:
        """The thread's latest run: of our store, else of our own replies, else the first of the list that is for the
        thread, else the one that the pull request's description names."""
        return await self._record("latest-run", _MAYBE_NUMBER, self._find_latest)

    async def _find_latest(self) -> int | None:
        tools, thread = self._tools, self._order.thread
        if thread is None:
            return None
        stored = await tools.runs.latest(tools.org_id, repository=thread.repository, number=thread.number)
        if stored is not None:
            return stored
        told = await self._reply.latest_runs()
        return told[-1] if told else await self._in_list() or _in_footer(thread)

    async def of(self, repository: str, number: int) -> list[int]:
        """The runs that the bot set going on a thread, the one used last first."""
        return await self._tools.runs.of_thread(self._tools.org_id, repository=repository, number=number)

    async def latest_multi_run(self) -> list[int]:
        """The runs of the thread's latest multi-run, its synthesis last; empty where there was none.

        :raises UserMistake: apart from any thread
        """
        self._order.the_thread()
        return await self._record("latest-multi-run", _NUMBERS, self._find_latest_multi_run)

    async def _find_latest_multi_run(self) -> list[int]:
        told = await self._reply.latest_runs(command=MultiRun.USAGE.name)
        return [*told] or await self._multi_run_in_list()

    async def _multi_run_in_list(self) -> list[int]:
        """The same where the bot started it without a word on the thread, among the newest runs."""
        thread = self._order.the_thread()
        runs = [run for run in (await self._tools.codegen.runs_page(1)).runs if _is_marked(run, thread)]
        by_id: dict[object, list[int]] = {}
        for run in runs:
            by_id.setdefault((run.metadata or {}).get("multi_run_id"), []).append(run.id)
        by_id.pop(None, None)
        return sorted(next(iter(by_id.values()), []))

    async def _in_list(self) -> int | None:
        """One page of runs, newest first: a run that the bot started for this thread without a word on it, or one
        whose pull request this is, whoever started it."""
        thread = self._order.the_thread()
        ending = f"/{thread.repository}/pull/{thread.number}".lower() if thread.is_pull_request else None
        for run in (await self._tools.codegen.runs_page(1)).runs:
            urls = ((link.url or "").lower().rstrip("/") for link in run.github_pull_requests)
            if _is_marked(run, thread) or (ending and any(url.endswith(ending) for url in urls)):
                return run.id
        return None


def _is_marked(run: AgentRun, thread: Thread) -> bool:
    """Whether the bot noted in the run that it is for this thread."""
    mark = mark_of(run)
    if mark is None or mark.thread is None:
        return False
    return (mark.thread[0].lower(), mark.thread[1]) == (thread.repository.lower(), thread.number)


def _in_footer(thread: Thread) -> int | None:
    """The run that Codegen's own app names at the end of the description of a pull request that it opened."""
    links = _TRACE.findall(thread.body) if thread.is_pull_request else []
    return int(links[-1]) if links else None


_TRACE = re.compile(r"https://(?:www\.)?codegen\.(?:com|sh)/agent/trace/([1-9][0-9]{0,14})\b", re.ASCII)
