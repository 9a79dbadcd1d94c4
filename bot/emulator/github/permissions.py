"""The permissions that an installation needs for each address.

https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from bot.emulator.github.refusals import Refused

LEVELS: Mapping[str, tuple[str, ...]] = {
    "actions": ("read", "write"),
    "administration": ("read", "write"),
    "checks": ("read", "write"),
    "contents": ("read", "write"),
    "deployments": ("read", "write"),
    "issues": ("read", "write"),
    "members": ("read", "write"),
    "metadata": ("read", "write"),
    "organization_hooks": ("read", "write"),
    "pull_requests": ("read", "write"),
    "repository_hooks": ("read", "write"),
    "statuses": ("read", "write"),
    "workflows": ("write",),
}
"""The supported permissions of GitHub's, with their levels, the lowest first."""

_EITHER_READ, _EITHER_WRITE = "issues=read; pull_requests=read", "issues=write; pull_requests=write"
_REPO = "/repos/{owner}/{repo}"

RULES: Mapping[str, str] = {
    f"GET {_REPO}": "metadata=read",
    f"GET {_REPO}/collaborators/{{username}}/permission": "metadata=read",
    "GET /installation/repositories": "metadata=read",
    "GET /orgs/{org}/teams/{team}/memberships/{username}": "members=read",
    f"GET {_REPO}/contents/{{path}}": "contents=read",
    # Threads
    f"GET {_REPO}/issues": "issues=read",
    f"POST {_REPO}/issues": "issues=write",
    f"GET {_REPO}/issues/{{number}}": "issues=read",
    f"GET {_REPO}/issues/{{number}}/labels": _EITHER_READ,
    f"POST {_REPO}/issues/{{number}}/labels": _EITHER_WRITE,
    f"DELETE {_REPO}/issues/{{number}}/labels/{{name}}": _EITHER_WRITE,
    f"GET {_REPO}/labels": _EITHER_READ,
    f"POST {_REPO}/labels": _EITHER_WRITE,
    f"GET {_REPO}/labels/{{name}}": _EITHER_READ,
    f"PATCH {_REPO}/labels/{{name}}": _EITHER_WRITE,
    f"GET {_REPO}/pulls": "pull_requests=read",
    f"GET {_REPO}/pulls/{{number}}": "pull_requests=read",
    f"GET {_REPO}/pulls/{{number}}/files": "pull_requests=read",
    # Comments
    f"GET {_REPO}/issues/comments": _EITHER_READ,
    f"GET {_REPO}/issues/comments/{{comment_id}}": _EITHER_READ,
    f"PATCH {_REPO}/issues/comments/{{comment_id}}": _EITHER_WRITE,
    f"DELETE {_REPO}/issues/comments/{{comment_id}}": _EITHER_WRITE,
    f"GET {_REPO}/issues/{{number}}/comments": _EITHER_READ,
    f"POST {_REPO}/issues/{{number}}/comments": _EITHER_WRITE,
    f"GET {_REPO}/pulls/comments": "pull_requests=read",
    f"GET {_REPO}/pulls/comments/{{comment_id}}": "pull_requests=read",
    f"PATCH {_REPO}/pulls/comments/{{comment_id}}": "pull_requests=write",
    f"GET {_REPO}/pulls/{{number}}/comments": "pull_requests=read",
    f"POST {_REPO}/pulls/{{number}}/comments": "pull_requests=write",
    f"POST {_REPO}/pulls/{{number}}/comments/{{comment_id}}/replies": "pull_requests=write",
    f"GET {_REPO}/pulls/{{number}}/reviews": "pull_requests=read",
    f"POST {_REPO}/pulls/{{number}}/reviews": "pull_requests=write",
    # Reactions
    f"GET {_REPO}/issues/comments/{{comment_id}}/reactions": "issues=read",
    f"POST {_REPO}/issues/comments/{{comment_id}}/reactions": "issues=write",
    f"DELETE {_REPO}/issues/comments/{{comment_id}}/reactions/{{reaction_id}}": "issues=write",
    f"GET {_REPO}/issues/{{number}}/reactions": "issues=read",
    f"POST {_REPO}/issues/{{number}}/reactions": "issues=write",
    f"DELETE {_REPO}/issues/{{number}}/reactions/{{reaction_id}}": "issues=write",
    f"POST {_REPO}/pulls/comments/{{comment_id}}/reactions": "pull_requests=write",
    f"DELETE {_REPO}/pulls/comments/{{comment_id}}/reactions/{{reaction_id}}": "pull_requests=write",
    # Checks and jobs
    f"POST {_REPO}/check-runs": "checks=write",
    f"GET {_REPO}/check-runs/{{check_run_id}}": "checks=read",
    f"PATCH {_REPO}/check-runs/{{check_run_id}}": "checks=write",
    f"GET {_REPO}/commits/{{ref}}/check-runs": "checks=read",
    f"GET {_REPO}/commits/{{ref}}/check-suites": "checks=read",
    f"GET {_REPO}/actions/runs": "actions=read",
    f"GET {_REPO}/actions/runs/{{check_run_id}}": "actions=read",
    f"GET {_REPO}/actions/runs/{{check_run_id}}/jobs": "actions=read",
    f"GET {_REPO}/actions/jobs/{{check_run_id}}": "actions=read",
    f"GET {_REPO}/actions/jobs/{{check_run_id}}/logs": "actions=read",
    # Webhooks
    f"GET {_REPO}/hooks": "repository_hooks=read",
    f"GET {_REPO}/hooks/{{hook_id}}/deliveries": "repository_hooks=read",
    f"POST {_REPO}/hooks/{{hook_id}}/deliveries/{{delivery_id}}/attempts": "repository_hooks=write",
}
"""In the form of GitHub's header ``X-Accepted-GitHub-Permissions``: one of those between the semicolons is enough."""

UNASKED = frozenset({"GET /user", "POST /graphql", "GET /users/{username}", "GET /rate_limit"})
"""Addresses that are open to every token, or to no installation's."""


class Permissions:
    """Restricts installations to what they were granted, and records which permissions were used."""

    def __init__(self) -> None:
        self.used: dict[str, str] = {}

    def reset(self) -> None:
        self.used.clear()

    def check(self, request: web.Request, granted: Mapping[str, str]) -> None:
        """:raises Refused: 403 if the address needs a permission that was not granted"""
        address = address_of(request)
        if address in UNASKED:
            return
        rule = RULES[address]
        for name, _, level in (each.partition("=") for each in rule.split("; ")):
            if _rank(name, granted.get(name)) >= _rank(name, level):
                if _rank(name, level) > _rank(name, self.used.get(name)):
                    self.used[name] = level
                return
        message = "Resource not accessible by integration"
        raise Refused(403, message, headers={"X-Accepted-GitHub-Permissions": rule})


def address_of(request: web.Request) -> str:
    """The method and the route, without the prefix of GitHub Enterprise Server."""
    resource = request.match_info.route.resource
    path = resource.canonical if resource is not None else request.path
    return f"{request.method} {path.removeprefix('/api/v3')}"


def _rank(name: str, level: str | None) -> int:
    """0 for none."""
    return LEVELS[name].index(level) + 1 if level in LEVELS[name] else 0
