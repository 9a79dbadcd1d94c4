"""Replies to ``setup-commands``."""

from __future__ import annotations

from bot.codegen.models import AgentRun
from bot.replies import runs
from bot.replies.analysis import answer_of
from bot.replies.markers import Stage
from bot.replies.phrases import duration, run_link
from bot.replies.reply import Reply
from bot.replies.untrusted import inline_code


def accepted(repository: str) -> Reply:
    """:param repository: ``owner/name``"""
    text = f"Accepted. Asking Codegen to work out the set-up commands of {inline_code(repository)}…"
    return Reply(stage=Stage.ACCEPTED, text=text)


def outcome(run: AgentRun, repository: str, *, seconds: float, prefix: str, problem: str = "") -> Reply:
    """The commands, or the outcome of a run that did not find them."""
    if not run.succeeded:
        return runs.outcome(run, seconds=seconds, prefix=prefix, problem=problem)
    parts = (
        f"Worked out the set-up commands of {inline_code(repository)} in {duration(seconds)}: {run_link(run)}.",
        answer_of(run),
        f"To have them changed: `{prefix} resume {run.id} <what to do differently>`",
    )
    return Reply(stage=Stage.FINISHED, text="\n\n".join(parts), runs=(run.id,))
