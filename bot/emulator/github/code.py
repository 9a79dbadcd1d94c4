"""The operations on the repository, its users, its files, and the checks of its commits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.emulator.control import PREFIX
from bot.emulator.github.answers import Access, fields, number, page, text_field
from bot.emulator.github.refusals import Refused, invalid, not_found
from bot.emulator.github.shapes import Shapes
from bot.emulator.github.world import (
    APP_SLUG,
    BASE_SHA,
    DEFAULT_BRANCH,
    ORGANISATION_REPOSITORY,
    RANK,
    CheckRun,
    Neighbour,
    World,
)


class CodeOperations:
    def __init__(self, access: Access) -> None:
        self._access = access
        self._world = access.world

    def routes(self) -> list[web.RouteDef]:
        repo = "/repos/{owner}/{repo}"
        return [
            web.get(repo, self.repository),
            web.get(f"{repo}/collaborators/{{username}}/permission", self.permission),
            web.get(f"{repo}/contents/{{path:.*}}", self.contents),
            web.post(f"{repo}/check-runs", self.create_check_run),
            web.get(f"{repo}/check-runs/{{check_run_id}}", self.get_check_run),
            web.patch(f"{repo}/check-runs/{{check_run_id}}", self.update_check_run),
            web.get(f"{repo}/commits/{{ref}}/check-runs", self.check_runs),
            web.get(f"{repo}/commits/{{ref}}/check-suites", self.check_suites),
            web.get(f"{repo}/actions/runs", self.workflow_runs),
            web.get(f"{repo}/actions/runs/{{check_run_id}}", self.workflow_run),
            web.get(f"{repo}/actions/runs/{{check_run_id}}/jobs", self.jobs),
            web.get(f"{repo}/actions/jobs/{{check_run_id}}", self.job),
            web.get(f"{repo}/actions/jobs/{{check_run_id}}/logs", self.job_logs),
            web.get(f"{PREFIX}job-logs/{{check_run_id}}", self.stored_log),
            web.get("/user", self.user),
            web.post("/graphql", self.graphql),
            web.get("/users/{username}", self.somebody),
            web.get("/rate_limit", self.rate_limit),
            web.get("/orgs/{org}/teams/{team}/memberships/{username}", self.team_membership),
        ]

    async def repository(self, request: web.Request) -> web.Response:
        reader = self._access.reader(request)
        return web.json_response(self._shapes(request).repository(reader))

    # People

    async def permission(self, request: web.Request) -> web.Response:
        """Requires write access; as on GitHub, an App's account is not accepted as a user here."""
        neighbour = self._neighbour(request)
        if neighbour is None:
            self._access.reader(request, "write")
        login = request.match_info["username"]
        account = self._world.account(login)
        if account is None or account.type != "User":
            raise not_found(f"{login} is not a user")
        if neighbour is not None:
            account = replace(account, role=neighbour.roles.get(account.login, "none"))
        return web.json_response(self._shapes(request).permission(account))

    def _neighbour(self, request: web.Request) -> Neighbour | None:
        """The requested other repository, if the account may write there."""
        name = f"{request.match_info['owner']}/{request.match_info['repo']}".lower()
        found = self._world.neighbours.get(name)
        if found is None:
            return None
        asker = self._access.account(request)
        if RANK[found.roles.get(asker.login, "none")] < RANK["write"]:
            raise not_found()
        return found

    async def user(self, request: web.Request) -> web.Response:
        account = self._access.account(request)
        if self._access.tokens.is_minted(request):
            raise Refused(403, "Resource not accessible by integration")
        return web.json_response(self._shapes(request).full_user(account))

    async def graphql(self, request: web.Request) -> web.Response:
        """GraphQL's `viewer` query only, which installations may use too."""
        account = self._access.account(request)
        query = (await fields(request)).get("query")
        if not isinstance(query, str) or not re.fullmatch(
            r"\s*(query\s*)?\{\s*viewer\s*\{\s*login\s*\}\s*\}\s*", query
        ):
            return web.json_response({"errors": [{"message": "The emulator knows only { viewer { login } }"}]})
        return web.json_response({"data": {"viewer": {"login": account.login}}})

    async def somebody(self, request: web.Request) -> web.Response:
        self._access.account(request)
        account = self._world.account(request.match_info["username"])
        if account is None:
            raise not_found()
        return web.json_response(self._shapes(request).full_user(account))

    async def team_membership(self, request: web.Request) -> web.Response:
        """One team, ``maintainers``: its members are the repository's admins."""
        self._access.account(request)
        account = self._world.account(request.match_info["username"])
        is_member = request.match_info["team"] == "maintainers" and account is not None and account.role == "admin"
        if request.match_info["org"] != "octo" or not is_member:
            raise not_found()
        return web.json_response({"url": str(request.url), "role": "maintainer", "state": "active"})

    async def rate_limit(self, request: web.Request) -> web.Response:
        account = self._access.account(request, counted=False)
        core = self._access.limiter.status(account.login)
        search = {"limit": 30, "used": 0, "remaining": 30, "reset": core["reset"]}
        return web.json_response({"resources": {"core": core, "search": search}, "rate": core})

    # Files

    async def contents(self, request: web.Request) -> web.Response:
        if f"{request.match_info['owner']}/{request.match_info['repo']}" == ORGANISATION_REPOSITORY:
            return self._organisation_file(request)
        if (neighbour := self._neighbour(request)) is not None:
            return self._file(request, neighbour.files)
        self._access.reader(request)
        path = request.match_info["path"].strip("/")
        ref = self._branch(request.query.get("ref", DEFAULT_BRANCH))
        shapes = self._shapes(request)
        text = self._world.files.get((ref, path))
        if text is not None:
            return web.json_response(shapes.content(path, text, ref))
        below = [
            name for branch, name in self._world.files if branch == ref and name.startswith(f"{path}/" if path else "")
        ]
        if not below:
            raise not_found()
        return web.json_response(shapes.directory(path, below, ref))

    def _organisation_file(self, request: web.Request) -> web.Response:
        """The organisation's own repository has only files; without any it does not exist."""
        self._access.account(request)
        if not self._world.organisation_files:
            raise not_found()
        return self._file(request, self._world.organisation_files)

    def _file(self, request: web.Request, files: Mapping[str, str]) -> web.Response:
        path = request.match_info["path"].strip("/")
        if not path:
            return web.json_response(self._root(request, files))
        text = files.get(path)
        if text is None:
            raise not_found()
        return web.json_response(self._shapes(request).content(path, text, DEFAULT_BRANCH))

    def _root(self, request: web.Request, files: Mapping[str, str]) -> list[dict[str, Any]]:
        if not files:
            raise Refused(404, "This repository is empty.")
        shapes = self._shapes(request)
        entries = [shapes.content(*file, DEFAULT_BRANCH) for file in files.items()]
        return [{key: entry[key] for key in entry if key not in {"content", "encoding"}} for entry in entries]

    def _branch(self, ref: str) -> str:
        for thread in self._world.threads.values():
            if thread.branch and ref in {thread.branch, thread.head_sha, f"refs/pull/{thread.number}/head"}:
                return thread.branch
        return ref.removeprefix("refs/heads/")

    # Checks

    async def create_check_run(self, request: web.Request) -> web.Response:
        self._access.app(request)
        given = await fields(request)
        check = add_check_run(
            self._world,
            text_field(given, "name", "CheckRun"),
            text_field(given, "head_sha", "CheckRun"),
            status=given.get("status", "queued"),
            conclusion=given.get("conclusion"),
            output=given.get("output") or {},
        )
        check.details_url = given.get("details_url")
        check.external_id = str(given.get("external_id") or "")
        return web.json_response(check_run_json(self._shapes(request), check), status=201)

    async def update_check_run(self, request: web.Request) -> web.Response:
        self._access.app(request)
        check = self._check(request)
        given = await fields(request)
        check_state(given.get("status", check.status), given.get("conclusion"))
        check.name = given.get("name", check.name)
        check.conclusion = given.get("conclusion", check.conclusion)
        check.status = "completed" if given.get("conclusion") else given.get("status", check.status)
        check.output = given.get("output", check.output)
        check.completed_at = datetime.now(UTC) if check.status == "completed" else None
        self._world.changed()
        return web.json_response(check_run_json(self._shapes(request), check))

    async def get_check_run(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        return web.json_response(check_run_json(self._shapes(request), self._check(request)))

    async def check_runs(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        shapes = self._shapes(request)
        return page(request, [check_run_json(shapes, check) for check in self._of_ref(request)], key="check_runs")

    async def check_suites(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        shas = {check.head_sha for check in self._of_ref(request)}
        shapes = self._shapes(request)
        return page(request, [shapes.check_suite(sha) for sha in sorted(shas)], key="check_suites")

    def _of_ref(self, request: web.Request) -> list[CheckRun]:
        """:raises Refused: 422 if there is no such commit, branch or tag"""
        ref = request.match_info["ref"]
        heads = {thread.branch: thread.head_sha for thread in self._world.threads.values() if thread.branch}
        sha = (heads | {DEFAULT_BRANCH: BASE_SHA}).get(ref.removeprefix("heads/"), ref)
        if sha not in self._world.commits:
            raise Refused(422, f"No commit found for SHA: {ref}")
        return [check for check in self._world.check_runs.values() if check.head_sha == sha]

    # Workflow runs: every check is one, with one job

    async def workflow_runs(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        sha = request.query.get("head_sha")
        checks = [check for check in self._world.check_runs.values() if sha in {None, check.head_sha}]
        shapes = self._shapes(request)
        return page(request, [shapes.workflow_run(check) for check in checks], key="workflow_runs")

    async def workflow_run(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        return web.json_response(self._shapes(request).workflow_run(self._check(request)))

    async def jobs(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        return page(request, [self._shapes(request).job(self._check(request))], key="jobs")

    async def job(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        return web.json_response(self._shapes(request).job(self._check(request)))

    async def job_logs(self, request: web.Request) -> web.Response:
        """Redirects to a store, which needs no token."""
        self._access.reader(request)
        place = f"{request.url.origin()}{PREFIX}job-logs/{self._check(request).id}"
        return web.Response(status=302, headers={"Location": place})

    async def stored_log(self, request: web.Request) -> web.Response:
        check = self._check(request)
        if check.log is not None:
            return web.Response(text=check.log)
        return web.Response(text=check.output.get("text") or check.output.get("summary") or "")

    def _check(self, request: web.Request) -> CheckRun:
        check = self._world.check_runs.get(number(request, "check_run_id"))
        if check is None:
            raise not_found()
        return check

    def _shapes(self, request: web.Request) -> Shapes:
        return Shapes(self._world, str(request.url.origin()))


_STATUSES = {"queued", "in_progress", "completed", "waiting", "requested", "pending"}
_CONCLUSIONS = {"action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out", None}


def check_state(status: object, conclusion: object) -> None:
    """:raises Refused: if one of them is not one of GitHub's"""
    for field, value, known in (("status", status, _STATUSES), ("conclusion", conclusion, _CONCLUSIONS)):
        if value not in known:
            raise invalid("CheckRun", field, "invalid")


def check_run_json(shapes: Shapes, check: CheckRun) -> dict[str, Any]:
    """The check with the App that created it, which need not be the emulated bot's."""
    document = shapes.check_run(check)
    return document | {"app": document["app"] | {"slug": check.app, "name": check.app}}


def add_check_run(
    world: World,
    name: str,
    head_sha: str,
    *,
    status: str = "queued",
    conclusion: str | None = None,
    output: dict[str, Any] | None = None,
    app: str = APP_SLUG,
    log: str | None = None,
) -> CheckRun:
    """Adds a check.

    :param app: the slug of the App that created it
    :param log: of the job behind it
    :raises Refused: if status or conclusion is not one of GitHub's
    """
    check_state(status, conclusion)
    now = datetime.now(UTC)
    done = conclusion is not None
    check = CheckRun(
        id=world.next_id(),
        name=name,
        head_sha=head_sha,
        status="completed" if done else status,
        conclusion=conclusion,
        started_at=now,
        completed_at=now if done else None,
        output=output or {},
        app=app,
        log=log,
    )
    world.check_runs[check.id] = check
    world.changed()
    return check
