"""The routes of Codegen's API, as an application to serve alone or to mount at ``/v1``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bot import log
from bot.agents.api import accounts, checks, repositories, runs
from bot.agents.api.access import AgentsApi, Call, RefusedError, authenticate, check_organization, path_id, refused
from bot.errors import Service, StoreError, UpstreamError

_log = log.get(__name__)

PREFIX = "/v1"

Operation = Callable[[Call], Awaitable[Any]]

_ORG = "/organizations/{org_id}"
_RUN = f"{_ORG}/agent/run"

OPERATIONS: tuple[tuple[str, str, Operation], ...] = (
    ("POST", _RUN, runs.create),
    ("GET", f"{_RUN}/{{agent_run_id}}", runs.get),
    ("GET", f"{_ORG}/agent/runs", runs.get_all),
    ("GET", f"{_ORG}/agent/costs", runs.costs),
    ("GET", f"{_ORG}/agent/checks", checks.head),
    ("POST", f"{_ORG}/agent/checks/rounds", checks.claim),
    ("POST", f"{_RUN}/resume", runs.resume),
    ("POST", f"{_RUN}/ban", runs.ban),
    ("POST", f"{_RUN}/unban", runs.unban),
    ("POST", f"{_RUN}/remove-from-pr", runs.remove_from_pr),
    ("POST", f"{_RUN}/cancel", runs.cancel),
    ("GET", f"/alpha{_RUN}/{{agent_run_id}}/logs", runs.logs),
    ("GET", f"{_RUN}/{{agent_run_id}}/logs", runs.logs),
    ("POST", f"{_ORG}/setup-commands/generate", runs.generate_setup_commands),
    ("POST", f"{_ORG}/sandbox/{{sandbox_id}}/analyze-logs", runs.analyze_logs),
    ("GET", "/users/me", accounts.me),
    ("GET", f"{_ORG}/users", accounts.users),
    ("GET", f"{_ORG}/users/{{user_id}}", accounts.user),
    ("GET", "/organizations", accounts.organizations),
    ("GET", f"{_ORG}/integrations", accounts.integrations),
    ("GET", f"{_ORG}/cli/rules", accounts.cli_rules),
    ("GET", "/mcp-providers", accounts.mcp_providers),
    ("GET", "/oauth/tokens/status", accounts.oauth_status),
    ("POST", "/oauth/tokens/revoke", accounts.revoke_oauth),
    ("GET", f"{_ORG}/repos", repositories.repositories),
    ("GET", f"{_ORG}/repos/check-suite-settings", repositories.check_settings),
    ("PUT", f"{_ORG}/repos/check-suite-settings", repositories.change_check_settings),
    ("PATCH", f"{_ORG}/prs/{{pr_id}}", repositories.edit_pull_request),
    ("PATCH", f"{_ORG}/repos/{{repo_id}}/prs/{{pr_id}}", repositories.edit_pull_request),
)
"""Method, path below ``/v1``, operation. Slack's token is the one operation of Codegen's that is missing."""


def application(api: AgentsApi) -> web.Application:
    """Codegen's API at ``/v1``, and nothing else."""
    root = web.Application()
    mount(root, api)
    return root


def mount(root: web.Application, api: AgentsApi) -> None:
    """Adds Codegen's API to another application, at ``/v1``."""
    mounted = web.Application(middlewares=[_answer_errors])
    mounted.add_routes([web.route(method, path, _handler(api, operation)) for method, path, operation in OPERATIONS])
    mounted.router.add_route("*", "/{path:.*}", _no_operation)
    root.add_subapp(PREFIX, mounted)


def _handler(api: AgentsApi, operation: Operation) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        caller = await authenticate(api, request)
        if "org_id" in request.match_info:
            check_organization(path_id(request, "org_id"))
        return web.json_response(await operation(Call(api, request, caller)))

    return handle


async def _no_operation(request: web.Request) -> web.StreamResponse:
    message = f"There is no operation {request.method} {request.path[:200]}."
    raise refused(HTTPStatus.NOT_FOUND, message)


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers errors as Codegen's API does."""
    try:
        return await handler(request)
    except RefusedError as error:
        return web.json_response(error.document, status=error.status, headers=error.headers)
    except StoreError as error:
        _log.warning("agents.store_failed", path=request.path, reason=str(error))
        return _error(HTTPStatus.SERVICE_UNAVAILABLE, "The database does not answer. Try again later.")
    except UpstreamError as error:
        if error.service is Service.CODEGEN:
            _log.warning("agents.codegen_failed", path=request.path, reason=str(error))
            return _of_codegen(error)
        _log.warning("agents.github_failed", path=request.path, reason=str(error))
        return _error(
            HTTPStatus.SERVICE_UNAVAILABLE, f"GitHub could not be asked ({error.kind.value}). Try again later."
        )
    except web.HTTPException:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, the client gets an answer, and the log the reason
        _log.exception("agents.request_failed", path=request.path)
        return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "The server failed; its log says why.")


def _of_codegen(error: UpstreamError) -> web.Response:
    """What Codegen answered to a request that was passed on."""
    is_refusal = error.status is not None and error.status // 100 == HTTPStatus.BAD_REQUEST // 100
    status = HTTPStatus(error.status or 0) if is_refusal else HTTPStatus.SERVICE_UNAVAILABLE
    return _error(status, error.detail or f"Codegen did not do it ({error.kind.value}).")


def _error(status: HTTPStatus, message: str) -> web.Response:
    return web.json_response({"message": message, "status_code": int(status)}, status=status)
