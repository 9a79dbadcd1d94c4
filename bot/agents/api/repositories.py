"""The operations on repositories and pull requests, by the bot's own GitHub account."""

from __future__ import annotations

from functools import partial

from bot import log
from bot.agents.api.access import Call, RefusedError, invalid
from bot.agents.api.github import PullRequestState
from bot.agents.api.requests import CheckSettings, EditPullRequest, PageQuery, RepositoryQuery
from bot.agents.api.responses import Json, page_of, repository_json
from bot.errors import ErrorKind, UpstreamError
from bot.github.models import Permission, PullRequest, Repository
from bot.storage.agent_models import StoredPullRequest

_log = log.get(__name__)

DEFAULT_RETRIES = 3


async def find_repository(call: Call, repository_id: int) -> Repository | None:
    """A repository that the bot's account can reach.

    :param repository_id: GitHub's, which is also the one of this API
    """
    return await call.api.repositories.find(repository_id)


async def repositories(call: Call) -> Json:
    query = call.query(PageQuery)
    known = await call.api.repositories.all()
    set_up = await call.stored(call.api.store.repositories_with_setup_commands)
    return page_of([repository_json(each, has_setup_commands=each.id in set_up) for each in known], query)


async def check_settings(call: Call) -> Json:
    repository = await _repository(call)
    stored = await call.stored(partial(call.api.store.check_settings, repository.id))
    return {
        "check_retry_count": DEFAULT_RETRIES,
        "ignored_checks": [],
        "check_retry_counts": {},
        "custom_prompts": {},
        "high_priority_apps": [],
        **stored,
        "available_check_suite_names": await _check_names(call, repository),
    }


async def change_check_settings(call: Call) -> Json:
    repository = await _repository(call)
    change = (await call.body(CheckSettings)).change()
    await call.stored(partial(call.api.store.change_check_settings, repository.id, change, full_name=repository.name))
    return {"message": f"The check-suite settings of {repository.name} are stored."}


async def edit_pull_request(call: Call) -> Json:
    """A failure is reported with status 200 and `success: false`: Codegen's description has nothing else."""
    pull_request_id, state = call.path_id("pr_id"), (await call.body(EditPullRequest)).state
    stored = await call.stored(partial(call.api.store.pull_request, pull_request_id))
    problem = await _edit_problem(call, pull_request_id, stored)
    if stored is None or problem is not None:
        return {"success": False, "error": problem}
    try:
        edited = await _set_state(call, stored, state)
    except UpstreamError as error:
        return {"success": False, "error": _what_github_said(error, stored)}
    place = f"{stored.repository}#{stored.number}"
    _log.info("agents.pull_request_edited", pull_request=place, state=state, user=call.caller.user.login)
    return {
        "success": True,
        "url": edited.url,
        "number": edited.number,
        "title": edited.title,
        "state": state,
        "error": None,
    }


async def _set_state(call: Call, stored: StoredPullRequest, state: PullRequestState) -> PullRequest:
    github, repository, number = call.api.github, stored.repository, stored.number
    match state:
        case "open" | "closed":
            return await github.edit_pull_request(repository, number, state=state)
        case "draft" | "ready_for_review":
            return await github.set_draft(repository, number, is_draft=state == "draft")


async def _edit_problem(call: Call, pull_request_id: int, stored: StoredPullRequest | None) -> str | None:
    """Why the caller may not edit it; None if they may."""
    if stored is None:
        return f"Pull request {pull_request_id} not found. A run's github_pull_requests have the ids."
    if "repo_id" in call.request.match_info:
        repository_id = call.path_id("repo_id")
        repository = await find_repository(call, repository_id)
        if repository is None or repository.name.lower() != stored.repository.lower():
            return f"Pull request {pull_request_id} is not in repository {repository_id}."
    login = call.caller.user.login
    if call.caller.is_internal or login.lower() == (await call.api.github.me()).login.lower():
        return None
    if await call.api.github.permission(stored.repository, login) >= Permission.WRITE:
        return None
    return f"{login} needs write access to {stored.repository} for this."


def _what_github_said(error: UpstreamError, pull_request: StoredPullRequest) -> str:
    place = f"{pull_request.repository}#{pull_request.number}"
    if error.kind is ErrorKind.NOT_FOUND:
        return f"GitHub shows {place} to the bot no more."
    if error.kind is ErrorKind.FORBIDDEN:
        return f"The bot's GitHub account may not edit {place}: it needs write access to pull requests."
    return f"GitHub did not edit {place}: {error.detail or error.kind.value}"


async def _repository(call: Call) -> Repository:
    """:raises RefusedError: 422 if the query names none that the bot's account can reach; there is no 404 here"""
    repository_id = call.query(RepositoryQuery).repo_id
    repository = await find_repository(call, repository_id)
    if repository is None:
        raise _unknown(repository_id)
    return repository


def _unknown(repository_id: int) -> RefusedError:
    return invalid(("query", "repo_id"), f"The bot's GitHub account can reach no repository {repository_id}.")


async def _check_names(call: Call, repository: Repository) -> list[str]:
    """The checks on the default branch, for people to choose from; none if GitHub cannot be asked."""
    try:
        found = await call.api.github.check_runs(repository.name, repository.default_branch)
    except UpstreamError as error:
        _log.warning("agents.checks_unknown", repository=repository.name, reason=str(error))
        return []
    return sorted({run.name for run in found})
