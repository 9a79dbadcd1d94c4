"""What the bot says of the organization's latest runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from bot.codegen.models import AgentRun
from bot.codegen.states import State
from bot.replies.markers import Stage
from bot.replies.phrases import ago, one_line, one_word, pull_request_links, run_link, table
from bot.replies.reply import Reply

ABOUT = 100
"""Characters of what a run is about."""


def latest_runs(
    runs: Sequence[AgentRun],
    *,
    status: State | None,
    more: bool,
    searched: int,
    total: int,
    here: Collection[int],
    asked_by: Mapping[int, str],
    now: datetime,
    prefix: str,
) -> Reply:
    """:param status: only runs in this state were looked for
    :param more: whether others were found as well
    :param searched: how many runs were looked at, of `total`
    :param here: the runs that belong to this thread
    :param asked_by: who had the bot start them, as far as it did
    """
    if not runs:
        return Reply(stage=Stage.FINISHED, text=_none(status, searched, total, prefix))
    rows = [_row(run, is_here=run.id in here, login=asked_by.get(run.id, ""), now=now) for run in runs]
    parts = (
        _head(len(runs), status, searched, total, more=more),
        table(("run", "state", "started", "pull requests", "about"), rows),
        "(here): belongs to this conversation." if any(run.id in here for run in runs) else "",
    )
    return Reply(stage=Stage.FINISHED, text="\n\n".join(part for part in parts if part))


def _none(status: State | None, searched: int, total: int, prefix: str) -> str:
    if not total:
        return f"The organization has no agent run yet. `{prefix} run <what to do>` starts one."
    if searched < total:
        older = f"the {total - searched} older ones were not looked at"
        return f"None of the latest {searched} runs is `{status}`; {older}."
    return f"None of the organization's {_runs(total)} is `{status}`."


def _head(shown: int, status: State | None, searched: int, total: int, *, more: bool) -> str:
    if status is None:
        return f"The organization's latest {_runs(shown)} of {total}." if shown < total else f"{_runs(total)} in all."
    if more:
        return f"The latest {_runs(shown)} that {_are(shown)} `{status}`; there are more."
    if searched < total:
        older = f"the {total - searched} older ones were not looked at"
        return f"{shown} of the latest {_runs(searched)} {_are(shown)} `{status}`; {older}."
    return f"{shown} of {_runs(total)} in all {_are(shown)} `{status}`."


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
    """What the API tells of a run does not hold its prompt."""
    titles = (link.title for link in run.github_pull_requests)
    return next((text for text in (run.summary, run.result, *titles) if text and text.strip()), "")
