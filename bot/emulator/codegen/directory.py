"""The operations other than runs: users, organizations, repositories, pull requests, settings and tokens."""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from bot.emulator.codegen.answers import (
    Limiter,
    Refused,
    body,
    let_in,
    number,
    organization,
    organizations_of,
    page,
    query_number,
    query_text,
    token_of,
    user_of,
)
from bot.emulator.codegen.runs import TRACE_URL
from bot.emulator.codegen.world import ORGANIZATIONS, REPOSITORIES, USERS, World


class _SetupCommands(BaseModel):
    repo_id: int
    prompt: str | None = None
    trigger_source: str = "setup-commands"


class _EditPullRequest(BaseModel):
    state: Literal["open", "closed", "draft", "ready_for_review"]


class _CheckSuiteSettings(BaseModel):
    check_retry_count: int | None = Field(default=None, ge=0, le=10)
    ignored_checks: list[str] | None = None
    check_retry_counts: dict[str, int] | None = None
    custom_prompts: dict[str, str] | None = None
    high_priority_apps: list[str] | None = None


class _SlackToken(BaseModel):
    org_id: int


class DirectoryOperations:
    def __init__(self, world: World, limiter: Limiter) -> None:
        self._world = world
        self._limiter = limiter

    def routes(self) -> list[web.RouteDef]:
        org = "/v1/organizations/{org_id}"
        return [
            web.get("/v1/users/me", self.me),
            web.get(f"{org}/users", self.users),
            web.get(f"{org}/users/{{user_id}}", self.user),
            web.get("/v1/organizations", self.organizations),
            web.get(f"{org}/repos", self.repositories),
            web.get(f"{org}/repos/check-suite-settings", self.check_settings),
            web.put(f"{org}/repos/check-suite-settings", self.update_check_settings),
            web.patch(f"{org}/prs/{{pr_id}}", self.edit_pull_request),
            web.patch(f"{org}/repos/{{repo_id}}/prs/{{pr_id}}", self.edit_pull_request),
            web.get(f"{org}/integrations", self.integrations),
            web.get(f"{org}/cli/rules", self.cli_rules),
            web.post(f"{org}/setup-commands/generate", self.setup_commands),
            web.post(f"{org}/sandbox/{{sandbox_id}}/analyze-logs", self.analyze_logs),
            web.get("/v1/mcp-providers", self.mcp_providers),
            web.get("/v1/oauth/tokens/status", self.oauth_status),
            web.post("/v1/oauth/tokens/revoke", self.revoke_oauth),
            web.post("/v1/slack-connect/generate-token", self.slack_token),
        ]

    # People and organizations

    async def me(self, request: web.Request) -> web.Response:
        return web.json_response(_user_json(user_of(self._read(request))))

    async def users(self, request: web.Request) -> web.Response:
        org_id = organization(request)
        self._read(request)
        return page(request, [_user_json(user) for user, (_, orgs) in USERS.items() if org_id in orgs])

    async def user(self, request: web.Request) -> web.Response:
        org_id = organization(request)
        self._read(request)
        user_id = number(request, "user_id")
        if org_id not in USERS.get(user_id, ("", ()))[1]:
            raise Refused(404, f"User {user_id} not found.")
        return web.json_response(_user_json(user_id))

    async def organizations(self, request: web.Request) -> web.Response:
        seen = organizations_of(self._read(request))
        settings = {"enable_pr_creation": True, "enable_rules_detection": True}
        return page(request, [{"id": org, "name": ORGANIZATIONS[org], "settings": settings} for org in seen])

    async def integrations(self, request: web.Request) -> web.Response:
        org_id = organization(request)
        self._read(request)
        integrations = [
            {"integration_type": "github", "active": True, "token_id": None, "installation_id": 1, "metadata": None},
            {"integration_type": "slack", "active": False, "token_id": None, "installation_id": None, "metadata": None},
        ]
        return web.json_response(
            {
                "organization_id": org_id,
                "organization_name": ORGANIZATIONS[org_id],
                "integrations": integrations,
                "total_active_integrations": 1,
            }
        )

    # Repositories and pull requests

    async def repositories(self, request: web.Request) -> web.Response:
        org_id = organization(request)
        self._read(request)
        return page(request, [_repository_json(repo) for repo, (org, *_) in REPOSITORIES.items() if org == org_id])

    async def check_settings(self, request: web.Request) -> web.Response:
        repo_id = self._repository(request, query_number(request, "repo_id"))
        return web.json_response(self._settings(repo_id))

    async def update_check_settings(self, request: web.Request) -> web.Response:
        repo_id = self._repository(request, query_number(request, "repo_id"))
        given = await body(request, _CheckSuiteSettings)
        self._settings(repo_id).update(given.model_dump(exclude_none=True))
        return web.json_response({"message": "Check suite settings updated."})

    def _repository(self, request: web.Request, repo_id: int) -> int:
        if REPOSITORIES.get(repo_id, (0,))[0] != organization(request):
            raise Refused(404, f"Repository {repo_id} not found.")
        return repo_id

    def _settings(self, repo_id: int) -> dict[str, Any]:
        return self._world.check_settings.setdefault(
            repo_id,
            {
                "check_retry_count": 3,
                "ignored_checks": [],
                "check_retry_counts": {},
                "custom_prompts": {},
                "high_priority_apps": [],
                "available_check_suite_names": ["GitHub Actions"],
            },
        )

    async def edit_pull_request(self, request: web.Request) -> web.Response:
        org_id = organization(request)
        self._limiter.count(token_of(request), "edit-pull-request")
        if "repo_id" in request.match_info:
            self._repository(request, number(request, "repo_id"))
        given = await body(request, _EditPullRequest)
        pr_id = number(request, "pr_id")
        for run in self._world.runs.values():
            for known in run.pull_requests:
                if run.org_id == org_id and known["id"] == pr_id:
                    answer = {
                        "success": True,
                        "url": known["url"],
                        "number": int(known["url"].rsplit("/", 1)[1]),
                        "title": known["title"],
                        "state": given.state,
                        "error": None,
                    }
                    return web.json_response(answer)
        # The API's description has no 404 here, but a response that reports no success.
        return web.json_response({"success": False, "error": f"Pull request {pr_id} not found."})

    # Operations that start agents

    async def setup_commands(self, request: web.Request) -> web.Response:
        org_id = organization(request)
        self._limiter.count(token_of(request), "setup-commands")
        given = await body(request, _SetupCommands)
        self._repository(request, given.repo_id)
        prompt = given.prompt or "Work out the set-up commands."
        run = self._world.create(
            org_id,
            prompt,
            user_id=user_of(token_of(request)),
            source_type="SETUP_COMMANDS",
            repo_id=given.repo_id,
        )
        return web.json_response({"agent_run_id": run.id, "status": run.status, "url": f"{TRACE_URL}{run.id}"})

    async def analyze_logs(self, request: web.Request) -> web.Response:
        org_id = organization(request)
        self._limiter.count(token_of(request), "analyze-logs")
        sandbox_id = number(request, "sandbox_id")
        prompt = f"Analyse the set-up logs of sandbox {sandbox_id}."
        run = self._world.create(org_id, prompt, user_id=user_of(token_of(request)))
        return web.json_response({"agent_run_id": run.id, "status": run.status, "message": "The analysis has begun."})

    async def cli_rules(self, request: web.Request) -> web.Response:
        organization(request)
        self._limiter.count(token_of(request), "cli-rules")
        return web.json_response({"organization_rules": "Write tests first.", "user_custom_prompt": None})

    # Tokens

    async def mcp_providers(self, request: web.Request) -> web.Response:
        token_of(request)
        provider = {
            "id": 1,
            "name": "linear",
            "issuer": "https://linear.example",
            "authorization_endpoint": "https://linear.example/authorize",
            "token_endpoint": "https://linear.example/token",
            "default_scopes": ["read"],
            "is_mcp": True,
            "meta": None,
        }
        return web.json_response([provider])

    async def oauth_status(self, request: web.Request) -> web.Response:
        _organization_asked_for(request)
        return web.json_response([])

    async def revoke_oauth(self, request: web.Request) -> web.Response:
        query_text(request, "provider")
        _organization_asked_for(request)
        return web.json_response({"message": "revoked"})

    async def slack_token(self, request: web.Request) -> web.Response:
        given = await body(request, _SlackToken)
        let_in(request, given.org_id)
        return web.json_response({"token": "emulated", "message": "Send it to the app.", "expires_in_minutes": 10})

    def _read(self, request: web.Request) -> str:
        token = token_of(request)
        self._limiter.count(token, "read")
        return token


def _organization_asked_for(request: web.Request) -> None:
    let_in(request, query_number(request, "org_id"))


def _user_json(user_id: int) -> dict[str, Any]:
    login, _ = USERS[user_id]
    return {
        "id": user_id,
        "email": f"{login}@example.com",
        "github_user_id": str(1000 + user_id),
        "github_username": login,
        "avatar_url": None,
        "full_name": login.capitalize(),
        "role": "ADMIN" if login in {"alice", "heidi"} else "MEMBER",
        "is_admin": login in {"alice", "heidi"},
    }


def _repository_json(repo_id: int) -> dict[str, Any]:
    org_id, full_name, github_id = REPOSITORIES[repo_id]
    return {
        "id": repo_id,
        "name": full_name.split("/")[1],
        "full_name": full_name,
        "description": None,
        "github_id": github_id,
        "organization_id": org_id,
        "visibility": "private",
        "archived": False,
        "setup_status": "COMPLETED",
        "language": "Python",
    }
