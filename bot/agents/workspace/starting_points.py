"""Where a new workspace starts: the ref that it is made from, and the branch that its changes are pushed to."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bot.agents.workspace.model import RepositoryHost, WorkspaceRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class StartingPoint:
    """Where a new workspace starts.

    :param ref: what to fetch
    :param branch: where to push
    :param fallbacks: more refs, for when there is no such one
    :param is_pushed: whether the ref is the branch as an earlier turn pushed it
    """

    ref: str
    branch: str
    base_branch: str
    is_own_branch: bool
    pull_request: int | None = None
    notes: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    is_pushed: bool = False


async def find_starting_point(github: RepositoryHost, request: WorkspaceRequest) -> StartingPoint:
    """:raises UpstreamError: if GitHub does not show the repository or the pull request"""
    own = own_branch_name(request.slug, request.run_id)
    if request.pull_request is None:
        base = (await github.repository(request.repository)).default_branch
        return _own(request.branch, own, base, f"refs/heads/{base}")
    number = request.pull_request
    pull_request = await github.pull_request(request.repository, number)
    head = f"refs/heads/{pull_request.head_branch}"
    anyway = f"refs/pull/{number}/head"
    is_here, is_open = not pull_request.is_fork, pull_request.is_open
    if is_here and is_open and not request.own_branch and request.branch in {None, pull_request.head_branch}:
        return StartingPoint(
            ref=head,
            branch=pull_request.head_branch,
            base_branch=pull_request.base_branch,
            is_own_branch=False,
            pull_request=number,
            fallbacks=(anyway,),
        )
    notes: tuple[str, ...] = ()
    if not is_open and not request.own_branch:
        notes = (f"Pull request #{number} is closed, so the changes get a branch of their own.",)
    elif not is_here and not request.own_branch:
        notes = (f"Pull request #{number} comes from a fork, so the changes get a branch of their own.",)
    base = pull_request.head_branch if is_here and is_open else pull_request.base_branch
    start = _own(request.branch, own, base, head if is_here and is_open else anyway)
    return replace(start, notes=notes, fallbacks=(*start.fallbacks, anyway))


def own_branch_name(slug: str, run_id: int) -> str:
    """The name of a run's own branch."""
    words = re.sub(r"[^a-z0-9]+", "-", slug.lower()).strip("-")[:40].strip("-")
    return f"codegen-bot/{words}-{run_id}" if words else f"codegen-bot/run-{run_id}"


def _own(pushed: str | None, own: str, base: str, ref: str) -> StartingPoint:
    """A start on a branch of the run's own, which an earlier turn may have pushed."""
    if pushed is None:
        return StartingPoint(ref=ref, branch=own, base_branch=base, is_own_branch=True)
    return StartingPoint(
        ref=f"refs/heads/{pushed}",
        branch=pushed,
        base_branch=base,
        is_own_branch=True,
        fallbacks=(ref,),
        is_pushed=True,
    )
