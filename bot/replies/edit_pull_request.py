"""What the bot says where the state of a run's pull request was to change."""

from __future__ import annotations

from bot.codegen.client import PullRequestState
from bot.codegen.models import AgentRun, RunPullRequest
from bot.replies.markers import Stage
from bot.replies.phrases import run_link
from bot.replies.reply import Reply
from bot.replies.run_pull_request import links_of
from bot.replies.untrusted import cut, inert

_DONE: dict[PullRequestState, tuple[str, str]] = {
    "closed": ("Closed {link}, the pull request of {run}.", "reopen"),
    "open": ("Opened {link} again, the pull request of {run}.", "close"),
    "draft": ("{link}, the pull request of {run}, is a draft now.", "ready"),
    "ready_for_review": ("{link}, the pull request of {run}, is ready for review.", "draft"),
}
"""What happened, and the command that undoes it."""

_NOT_DONE: dict[PullRequestState, str] = {
    "closed": "close {link}",
    "open": "open {link} again",
    "draft": "make {link} a draft",
    "ready_for_review": "mark {link} as ready for review",
}


def edited(run: AgentRun, link: RunPullRequest, state: PullRequestState, *, prefix: str) -> Reply:
    text, undo = _DONE[state]
    said = _capital(text.format(link=links_of([link]), run=run_link(run)))
    return Reply(stage=Stage.FINISHED, text=f"{said} Undo: `{prefix} {undo} {run.id}`", runs=(run.id,))


def not_edited(run: AgentRun, link: RunPullRequest, state: PullRequestState, *, problem: str | None) -> Reply:
    """:param problem: Codegen's own words"""
    what = _NOT_DONE[state].format(link=links_of([link]))
    detail = " ".join(cut(inert(problem or ""), 300).split())
    parts = (
        f"Codegen did not {what}, the pull request of {run_link(run)}.",
        f"> {detail}" if detail else "",
        "Next: look at the pull request: it may be merged, or so already. If it is neither, whoever runs the bot sees "
        "to it that the account of its Codegen token may write to the repository.",
    )
    return Reply(stage=Stage.FAILED, text="\n\n".join(part for part in parts if part), runs=(run.id,))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
