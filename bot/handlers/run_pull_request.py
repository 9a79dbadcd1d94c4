"""Which pull request a command on a run is about, and whether it may reach it from where it was given.

A person's rights are asked for in one repository. The bot's own rights at Codegen reach all of the organization's, so
what changes a pull request goes by the rule of `bot.handlers.which_run`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.codegen.models import AgentRun, RunPullRequest
from bot.commands.of_run import OfRun
from bot.errors import Kind, UpstreamError, UserMistake
from bot.github.models import Thread
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.pull_request_location import location_of
from bot.handlers.which_run import check_changeable, reaches, which_run
from bot.replies import run_pull_request as replies
from bot.replies.failures import not_of_this_repository
from bot.replies.pull_requests import has_no_pull_request, has_several


async def run_of_thread(command: OfRun, order: Order, do: Do) -> AgentRun:
    """The run that was named, else the newest known to be on this pull request, else the thread's latest; one that may
    be changed here.

    :raises UserMistake: where there is none, or it may not be changed here
    """
    run = await do.runs.get(await which_run(command.run, order, do, example=f"{order.prefix} {order.name} 7"))
    thread = order.thread
    if command.run is None and thread is not None and thread.is_pull_request and of_thread(run, thread) is None:
        # The latest run here may work on a pull request of its own; this one may be an earlier run's.
        newest = (await do.codegen.runs_page(1)).runs
        run = next((each for each in newest if of_thread(each, thread)), run)
    await check_changeable(run, order, do)
    return run


async def flag(run: AgentRun, tell: Callable[[int], Awaitable[None]], order: Order) -> None:
    """Tells Codegen of a run's pull request by the run's number.

    :raises UserMistake: where Codegen refuses because the run has none
    """
    try:
        await tell(run.id)
    except UpstreamError as error:
        if run.github_pull_requests or error.kind not in {Kind.NOT_FOUND, Kind.INVALID}:
            raise
        text = replies.refused_without(run, error, command=order.name, prefix=order.prefix)
        raise UserMistake(text) from None


async def meant(run: AgentRun, order: Order, do: Do) -> RunPullRequest:
    """The run's pull request that is this thread, else the only one that may be changed here.

    :raises UserMistake: where there is none, or where there are several
    """
    here = of_thread(run, order.thread)
    if here is not None:
        return here
    if not run.github_pull_requests:
        raise UserMistake(has_no_pull_request(run, prefix=order.prefix))
    links = [link for link in run.github_pull_requests if await _reaches(link, order, do)]
    if not links:
        raise UserMistake(not_of_this_repository(run.id))
    if len({location_of(link) or link.id for link in links}) > 1:
        raise UserMistake(has_several(run, links, command=f"{order.prefix} {order.name} {run.id}"))
    return links[0]


def of_thread(run: AgentRun, thread: Thread | None) -> RunPullRequest | None:
    """The run's pull request that is this thread."""
    if thread is None or not thread.is_pull_request:
        return None
    place = (thread.repository.lower(), thread.number)
    return next((link for link in run.github_pull_requests if location_of(link) == place), None)


async def _reaches(link: RunPullRequest, order: Order, do: Do) -> bool:
    """Where a pull request is on GitHub, Codegen may not say."""
    place = location_of(link)
    return order.by_token if place is None else await reaches(place[0], order, do)
