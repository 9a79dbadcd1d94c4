"""The operations other than runs: users, organizations, repositories, pull requests, settings and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field

from bot.emulators.codegen.access import Call, organizations_of, refused
from bot.emulators.codegen.world import ORGANIZATIONS, REPOSITORIES, TRACE_URL, USERS, World
from bot.emulators.operations import operation

ORG = "/v1/organizations/{org_id}"


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


class _Organization(BaseModel):
    org_id: int


class _Provider(_Organization):
    provider: str


class _Repository(BaseModel):
    repo_id: int


@dataclass(frozen=True, slots=True)
class AccountOperations:
    world: World

    # Users and organizations

    @operation("GET /v1/users/me", limit="read")
    def me(self, call: Call) -> dict[str, Any]:
        return _user_json(call.user_id)

    @operation(f"GET {ORG}/users", limit="read")
    def users(self, call: Call) -> dict[str, Any]:
        return call.page([_user_json(user) for user, (_, orgs) in USERS.items() if call.org_id in orgs])

    @operation(f"GET {ORG}/users/{{user_id}}", limit="read")
    def user(self, call: Call) -> dict[str, Any]:
        user_id = call.number("user_id")
        if call.org_id not in USERS.get(user_id, ("", ()))[1]:
            raise refused(404, f"User {user_id} not found.")
        return _user_json(user_id)

    @operation("GET /v1/organizations", limit="read")
    def organizations(self, call: Call) -> dict[str, Any]:
        settings = {"enable_pr_creation": True, "enable_rules_detection": True}
        seen = organizations_of(call.token)
        return call.page([{"id": org, "name": ORGANIZATIONS[org], "settings": settings} for org in seen])

    @operation(f"GET {ORG}/integrations", limit="read")
    def integrations(self, call: Call) -> dict[str, Any]:
        integrations = [
            {"integration_type": "github", "active": True, "token_id": None, "installation_id": 1, "metadata": None},
            {"integration_type": "slack", "active": False, "token_id": None, "installation_id": None, "metadata": None},
        ]
        return {
            "organization_id": call.org_id,
            "organization_name": ORGANIZATIONS[call.org_id],
            "integrations": integrations,
            "total_active_integrations": 1,
        }

    # Repositories and pull requests

    @operation(f"GET {ORG}/repos", limit="read")
    def repositories(self, call: Call) -> dict[str, Any]:
        return call.page([_repository_json(repo) for repo, (org, *_) in REPOSITORIES.items() if org == call.org_id])

    @operation(f"GET {ORG}/repos/check-suite-settings")
    def check_settings(self, call: Call) -> dict[str, Any]:
        defaults = {
            "check_retry_count": 3,
            "ignored_checks": [],
            "check_retry_counts": {},
            "custom_prompts": {},
            "high_priority_apps": [],
            "available_check_suite_names": ["GitHub Actions"],
        }
        repo_id = call.query(_Repository).repo_id
        _check_repository(call, repo_id)
        return defaults | self.world.check_settings.get(repo_id, {})

    @operation(f"PUT {ORG}/repos/check-suite-settings")
    def update_check_settings(self, call: Call) -> dict[str, Any]:
        repo_id = call.query(_Repository).repo_id
        _check_repository(call, repo_id)
        given = call.body(_CheckSuiteSettings).model_dump(exclude_none=True)
        self.world.check_settings.setdefault(repo_id, {}).update(given)
        return {"message": "Check suite settings updated."}

    @operation(f"PATCH {ORG}/prs/{{pr_id}}", limit="edit-pull-request")
    @operation(f"PATCH {ORG}/repos/{{repo_id}}/prs/{{pr_id}}", limit="edit-pull-request")
    def edit_pull_request(self, call: Call) -> dict[str, Any]:
        if "repo_id" in call.request.match_info:
            _check_repository(call, call.number("repo_id"))
        state, pr_id = call.body(_EditPullRequest).state, call.number("pr_id")
        for run in self.world.runs.values():
            for known in run.pull_requests:
                if run.org_id == call.org_id and known["id"] == pr_id:
                    number = int(known["url"].rsplit("/", 1)[1])
                    answer = {"url": known["url"], "number": number, "title": known["title"], "state": state}
                    return {"success": True, "error": None, **answer}
        # The API's description has no 404 here, but a response that reports no success.
        return {"success": False, "error": f"Pull request {pr_id} not found."}

    # Operations that start agents

    @operation(f"POST {ORG}/setup-commands/generate", limit="setup-commands")
    def setup_commands(self, call: Call) -> dict[str, Any]:
        given = call.body(_SetupCommands)
        _check_repository(call, given.repo_id)
        prompt = given.prompt or "Work out the set-up commands."
        source = "SETUP_COMMANDS"
        run = self.world.create(call.org_id, prompt, user_id=call.user_id, source_type=source, repo_id=given.repo_id)
        return {"agent_run_id": run.id, "status": run.status, "url": f"{TRACE_URL}{run.id}"}

    @operation(f"POST {ORG}/sandbox/{{sandbox_id}}/analyze-logs", limit="analyze-logs")
    def analyze_logs(self, call: Call) -> dict[str, Any]:
        prompt = f"Analyse the set-up logs of sandbox {call.number('sandbox_id')}."
        run = self.world.create(call.org_id, prompt, user_id=call.user_id)
        return {"agent_run_id": run.id, "status": run.status, "message": "The analysis has begun."}

    @operation(f"GET {ORG}/cli/rules", limit="cli-rules")
    def cli_rules(self, _: Call) -> dict[str, Any]:
        return {"organization_rules": "Write tests first.", "user_custom_prompt": None}

    # Tokens

    @operation("GET /v1/mcp-providers")
    def mcp_providers(self, _: Call) -> list[dict[str, Any]]:
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
        return [provider]

    @operation("GET /v1/oauth/tokens/status")
    def oauth_status(self, call: Call) -> list[str]:
        call.check_access(call.query(_Organization).org_id)
        return []

    @operation("POST /v1/oauth/tokens/revoke")
    def revoke_oauth(self, call: Call) -> dict[str, Any]:
        call.check_access(call.query(_Provider).org_id)
        return {"message": "revoked"}

    @operation("POST /v1/slack-connect/generate-token")
    def slack_token(self, call: Call) -> dict[str, Any]:
        call.check_access(call.body(_Organization).org_id)
        return {"token": "emulated", "message": "Send it to the app.", "expires_in_minutes": 10}


def _check_repository(call: Call, repo_id: int) -> None:
    """:raises Refused: 404 if the organization has no such repository"""
    if REPOSITORIES.get(repo_id, (0,))[0] != call.org_id:
        raise refused(404, f"Repository {repo_id} not found.")


def _user_json(user_id: int) -> dict[str, Any]:
    login, _ = USERS[user_id]
    is_admin = login in {"alice", "heidi"}
    return {
        "id": user_id,
        "email": f"{login}@example.com",
        "github_user_id": str(1000 + user_id),
        "github_username": login,
        "avatar_url": None,
        "full_name": login.capitalize(),
        "role": "ADMIN" if is_admin else "MEMBER",
        "is_admin": is_admin,
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
