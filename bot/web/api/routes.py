"""All endpoints and streams, in the order in which docs/api.md and `/docs` show them: the server's routes,
`/openapi.json` and the documents are made from these two tables.
"""

from __future__ import annotations

from http import HTTPStatus

from bot.web.api import costs, help_endpoints, multi_runs, organizations, overview, run_diff, runs
from bot.web.api.endpoint import Endpoint, Group, Stream
from bot.web.api.models import LogsStreamQuery

_ORG = "/organizations/{org_id}"
_RUN = f"{_ORG}/agent/run/{{agent_run_id}}"
_MULTI_RUN = f"{_ORG}/multi-run/{{multi_run_id}}"

_QUOTA = (HTTPStatus.PAYMENT_REQUIRED,)
_STATE = (HTTPStatus.CONFLICT,)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(Group.ORGANIZATIONS, f"{_ORG}/users", organizations.get_users, has_etag=True),
    Endpoint(Group.ORGANIZATIONS, f"{_ORG}/users/{{user_id}}", organizations.get_user, has_etag=True),
    Endpoint(Group.ORGANIZATIONS, "/current-user", organizations.get_current_user, has_etag=True),
    Endpoint(Group.ORGANIZATIONS, "/organizations", organizations.get_organizations, has_etag=True),
    Endpoint(Group.ORGANIZATIONS, f"{_ORG}/repos", organizations.get_repositories, has_etag=True),
    Endpoint(
        Group.RUNS,
        f"{_ORG}/agent/run",
        runs.create_agent_run,
        refusals=_QUOTA,
        example_body='{"prompt": "Fix the flaky test."}',
    ),
    Endpoint(Group.RUNS, _RUN, runs.get_agent_run, has_etag=True),
    Endpoint(
        Group.RUNS,
        f"{_ORG}/agent/runs",
        runs.get_agent_runs,
        has_etag=True,
        example_query="?status=complete&sort=-created_at&limit=10",
    ),
    Endpoint(
        Group.RUNS,
        f"{_RUN}/resume",
        runs.resume_agent_run,
        refusals=_QUOTA,
        example_body='{"prompt": "Also update the changelog."}',
    ),
    Endpoint(Group.RUNS, f"{_RUN}/cancel", runs.cancel_run, refusals=_STATE, example_body="{}"),
    Endpoint(
        Group.RUNS,
        f"{_RUN}/ban-all-checks",
        runs.ban_all_checks,
        refusals=_STATE,
        example_body='{"reason": "Too eager."}',
    ),
    Endpoint(Group.RUNS, f"{_RUN}/unban-all-checks", runs.unban_all_checks, refusals=_STATE, example_body="{}"),
    Endpoint(
        Group.RUNS,
        f"{_RUN}/remove-codegen-from-pr",
        runs.remove_codegen_from_pr,
        refusals=_STATE,
        example_body='{"reason": "We do it by hand."}',
    ),
    Endpoint(Group.RUNS, f"{_RUN}/diff", run_diff.get_agent_run_diff, has_etag=True),
    Endpoint(Group.RUNS, f"{_RUN}/logs", runs.get_agent_run_logs, example_query="?limit=20&reverse=true"),
    Endpoint(Group.ORGANIZATIONS, f"{_ORG}/integrations", organizations.get_integrations, has_etag=True),
    Endpoint(
        Group.ANALYSIS,
        "/setup-commands",
        runs.generate_setup_commands,
        refusals=_QUOTA,
        example_body='{"repo_id": 101, "language": "Python"}',
    ),
    Endpoint(
        Group.ANALYSIS,
        "/sandbox/analyze-logs",
        runs.analyze_sandbox_logs,
        refusals=_QUOTA,
        example_body='{"logs": "pip: no matching distribution"}',
    ),
    Endpoint(
        Group.MULTI_RUNS,
        f"{_ORG}/multi-run",
        multi_runs.create_multi_run,
        status=HTTPStatus.ACCEPTED,
        example_query="?wait=true",
        example_body='{"prompt": "Make it fast.", "concurrency": 2}',
    ),
    Endpoint(Group.MULTI_RUNS, _MULTI_RUN, multi_runs.get_multi_run),
    Endpoint(
        Group.MULTI_RUNS, f"{_MULTI_RUN}/keep", multi_runs.keep_attempt, refusals=_STATE, example_body='{"attempt": 1}'
    ),
    Endpoint(Group.STARS, "/starred-runs", organizations.get_starred_runs),
    Endpoint(
        Group.STARS,
        "/starred-runs",
        organizations.star_run,
        refusals=_STATE,
        example_body='{"agent_run_id": 1, "starred": true}',
    ),
    Endpoint(Group.OVERVIEW, f"{_ORG}/overview", overview.get_overview, has_etag=True, example_query="?days=7"),
    Endpoint(Group.OVERVIEW, f"{_ORG}/costs", costs.get_costs, has_etag=True, example_query="?days=7"),
    Endpoint(
        Group.OVERVIEW,
        f"{_ORG}/help",
        help_endpoints.get_help,
        has_etag=True,
        example_query="?repository=octo/shop",
    ),
)

LOGS_STREAM = Stream(
    name="stream_agent_run_logs",
    path=f"{_RUN}/logs/stream",
    summary="A run's log and status, live.",
    query=LogsStreamQuery,
    frames=("status", "log", "end"),
)
MULTI_RUN_STREAM = Stream(
    name="stream_multi_run",
    path=f"{_MULTI_RUN}/stream",
    summary="A multi-run's states, live.",
    frames=("multi_run_status", "end"),
)
STREAMS = (LOGS_STREAM, MULTI_RUN_STREAM)
