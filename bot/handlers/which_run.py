"""Which run a command means where it names none."""

from __future__ import annotations

from bot.errors import UserMistake
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.replies.failures import no_run_here


async def which_run(given: int | None, order: Order, do: Do, *, example: str) -> int:
    """The run that was named, else the thread's latest.

    :param example: a command that names a run, for the one who has to
    :raises UserMistake: where none was named and the thread has none
    """
    run_id = given if given is not None else await do.runs.latest()
    if run_id is None:
        raise UserMistake(no_run_here(example, prefix=order.prefix))
    return run_id
