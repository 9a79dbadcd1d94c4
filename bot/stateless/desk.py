"""The desk: takes one order and carries it out there and then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot import log
from bot.codegen.models import AgentRun
from bot.errors import AnsweredElsewhereError, UpstreamError
from bot.github.models import PostedComment
from bot.handlers.carry_out import carry_out
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.record import no_memory
from bot.handlers.tools import Tools
from bot.replies.failures import upstream
from bot.replies.interrupted import interrupted
from bot.replies.markers import Marker, Stage
from bot.replies.reason import Reason
from bot.replies.reply import Reply

_log = log.get(__name__)

GRACE = 5.0
"""Seconds for the last word of a story that is cut off: GitHub's runner kills the process 10 s after it asked."""

_LAST = frozenset({Stage.FINISHED, Stage.FAILED, Stage.REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What came of an order.

    :param runs: the agent runs, each as it was last seen, in the order of their creation
    :param comment_url: where the reply stands; None where it was not posted
    :param secrets: the repository's own patterns of what must not be shown
    """

    order: Order
    reply: Reply
    runs: tuple[AgentRun, ...] = ()
    comment_url: str | None = None
    secrets: Sequence[str] = ()


class Desk:
    """Carries orders out. Nothing is remembered between two of them but what GitHub and Codegen remember.

    :param retries: whether somebody asked for this again on purpose, by running a workflow's job once more: then an
        answer that failed is tried again, and what this worker had begun is gone on with
    :param begins: hears of each order before anything is done for it
    """

    def __init__(
        self, tools: Tools, *, retries: bool = False, begins: Callable[[Order], None] = lambda _order: None
    ) -> None:
        self._tools = tools
        self._retries = retries
        self._begins = begins

    async def carry_out(self, order: Order) -> Carried:
        """Does what was asked, unless it has been answered before.

        :raises asyncio.CancelledError: never before the reply says that it was cut off
        """
        with log.story(**order.log_values()):
            return await self._carried(order)

    async def _carried(self, order: Order) -> Carried:
        self._begins(order)
        # Always "again": whether somebody else has begun this is for GitHub and Codegen to say.
        do = Do(order, self._tools, no_memory, again=True)
        try:
            if (earlier := await do.earlier_reply()) is not None and not self._goes_on(order, earlier[1]):
                return _answered(order, earlier)
            reply = await carry_out(order, do)
        except AnsweredElsewhereError as error:
            return Carried(order=order, reply=_elsewhere(), comment_url=str(error.args[0]))
        except UpstreamError as error:
            # The last word could not be posted; whoever reads the job's summary still gets it.
            _log.warning("reply.not-posted", reason=str(error))
            reply = do.said if do.said and do.said.stage is Stage.FAILED else upstream(error, again=order.again)
        except asyncio.CancelledError:
            reply = await self._say_that_it_was_cut_off(order, do)
        return Carried(
            order=order,
            reply=reply,
            runs=_runs(reply, do),
            comment_url=do.comment_url,
            secrets=do.config.secret_patterns,
        )

    def _goes_on(self, order: Order, marker: Marker) -> bool:
        """Whether an earlier answer is this worker's to go on with."""
        if not self._retries:
            return False
        if order.by_token:
            # Nobody else's identity is the same, and the steps behind this one want its outputs again.
            return True
        return marker.stage is Stage.FAILED if marker.stage in _LAST else marker.worker == self._tools.worker

    async def _say_that_it_was_cut_off(self, order: Order, do: Do) -> Reply:
        reply = interrupted([*do.seen_runs.values()], prefix=order.prefix, is_in_doubt=do.runs.cut_off_asking)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        # The cancellation has done its work: what follows has its own, short time.
        task.uncancel()
        try:
            async with asyncio.timeout(GRACE):
                await (do.show(reply) if do.has_spoken else asyncio.sleep(0))
        except TimeoutError:
            _log.warning("reply.cut-off-untold")
        return reply


def _runs(reply: Reply, do: Do) -> tuple[AgentRun, ...]:
    seen = do.seen_runs
    return tuple(seen[run] for run in reply.runs if run in seen) or tuple(seen.values())


def _answered(order: Order, earlier: tuple[PostedComment, Marker]) -> Carried:
    comment, marker = earlier
    done = marker.stage in _LAST
    text = "This command was answered before." if done else "This command is being answered elsewhere."
    reply = Reply(stage=Stage.FINISHED, text=text, runs=marker.runs, reason=Reason.ALREADY_ANSWERED)
    runs = tuple(AgentRun(id=run, organization_id=0) for run in marker.runs)
    return Carried(order=order, reply=reply, runs=runs, comment_url=comment.url)


def _elsewhere() -> Reply:
    text = "Another worker took this command in the same moment, and answers it."
    return Reply(stage=Stage.FINISHED, text=text, reason=Reason.ALREADY_ANSWERED)
