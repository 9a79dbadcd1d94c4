"""Which run a command means where it names none, and whether a run may be shown where the command was given.

The bot's token sees all runs of the organization; whoever reads a thread may not.
"""

from __future__ import annotations

from bot.codegen.models import AgentRun
from bot.errors import UserMistake
from bot.github.models import Permission
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.run_marks import repositories_of
from bot.replies.failures import no_run_here, no_run_named, not_of_this_repository
from bot.replies.untrusted import inline_code


async def which_run(given: int | None, order: Order, do: Do, *, example: str) -> int:
    """The run that was named, else the thread's latest.

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
    """The same, looked up; a run that somebody names by its number must belong to this repository.

    :raises UserMistake: as `which_run` and `check_visible`
    """
    run = await do.runs.get(await which_run(given, order, do, example=example))
    await check_visible(run, order, do, is_named=given is not None)
    return run


async def check_visible(run: AgentRun, order: Order, do: Do, *, is_named: bool) -> None:
    """Whoever holds the tokens sees what the tokens see.

    :param is_named: whether somebody named it by its number; one that the thread remembers may belong to no repository
    :raises UserMistake: where the run belongs to another repository, or to none that is known and the person may not
        write here
    """
    if order.by_token:
        return
    known = repositories_of(run)
    if order.the_repository().lower() in known or not (known or is_named):
        return
    if known or await do.permission() < Permission.WRITE:
        raise UserMistake(not_of_this_repository(run.id, prefix=order.prefix))
