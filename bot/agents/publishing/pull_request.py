"""The pull request of a run's branch."""

from __future__ import annotations

from dataclasses import replace

from bot import log
from bot.agents.publishing.model import PublishRequest, PullRequestHost, UnpublishedError
from bot.agents.workspace.failures import sentence_of
from bot.agents.workspace.model import Workspace
from bot.errors import ErrorKind, UpstreamError
from bot.github.models import PullRequest
from bot.storage.queries import run_in_thread
from bot.text import markers
from bot.text.untrusted import cut, folded, inert, inline_code
from bot.upstream import Fence

_log = log.get(__name__)

_BODY_LIMIT = 30_000


async def find_or_open(
    github: PullRequestHost, fence: Fence, workspace: Workspace, request: PublishRequest
) -> tuple[PullRequest | None, bool]:
    """The branch's pull request, and whether it was opened now.

    :param fence: awaited before it is opened
    :raises UnpublishedError: if there is none, and it cannot be opened
    """
    try:
        if workspace.pull_request is not None:
            return await github.pull_request(workspace.repository, workspace.pull_request), False
        found = await github.find_pull_request(workspace.repository, workspace.branch)
        if found is None and not request.opens_pull_request:
            return None, False
        is_opened = found is None
        if found is None:
            await fence()
            found = await github.create_pull_request(
                workspace.repository,
                title=request.title,
                body=pull_request_body(workspace.run_id, request),
                head=workspace.branch,
                base=workspace.base_branch,
            )
    except UpstreamError as error:
        _log.warning("pull-request.failed", run=workspace.run_id, reason=str(error))
        raise UnpublishedError(
            f"The changes are on the branch {workspace.branch}, but the pull request could not be opened. "
            f"{_advice(error)}",
            branch=workspace.branch,
        ) from error
    await run_in_thread(replace(workspace, pull_request=found.number, pull_request_url=found.url).save)
    return found, is_opened


def pull_request_body(run_id: int, request: PublishRequest) -> str:
    """The description of the bot's pull request: the request, the agent's summary, and the run."""
    summary = cut(inert(request.summary), _BODY_LIMIT)
    asked = cut(inert(request.asked), _BODY_LIMIT)
    run = f"[Run {run_id}]({request.run_url})" if request.run_url else f"Run {run_id}"
    place = f" for #{request.thread}" if request.thread else ""
    person = f", requested by {inline_code(request.co_author.name)}" if request.co_author else ""
    marker = markers.Marker(identity=f"run-{run_id}", command="run", stage=markers.Stage.FINISHED, runs=(run_id,))
    parts = (
        summary,
        folded("What was asked", asked) if asked else "",
        "---",
        f"{run} of the agent {inline_code(request.agent)}{place}{person}.",
        markers.write(marker),
    )
    return "\n\n".join(part for part in parts if part)


def _advice(error: UpstreamError) -> str:
    match error.kind:
        case ErrorKind.FORBIDDEN | ErrorKind.NOT_FOUND:
            return "Grant the bot's GitHub App or token write access to pull requests, or open it yourself."
        case ErrorKind.INVALID:
            return "GitHub refuses it; open it yourself."
        case _:
            return sentence_of(error)
