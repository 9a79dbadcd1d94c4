"""What the bot says where somebody wants a run to stop."""

from __future__ import annotations

from bot.codegen.models import AgentRun
from bot.replies.markers import Stage
from bot.replies.phrases import run_link
from bot.replies.reply import Reply
from bot.replies.run_pull_request import links_of


def what_can_be_stopped(run: AgentRun, *, is_here: bool, prefix: str) -> Reply:
    """:param is_here: whether one of its pull requests is in the thread's repository, so that `remove` is taken here"""
    link, remove = run_link(run, capital=True), f"`{prefix} remove {run.id}`"
    if run.finished:
        text = f"{link} has ended; there is nothing to stop."
    elif not run.github_pull_requests:
        text = (
            f"{link} goes on: Codegen stops no run that has no pull request, and its page shows what it does.\n\n"
            f"Next: once it has opened one, {remove} stops its agents."
        )
    else:
        where = links_of(run.github_pull_requests)
        at = "" if is_here else ", given there,"
        text = (
            f"{link} goes on: Codegen cancels no single run, but it stops all its agents on a pull request, here "
            f"{where}.\n\nNext: {remove}{at} stops them and takes Codegen off it; `{prefix} unban-checks {run.id}` "
            "lets it in again."
        )
    return Reply(stage=Stage.FINISHED, text=text, runs=(run.id,))
