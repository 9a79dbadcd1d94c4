"""Prometheus metrics of one process. Tests compare `docs/metrics.md` and `deploy/` with them.

Every label has few values: unknown values from outside are counted as "other".
https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from enum import Enum
from functools import partial
from http import HTTPStatus

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest

from bot import __version__
from bot.errors import ErrorKind, Service
from bot.observer import Observer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

LOOK_UP_TIMEOUT = 2.0
"""Seconds for each look-up before the metrics are served."""

OTHER = "other"

UNANSWERED = "unanswered"
"""The stage of a command whose final reply GitHub refuses permanently."""

READ_EVENTS = ("issue_comment", "pull_request_review_comment", "pull_request_review", "issues", "pull_request")
"""The events that can contain a command."""

CHECK_EVENTS = ("check_suite",)
"""The events that a server with agents of its own reads besides, to have failed checks fixed."""

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

_IN_A_CLASS = re.compile("[1-5][0-9]{2}")
_STATUSES = {str(status.value) for status in HTTPStatus} | {kind.value for kind in ErrorKind}

_CALLS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_WAITS = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 3600.0)
_COMMANDS = (1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0)


class DeliveryOutcome(Enum):
    """The outcome of a delivery."""

    TAKEN = "taken"  # it contained at least one command
    IGNORED = "ignored"  # it contained none
    REFUSED = "refused"  # unsigned, malformed, or dropped unread
    FAILED = "failed"  # answered with 5xx, so that GitHub shows it as failed


class Metrics(Observer):
    """Counters and gauges. The gauges are public: whoever knows the value calls ``set_function``.

    :param commands: the names that are counted as they are; None: all
    """

    def __init__(self, *, commands: Collection[str] | None = None) -> None:
        self._commands = commands
        self.registry = CollectorRegistry()
        self._look_ups: list[Callable[[], Awaitable[None]]] = []
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        self._deliveries = counter(
            "codegen_bot_deliveries_total",
            "Webhook deliveries by event and outcome: taken, ignored, refused (unsigned, malformed or dropped "
            "unread) or failed (5xx).",
            ("event", "outcome"),
        )
        self._commands_taken = counter("codegen_bot_commands_taken_total", "Commands accepted.", ("command",))
        self._commands_done = counter(
            "codegen_bot_commands_done_total",
            "Commands executed, by outcome: finished, failed, refused, or unanswered if the reply could not be posted.",
            ("command", "stage"),
        )
        self._command_seconds = histogram(
            "codegen_bot_command_seconds",
            "From a command's request to its final reply.",
            ("command",),
            buckets=_COMMANDS,
        )
        self.commands_in_progress = gauge(
            "codegen_bot_commands_in_progress", "Commands that this process is executing."
        )
        self.queue_depth = gauge("codegen_bot_queue_depth", "Waiting commands of all processes; NaN: unknown.")
        self.queue_oldest = gauge(
            "codegen_bot_queue_oldest_seconds", "How long the oldest of them has waited; NaN: unknown."
        )
        self._redeliveries = counter(
            "codegen_bot_redeliveries_total",
            "Requests for redelivery of missed deliveries: asked, or refused by GitHub.",
            ("outcome",),
        )
        self._calls = counter(
            "codegen_bot_upstream_calls_total",
            "Requests to Codegen and GitHub. Without a complete response, and for a rate limit with status 403, the "
            "status is the kind of failure: network, rate-limited.",
            ("service", "operation", "status"),
        )
        self._call_seconds = histogram(
            "codegen_bot_upstream_call_seconds",
            "The duration of these requests.",
            ("service", "operation"),
            buckets=_CALLS,
        )
        self._limit_waits = histogram(
            "codegen_bot_limit_wait_seconds",
            "Waits for a rate limit, each counted when it is over. GitHub's are content (writes) and "
            "requests (a pause that GitHub requested).",
            ("service", "limit"),
            buckets=_WAITS,
        )
        self._edits_dropped = counter(
            "codegen_bot_progress_edits_dropped_total",
            "Progress edits dropped to keep room in GitHub's limit of writes.",
        )
        self.runs_watched = gauge(
            "codegen_bot_runs_watched", "Agent runs in progress that commands of this process wait for."
        )
        self.watcher_lag = gauge(
            "codegen_bot_watcher_lag_seconds",
            "Time since the watched runs were last polled successfully; 0 while there are none.",
        )
        self.streams_open = gauge("codegen_bot_streams_open", "Open live streams.")
        self._api_requests = counter(
            "codegen_bot_api_requests_total",
            "Requests to the HTTP API, including streams.",
            ("method", "endpoint", "status"),
        )
        self.agent_turns_queued = gauge(
            "codegen_bot_agent_turns_queued", "Waiting turns of agents of your own, of all processes; NaN: unknown."
        )
        self.agent_turns_running = gauge(
            "codegen_bot_agent_turns_running", "Turns that all workers together are running; NaN: unknown."
        )
        self.agent_turns_oldest = gauge(
            "codegen_bot_agent_turns_oldest_seconds", "How long the oldest turn has waited; NaN: unknown."
        )
        self._agent_turns = counter(
            "codegen_bot_agent_turns_ended_total",
            "Turns that this process' worker has ended, by agent and by the status that the run has since.",
            ("agent", "status"),
        )
        self._agent_tokens = counter(
            "codegen_bot_agent_tokens_total",
            "Tokens of these turns, as far as the agents report them: input or output.",
            ("agent", "kind"),
        )
        self._agent_cost = counter(
            "codegen_bot_agent_cost_dollars_total",
            "What the models of these turns cost in US dollars, by the agents' reports or the price table.",
            ("agent",),
        )
        self._agent_incidents = counter(
            "codegen_bot_agent_incidents_total",
            "Incidents in turns of this process' worker: taken-over (the worker before had vanished), given-up (three "
            "had), egress-refused (a host that the agents file does not allow), sandbox-failed, limit-exceeded.",
            ("agent", "incident"),
        )
        Info("codegen_bot_build", "The running version.", registry=self.registry).info({"version": __version__})
        ProcessCollector(registry=self.registry)
        self._begin_at_zero()

    # Events

    def delivered(self, event: str, outcome: DeliveryOutcome) -> None:
        """:param event: as in the ``X-GitHub-Event`` header"""
        self._deliveries.labels(event if event in GITHUB_EVENTS else OTHER, outcome.value).inc()

    def taken(self, command: str) -> None:
        self._commands_taken.labels(self._command(command)).inc()

    def done(self, command: str, stage: str, seconds: float) -> None:
        """:param seconds: since it was requested"""
        name = self._command(command)
        self._commands_done.labels(name, stage).inc()
        self._command_seconds.labels(name).observe(max(seconds, 0.0))

    def called(self, service: Service, operation: str, status: str, seconds: float) -> None:
        self._calls.labels(service.name.lower(), operation, _known(status)).inc()
        self._call_seconds.labels(service.name.lower(), operation).observe(seconds)

    def waited(self, service: Service, limit: str, seconds: float) -> None:
        self._limit_waits.labels(service.name.lower(), limit).observe(seconds)

    def edit_dropped(self) -> None:
        self._edits_dropped.inc()

    def redelivered(self, outcome: str, count: int = 1) -> None:
        """Counts requested redeliveries.

        :param outcome: ``asked`` or ``refused``
        """
        self._redeliveries.labels(outcome).inc(count)

    def turn_ended(
        self, agent: str, status: str, *, input_tokens: int | None, output_tokens: int | None, cost: float | None
    ) -> None:
        """Counts a turn of an agent of one's own, and what it used; None: it is not known.

        :param agent: a configured one
        :param status: one of Codegen's
        """
        self._agent_turns.labels(agent, status.lower()).inc()
        for kind, tokens in (("input", input_tokens), ("output", output_tokens)):
            self._agent_tokens.labels(agent, kind).inc(max(tokens or 0, 0))
        self._agent_cost.labels(agent).inc(max(cost or 0.0, 0.0))

    def expect_agents(self, agents: Iterable[str], incidents: Iterable[str]) -> None:
        """Lets each of these series begin at 0."""
        for agent, incident in itertools.product(agents, incidents):
            self._agent_incidents.labels(agent, incident)

    def turn_incident(self, agent: str, incident: str) -> None:
        """:param incident: one of `bot.agents.model.Incident`"""
        self._agent_incidents.labels(agent, incident).inc()

    def answered(self, method: str, endpoint: str, status: int) -> None:
        """:param endpoint: the route's path, with its placeholders"""
        self._api_requests.labels(method, endpoint, str(status)).inc()

    # Output

    def look_up_before(self, look_up: Callable[[], Awaitable[None]]) -> None:
        """Awaits `look_up`, for at most `LOOK_UP_TIMEOUT`, before the metrics are served."""
        self._look_ups.append(look_up)

    async def shown(self) -> bytes:
        """All metrics as text, after all look-ups."""
        for look_up in self._look_ups:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_UP_TIMEOUT):
                    await look_up()
        return self.render()

    def render(self) -> bytes:
        """All metrics as text, without look-ups."""
        return generate_latest(self.registry)

    def _begin_at_zero(self) -> None:
        """Creates the series that alerts watch: to Prometheus, a series that begins at 1 has not increased."""
        for event in READ_EVENTS:
            self._deliveries.labels(event, DeliveryOutcome.FAILED.value)
        for command in self._commands or ():
            self._commands_done.labels(command, UNANSWERED)
        for operation in ("create_run", "resume_run"):
            self._calls.labels("codegen", operation, "402")

    def _command(self, name: str) -> str:
        return name if self._commands is None or name in self._commands else OTHER


def _known(status: str) -> str:
    """The status, or its class: proxies in front of an API have statuses of their own, such as 520."""
    if status in _STATUSES:
        return status
    return f"{status[0]}xx" if _IN_A_CLASS.fullmatch(status) else OTHER
