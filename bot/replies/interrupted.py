"""The reply when the process was stopped before the command was done."""

from __future__ import annotations

from collections.abc import Sequence

from bot.codegen.models import AgentRun
from bot.replies.markers import Stage
from bot.replies.phrases import run_link
from bot.replies.reason import Reason
from bot.replies.reply import Reply


def interrupted(runs: Sequence[AgentRun], *, prefix: str, is_in_doubt: bool) -> Reply:
    """:param runs: those of the command; they continue, because nothing cancels a run upstream
    :param is_in_doubt: whether the response to a request for one more run was not awaited
    """
    at_work = [run for run in runs if not run.finished]
    if at_work:
        links = ", ".join(run_link(run) for run in at_work)
        last, goes = at_work[-1].id, "goes" if len(at_work) == 1 else "go"
        more = " Codegen had been asked for one more, which may be at work as well." if is_in_doubt else ""
        text = (
            f"Cancelled: nobody follows this any longer, but at Codegen {links} {goes} on.{more}\n\n"
            f"Next: `{prefix} status {last}` shows how far it is; `{prefix} cancel {last}` says how it can be stopped."
        )
    elif is_in_doubt:
        text = (
            "Cancelled while Codegen was asked for an agent run: one may be at work there.\n\n"
            f"Next: `{prefix} runs` shows the latest ones."
        )
    elif runs:
        text = "Cancelled after its agent runs had ended. Nothing goes on at Codegen."
    else:
        text = "Cancelled before an agent run was started. Nothing goes on at Codegen."
    return Reply(stage=Stage.FAILED, text=text, runs=tuple(run.id for run in runs), reason=Reason.INTERRUPTED)
