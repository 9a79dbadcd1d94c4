"""Replies about stars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.codegen.models import AgentRun, RunPullRequest
from bot.replies.markers import Stage
from bot.replies.phrases import duration, label_not_changed, one_line, pull_request_links, run_link, table
from bot.replies.reply import Reply
from bot.replies.untrusted import inline_code
from bot.store.models import Star


def starred(
    run: AgentRun,
    homes: Sequence[tuple[str, int]],
    pull_requests: Sequence[RunPullRequest],
    *,
    is_new: bool,
    is_listed: bool,
    failed: Sequence[str],
    prefix: str,
) -> Reply:
    """:param homes: the threads that show the star by the label
    :param pull_requests: those of the run that are among them
    :param is_listed: whether `starred` lists the run here
    :param failed: those on which the label could not be set
    """
    all_of_them = f"All of them: `{prefix} starred`"
    if not is_listed:
        all_of_them = (
            "It is not known to belong to this repository: `codegen-bot starred` on the command line lists it."
        )
    head = f"Starred {run_link(run)}." if is_new else f"{run_link(run, capital=True)} is starred already."
    links = pull_request_links(pull_requests) or ", ".join(f"{repository}#{number}" for repository, number in homes)
    where = f"The label is on {links}." if links and not failed else ""
    parts = (head, where, label_not_changed(failed) if failed else "", all_of_them)
    return Reply(stage=Stage.FINISHED, text="\n\n".join(part for part in parts if part), runs=(run.id,))


def unstarred(removed: Sequence[int], *, failed: Sequence[str], asked: int | None = None) -> Reply:
    """:param removed: the runs whose star was removed"""
    if removed:
        text = f"Took the star off run{'s' if len(removed) > 1 else ''} {', '.join(map(str, removed))}."
    else:
        text = f"Run {asked} was not starred." if asked else "No run of this conversation was starred."
    parts = (text, label_not_changed(failed) if failed else "")
    return Reply(stage=Stage.FINISHED, text="\n\n".join(part for part in parts if part), runs=tuple(removed))


def all_starred(stars: Sequence[Star], known: Mapping[int, AgentRun], *, now: datetime, prefix: str) -> Reply:
    """:param known: the runs whose details are known"""
    if not stars:
        return Reply(stage=Stage.FINISHED, text=f"No run is starred yet. `{prefix} star` marks this thread's latest.")
    head = "1 run is starred." if len(stars) == 1 else f"{len(stars)} runs are starred."
    rows = [_row(star, known.get(star.run_id), now) for star in stars]
    return Reply(
        stage=Stage.FINISHED,
        text=f"{head}\n\n{table(('run', 'starred by', 'when', 'pull request', 'about'), rows)}",
    )


def _row(star: Star, run: AgentRun | None, now: datetime) -> tuple[str, ...]:
    return (
        run_link(run or AgentRun(id=star.run_id, organization_id=0)),
        inline_code(star.login) if star.login else "",
        f"{duration((now - star.at).total_seconds())} ago" if star.at else "",
        pull_request_links(run.github_pull_requests) if run else "",
        one_line((run.summary or run.result or "") if run else "", 80),
    )


def not_to_be_kept(run_id: int) -> str:
    return (
        f"Run {run_id} has no pull request, and the bot did not start it on an issue or a pull request: without a "
        "database its label is a star's only place, and there is nothing to put it on."
    )


def no_repository_to_look_in() -> str:
    return (
        "Stars are kept as labels on GitHub: name a repository to look in, on the command line by "
        "`--repository octo/shop`."
    )
