"""What the bot says where its process was told to end before the work did."""

from __future__ import annotations

from collections.abc import Sequence

from bot.codegen.models import AgentRun
from bot.replies.markers import Stage
from bot.replies.phrases import run_link
from bot.replies.reason import Reason
from bot.replies.reply import Reply


def interrupted(runs: Sequence[AgentRun], *, prefix: str) -> Reply:
    """:param runs: those that this command is about; they go on, because nothing cancels a run upstream"""
    at_work = [run for run in runs if not run.finished]
    if not at_work:
        text = "Cancelled before an agent run was started. Nothing goes on at Codegen."
    else:
        links = ", ".join(run_link(run) for run in at_work)
        last, goes = at_work[-1].id, "goes" if len(at_work) == 1 else "go"
        text = (
            f"Cancelled: nobody follows this any longer, but at Codegen {links} {goes} on.\n\n"
            f"Next: `{prefix} status {last}` shows how far it is; `{prefix} cancel {last}` says how it can be stopped."
        )
    return Reply(stage=Stage.FAILED, text=text, runs=tuple(run.id for run in runs), reason=Reason.INTERRUPTED)
