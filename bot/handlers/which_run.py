"""Which run a command means, and whether it may be shown or changed where the command was given.

The bot's token sees all runs of the organization; whoever reads a thread, or may write in one repository, may not. How
a run's number was found says nothing of whom it is for: it may be typed, or stand in a description or a comment. So one
rule holds for every command:

- A run that is known to belong to this repository is shown and changed as the command's permission says. What is known
  is said by `bot.handlers.runs_of_thread.RunsOfThread.here`.
- One that belongs to other repositories is neither, unless this repository is private and the person may write in all
  of those. A run that belongs here as well is shown, and changed only on the same terms.
- One that belongs to no repository that is known is for people who may write here.

Whoever holds the tokens sees and reaches what the tokens do.
"""

from __future__ import annotations

from bot.codegen.models import AgentRun
from bot.errors import UserMistake
from bot.github.models import Permission
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.run_marks import repositories_of
from bot.replies.failures import belongs_elsewhere_too, no_run_here, no_run_named, not_of_this_repository
from bot.replies.untrusted import inline_code


async def which_run(given: int | None, order: Order, do: Do, *, example: str) -> int:
    """The run that was named, else the thread's latest. Whether it may be shown has to be looked at apart.

    :param example: a command that names a run, for the one who has to
    :raises UserMistake: where none was named and the thread has none, or there is no thread
    """
    if given is None and order.thread is None:
        raise UserMistake(no_run_named(inline_code(example)))
    run_id = given if given is not None else await do.thread_runs.latest()
    if run_id is None:
        raise UserMistake(no_run_here(example, prefix=order.prefix))
    return run_id


async def visible_run(given: int | None, order: Order, do: Do, *, example: str) -> AgentRun:
    """The same, looked up, and to be shown here.

    :raises UserMistake: as `which_run` and `check_visible`
    """
    run = await do.runs.get(await which_run(given, order, do, example=example))
    await check_visible(run, order, do)
    return run


async def check_visible(run: AgentRun, order: Order, do: Do) -> None:
    """:raises UserMistake: where the run may not be shown here"""
    if order.by_token or await do.thread_runs.here([run]):
        return
    elsewhere = _elsewhere(run, order)
    if not elsewhere:
        may = await do.permission(needed=Permission.WRITE) >= Permission.WRITE
    else:
        may = all([await reaches(repository, order, do) for repository in elsewhere])
    if not may:
        raise UserMistake(not_of_this_repository(run.id))


async def check_changeable(run: AgentRun, order: Order, do: Do) -> None:
    """For what changes a run, and with it all of its pull requests.

    :raises UserMistake: where the run may not be shown or changed here
    """
    await check_visible(run, order, do)
    await check_elsewhere(run, order, do)


async def check_elsewhere(run: AgentRun, order: Order, do: Do) -> None:
    """Of a run that may be shown.

    :raises UserMistake: where it has to do with a repository that the order does not reach
    """
    for repository in _elsewhere(run, order):
        if not await reaches(repository, order, do):
            raise UserMistake(belongs_elsewhere_too(run.id))


async def reaches(repository: str, order: Order, do: Do) -> bool:
    """Whether an order shows and changes what is in a repository.

    From a public thread none reaches another repository: what may be read there need not be private, but that is not
    known.
    """
    if order.by_token or repository.lower() == order.the_repository().lower():
        return True
    return not order.is_public and await do.may_write(repository)


def _elsewhere(run: AgentRun, order: Order) -> list[str]:
    """The other repositories that the run has to do with, as far as is known; none for whoever holds the tokens. A mark
    is believed here: it only restricts."""
    return [] if order.by_token else sorted(repositories_of(run) - {order.the_repository().lower()})
