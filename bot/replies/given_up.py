"""The reply to a command that is not tried again."""

from __future__ import annotations

from collections.abc import Sequence

from bot.codegen.models import AgentRun
from bot.replies.markers import Stage
from bot.replies.phrases import run_link
from bot.replies.reason import Reason
from bot.replies.reply import Reply


def given_up(run_ids: Sequence[int], *, identity: str, times: int) -> Reply:
    """:param run_ids: of the runs in its earlier reply
    :param times: how many processes died
    """
    links = ", ".join(run_link(AgentRun(id=run_id, organization_id=0)) for run_id in run_ids)
    next_step = (
        f"read what came of it at Codegen: {links}."
        if links
        else "give it again in other words; where that ends alike, ask whoever runs the bot."
    )
    return Reply(
        stage=Stage.FAILED,
        text=(
            f"This command was given up: {times} times the bot stood still over it and had to be restarted.\n\n"
            f"Next: {next_step} The bot's log has the rest under `{identity}`."
        ),
        runs=tuple(run_ids),
        reason=Reason.INTERNAL_ERROR,
    )
