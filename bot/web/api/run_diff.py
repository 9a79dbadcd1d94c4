"""What an agent run changed: the diffs of its pull requests, as GitHub has them.

GitHub is read with the server's own account, so a pull request is shown only where the GitHub account that Codegen
names for the caller's token may read its repository (`bot.web.api.caller`).
"""

from __future__ import annotations

from collections import Counter
from itertools import accumulate

from bot.codegen.models import RunPullRequest
from bot.errors import UpstreamError
from bot.execution.failures import explain
from bot.execution.run_marks import location_of
from bot.github.client import GitHub
from bot.github.models import ChangedFile, CheckRun, Permission
from bot.web.api.endpoint import AnyRequest, ApiResponse, PlainRequest
from bot.web.api.models import ResponseModel
from bot.web.api.runs import run_alone

MOST_FILES = 300
"""Files of one pull request."""

LONGEST_PATCH = 60_000
"""Characters of one file's patch; a longer one is left out, because half a hunk misleads."""

LONGEST_DIFF = 1_000_000
"""Characters of all patches of one pull request."""

MOST_PULL_REQUESTS = 10

DIFF_TTL = 20.0
"""Seconds for which a pull request's diff is cached, for all callers who may read it."""

_ALL = "server"
"""In place of a token's digest in the cache's keys."""

_GOOD = frozenset({"success", "neutral", "skipped"})


class FileDiff(ResponseModel):
    """A changed file. `patch`: its hunks in unified form; null if it is binary, or too large to be shown (`is_cut`)."""

    path: str
    previous_path: str | None
    status: str
    additions: int
    deletions: int
    patch: str | None
    is_cut: bool


class ChecksState(ResponseModel):
    """The checks of a pull request's last commit. `state`: `success`, `failure` or `pending`; `none` without checks."""

    state: str
    passed: int
    failed: int
    pending: int


class PullRequestDiff(ResponseModel):
    """A pull request of a run. `state`: `open`, `closed` or `merged`. `problem`: why it is not shown, a sentence; then
    the rest is null or empty. `is_cut`: whether files are left out, because there are too many."""

    url: str
    repository: str | None = None
    number: int | None = None
    title: str | None = None
    state: str | None = None
    is_draft: bool | None = None
    head_branch: str | None = None
    base_branch: str | None = None
    additions: int | None = None
    deletions: int | None = None
    changed_files: int | None = None
    checks: ChecksState | None = None
    files: tuple[FileDiff, ...] = ()
    is_cut: bool = False
    problem: str | None = None


class RunDiff(ResponseModel):
    """The diffs of a run's pull requests."""

    agent_run_id: int
    pull_requests: list[PullRequestDiff]


async def get_agent_run_diff(call: PlainRequest) -> ApiResponse[RunDiff]:
    """What a run changed: its pull requests' files, patches and checks.

    A pull request is shown only where the GitHub account of the caller's token may read its repository.
    """
    run = await run_alone(call)
    links = [link for link in run.github_pull_requests if link.url][:MOST_PULL_REQUESTS]
    found = [await _shown(call, link) for link in links]
    return ApiResponse(document=RunDiff(agent_run_id=run.id, pull_requests=found), runs=[run])


def forget_diffs(call: AnyRequest) -> None:
    """Invalidates the cached diffs, after pull requests were changed."""
    call.services.cache.forget(_ALL, call.services.own_org_id, "diff ")


async def _shown(call: AnyRequest, link: RunPullRequest) -> PullRequestDiff:
    url, location, services = link.url or "", location_of(link), call.services
    if location is None:
        return PullRequestDiff(url=url, problem="This is no pull request on GitHub.")
    repository, number = location
    if await call.caller.access.permission(call.org_id, repository) < Permission.READ:
        return PullRequestDiff(
            url=url,
            problem="Not shown: the GitHub account of your token is not known to have read access to its repository.",
        )
    try:
        # One request serves all callers: that this one may read it was checked above.
        key = (_ALL, services.own_org_id, f"diff {repository}#{number}")
        read: PullRequestDiff = await services.cache.get(
            key, lambda: read_diff(services.github, repository, number), ttl=DIFF_TTL
        )
    except UpstreamError as error:
        return PullRequestDiff(url=url, repository=repository, number=number, problem=f"{explain(error)[0]}.")
    return read.model_copy(update={"url": url})


async def read_diff(github: GitHub, repository: str, number: int) -> PullRequestDiff:
    """:raises UpstreamError: if GitHub does not respond, or the server's account may not read it"""
    pull_request = await github.pull_request(repository, number)
    files = await github.pull_request_files(repository, number, most=MOST_FILES)
    checks = await github.check_runs(repository, pull_request.head_sha)
    is_cut = pull_request.changed_files > len(files)
    sizes = accumulate(len(file.patch or "") for file in files)
    return PullRequestDiff(
        url=pull_request.url,
        repository=pull_request.repository or repository,
        number=number,
        title=pull_request.title,
        state="merged" if pull_request.is_merged else pull_request.state,
        is_draft=pull_request.is_draft,
        head_branch=pull_request.head_branch,
        base_branch=pull_request.base_branch,
        additions=pull_request.additions if is_cut else sum(file.additions for file in files),
        deletions=pull_request.deletions if is_cut else sum(file.deletions for file in files),
        changed_files=max(pull_request.changed_files, len(files)),
        checks=checks_state(checks),
        files=tuple(_file(file, fits=size <= LONGEST_DIFF) for file, size in zip(files, sizes, strict=True)),
        is_cut=is_cut,
    )


def _file(file: ChangedFile, *, fits: bool) -> FileDiff:
    is_cut = file.patch is not None and (not fits or len(file.patch) > LONGEST_PATCH)
    return FileDiff(
        path=file.path,
        previous_path=file.previous_path,
        status=file.status,
        additions=file.additions,
        deletions=file.deletions,
        patch=None if is_cut else file.patch,
        # GitHub itself leaves out the patches of large files.
        is_cut=is_cut or (file.patch is None and file.additions + file.deletions > 0),
    )


def checks_state(checks: list[CheckRun]) -> ChecksState:
    counts = Counter(
        "pending" if check.status != "completed" else "passed" if check.conclusion in _GOOD else "failed"
        for check in checks
    )
    if not checks:
        state = "none"
    elif counts["failed"]:
        state = "failure"
    else:
        state = "pending" if counts["pending"] else "success"
    return ChecksState(state=state, passed=counts["passed"], failed=counts["failed"], pending=counts["pending"])
