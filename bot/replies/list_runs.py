"""The reply to ``runs``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.codegen.models import AgentRun
from bot.codegen.states import State
from bot.replies.markers import Stage
from bot.replies.phrases import ago, one_line, one_word, pull_request_links, run_link, table
from bot.replies.reply import Reply

ABOUT = 100
"""Characters of a run's description."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What a list of runs was selected from.

    :param whose: the owner, as the beginning of a sentence
    :param status: only runs in this state were searched for
    :param found: how many runs there are in any state, as far as was searched
    :param is_all: whether all runs were searched
    :param has_more: whether more runs were found than are shown
    """

    whose: str
    status: State | None
    found: int
    is_all: bool
    has_more: bool


def latest_runs(
    runs: Sequence[AgentRun],
    *,
    listed: Listed,
    here: Collection[int],
    asked_by: Mapping[int, str],
    now: datetime,
    prefix: str,
) -> Reply:
    """:param here: the runs that belong to this thread
    :param asked_by: the users who requested them through the bot
    """
    if not runs:
        return Reply(stage=Stage.FINISHED, text=_none(listed, prefix))
    rows = [_row(run, is_here=run.id in here, login=asked_by.get(run.id, ""), now=now) for run in runs]
    parts = (
        _head(len(runs), listed),
        table(("run", "state", "started", "pull requests", "about"), rows),
        "(here): belongs to this conversation." if any(run.id in here for run in runs) else "",
    )
    return Reply(stage=Stage.FINISHED, text="\n\n".join(part for part in parts if part))


def _none(listed: Listed, prefix: str) -> str:
    older = "" if listed.is_all else " Older ones were not looked at."
    if listed.status is not None and listed.found:
        return f"None of {_all_of(listed)} is `{listed.status}`.{older}"
    if listed.is_all:
        return f"{listed.whose} has no agent run yet. `{prefix} run <what to do>` starts one."
    return f"{listed.whose} has no recent agent run.{older}"


def _head(shown: int, listed: Listed) -> str:
    older = "" if listed.is_all or listed.has_more else " Older ones were not looked at."
    if listed.status is not None:
        if listed.has_more:
            return f"{listed.whose}'s latest {_runs(shown)} that {_are(shown)} `{listed.status}`; there are more."
        return f"{shown} of {_all_of(listed)} {_are(shown)} `{listed.status}`.{older}"
    if listed.has_more:
        return f"{listed.whose}'s latest {_runs(shown)}; there are more."
    if listed.is_all:
        return f"{listed.whose} has {_runs(shown)} in all."
    return f"{listed.whose}'s latest {_runs(shown)}.{older}"


def _all_of(listed: Listed) -> str:
    """The runs that were searched, within a sentence."""
    whose = f"{listed.whose[:1].lower()}{listed.whose[1:]}"
    return f"{whose}'s {'' if listed.is_all else 'latest '}{_runs(listed.found)}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _row(run: AgentRun, *, is_here: bool, login: str, now: datetime) -> tuple[str, ...]:
    return (
        f"{run_link(run)} (here)" if is_here else run_link(run),
        run.state.value,
        ago(run.created_at, now=now),
        pull_request_links(run.github_pull_requests),
        one_line(_about(run), ABOUT) or (login and f"asked for by {one_word(login)}"),
    )


def _about(run: AgentRun) -> str:
    """A description of a run; Codegen's API does not return its prompt."""
    titles = (link.title for link in run.github_pull_requests)
    return next((text for text in (run.summary, run.result, *titles) if text and text.strip()), "")
