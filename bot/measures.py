"""The list of metrics: names, labels and meanings. Tests compare `docs/metrics.md` and `deploy/` with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MetricType(StrEnum):
    """Prometheus' metric types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric.

    :param name: of a counter with its ``_total``, of an info without its ``_info``
    :param buckets: a histogram's upper bounds
    """

    name: str
    kind: MetricType
    sentence: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def shown_name(self) -> str:
        return f"{self.name}_info" if self.kind is MetricType.INFO else self.name


_CALLS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_WAITS = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 3600.0)
_COMMANDS = (1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0)

MEASURES = (
    Measure(
        "codegen_bot_deliveries_total",
        MetricType.COUNTER,
        "Webhook deliveries by event and by what came of them: taken, ignored, refused (unsigned, malformed or dropped "
        "unread) or failed (5xx).",
        ("event", "outcome"),
    ),
    Measure("codegen_bot_commands_taken_total", MetricType.COUNTER, "Commands taken.", ("command",)),
    Measure(
        "codegen_bot_commands_done_total",
        MetricType.COUNTER,
        "Commands carried out, by how they ended: finished, failed, refused, or unanswered where nobody could be told.",
        ("command", "stage"),
    ),
    Measure(
        "codegen_bot_command_seconds",
        MetricType.HISTOGRAM,
        "From a command's being asked for to its last word.",
        ("command",),
        _COMMANDS,
    ),
    Measure("codegen_bot_commands_in_progress", MetricType.GAUGE, "Commands that this process is carrying out."),
    Measure(
        "codegen_bot_queue_depth",
        MetricType.GAUGE,
        "Commands that wait for their turn, of all processes; NaN: unknown.",
    ),
    Measure(
        "codegen_bot_queue_oldest_seconds",
        MetricType.GAUGE,
        "How long the first of them has waited; NaN: unknown.",
    ),
    Measure(
        "codegen_bot_redeliveries_total",
        MetricType.COUNTER,
        "Missed deliveries that GitHub was asked for again: asked, or refused by GitHub.",
        ("outcome",),
    ),
    Measure(
        "codegen_bot_upstream_calls_total",
        MetricType.COUNTER,
        "Requests to Codegen and GitHub. Without a whole answer, and for a limit told by 403, the status is the kind "
        "of failure: network, rate-limited.",
        ("service", "operation", "status"),
    ),
    Measure(
        "codegen_bot_upstream_call_seconds",
        MetricType.HISTOGRAM,
        "How long they took.",
        ("service", "operation"),
        _CALLS,
    ),
    Measure(
        "codegen_bot_limit_wait_seconds",
        MetricType.HISTOGRAM,
        "Waits for a rate limit, each when it is over. GitHub's are content (writes) and requests (it said to wait).",
        ("service", "limit"),
        _WAITS,
    ),
    Measure(
        "codegen_bot_progress_edits_dropped_total",
        MetricType.COUNTER,
        "Progress edits left out because GitHub's limit of writes had no room to spare.",
    ),
    Measure(
        "codegen_bot_runs_watched", MetricType.GAUGE, "Agent runs in progress that commands of this process wait for."
    ),
    Measure(
        "codegen_bot_watcher_lag_seconds",
        MetricType.GAUGE,
        "Since the watched runs were last seen; 0 while none is waited for.",
    ),
    Measure("codegen_bot_streams_open", MetricType.GAUGE, "Open live streams."),
    Measure(
        "codegen_bot_api_requests_total",
        MetricType.COUNTER,
        "Requests to the HTTP API, streams too.",
        ("method", "endpoint", "status"),
    ),
    Measure("codegen_bot_build", MetricType.INFO, "The version that runs.", ("version",)),
)

GITHUB_EVENTS = frozenset(
    """
    branch_protection_configuration branch_protection_rule check_run check_suite code_scanning_alert commit_comment
    create custom_property custom_property_values delete dependabot_alert deploy_key deployment
    deployment_protection_rule deployment_review deployment_status discussion discussion_comment fork
    github_app_authorization gollum installation installation_repositories installation_target issue_comment
    issue_dependencies issues label marketplace_purchase member membership merge_group meta milestone org_block
    organization package page_build personal_access_token_request ping project project_card project_column projects_v2
    projects_v2_item projects_v2_status_update public pull_request pull_request_review pull_request_review_comment
    pull_request_review_thread push registry_package release repository repository_advisory repository_dispatch
    repository_import repository_ruleset repository_vulnerability_alert secret_scanning_alert
    secret_scanning_alert_location secret_scanning_scan security_advisory security_and_analysis sponsorship star status
    sub_issues team team_add watch workflow_dispatch workflow_job workflow_run
    """.split()  # noqa: SIM905 - eighty lines as a list
)
"""The values of the ``X-GitHub-Event`` header (https://docs.github.com/en/webhooks/webhook-events-and-payloads)."""

READ_EVENTS = ("issue_comment", "pull_request_review_comment", "pull_request_review", "issues", "pull_request")
"""Those that can contain a command."""
