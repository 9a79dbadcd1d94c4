"""The reply if the ordinary one could not be prepared within the limits: links to the runs."""

from __future__ import annotations

from collections.abc import Sequence

from bot.codegen.models import AgentRun
from bot.replies.markers import Stage
from bot.replies.phrases import pull_request_links, run_link
from bot.replies.reason import Reason
from bot.replies.reply import Reply

LONGEST_URL = 500
"""Characters. Whatever an upstream sends, this reply is short and takes no time."""


def unprepared(runs: Sequence[AgentRun], *, identity: str, again: str) -> Reply:
    """:param runs: those that the command has seen, in their last known states
    :param identity: of the command, under which the log has the details
    :param again: how to repeat the command
    """
    if not runs:
        return _without_run(identity, again)
    shown = [_without_words(run) for run in runs]
    is_over = all(run.finished for run in shown)
    is_good = is_over and any(run.succeeded for run in shown)
    head = "Finished" if all(run.succeeded for run in shown) else "Ended" if is_over else "As last seen"
    return Reply(
        stage=Stage.FINISHED if is_good else Stage.FAILED,
        text=_of_one(shown[0], head) if len(shown) == 1 else _of_several(shown, head),
        runs=tuple(run.id for run in shown),
    )


def _without_run(identity: str, again: str) -> Reply:
    return Reply(
        stage=Stage.FAILED,
        text=(
            "The answer could not be prepared for this comment in time.\n\n"
            f"Next: {again}; if it fails again, whoever runs the bot finds it in the log under `{identity}`."
        ),
        reason=Reason.INTERNAL_ERROR,
    )


def _of_one(run: AgentRun, head: str) -> str:
    return (
        f"{head}: {_state(run)}.\n\n"
        "What the agent says could not be prepared for this comment in time, and is not shown here.\n\n"
        "Next: read it on the run's page."
    )


def _of_several(runs: Sequence[AgentRun], head: str) -> str:
    states = "\n".join(f"- {_state(run)}" for run in runs)
    return (
        f"{head}:\n\n{states}\n\n"
        "What the agents say could not be prepared for this comment in time, and is not shown here.\n\n"
        "Next: read it on each run's page."
    )


def _state(run: AgentRun) -> str:
    links = pull_request_links(run.github_pull_requests)
    return f"{run_link(run)} ({run.state.value}{f', with {links}' if links else ''})"


def _without_words(run: AgentRun) -> AgentRun:
    links = [link for link in run.github_pull_requests if len(link.url or "") <= LONGEST_URL]
    return run.model_copy(
        update={
            "web_url": run.web_url if len(run.web_url or "") <= LONGEST_URL else None,
            "github_pull_requests": tuple(link.model_copy(update={"title": None}) for link in links),
        }
    )
