"""The reply to ``logs``."""

from __future__ import annotations

from bot.codegen.models import AgentRun
from bot.commands.logs import MOST_ENTRIES
from bot.replies.markers import Stage
from bot.replies.phrases import pull_request_links, run_link
from bot.replies.reply import Reply
from bot.replies.trace import Trace, condensed


def logs(run: AgentRun, trace: Trace, *, last: int, prefix: str) -> Reply:
    """The reply's marker names no run, because showing a run does not make it this thread's.

    :param last: how many log entries were requested
    """
    links = pull_request_links(run.github_pull_requests)
    entries = (
        "1 log entry" if trace.total == 1 else f"{trace.total} log entries" if trace.total else "nothing logged yet"
    )
    head = f"{run_link(run, capital=True)}: `{run.state}`, {entries}{f', with {links}' if links else ''}."
    known = len(trace.entries)
    parts = (
        head,
        f"Only the newest {known} entries were looked at." if known < trace.total else "",
        condensed(trace, last=last, result=run.result if run.finished else None),
        f"More of the log: `{prefix} logs {run.id} --last {MOST_ENTRIES}`" if last < min(known, MOST_ENTRIES) else "",
    )
    return Reply(stage=Stage.FINISHED, text="\n\n".join(part for part in parts if part))
