"""Prometheus metrics: `MEASURES` declares them, `Metrics` records them.

Every label has few values: unknown values from outside are counted as "other".
https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from enum import Enum
from http import HTTPStatus
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.registry import Collector

from bot import __version__
from bot.errors import ErrorKind, Service
from bot.measures import GITHUB_EVENTS, MEASURES, READ_EVENTS, Measure, MetricType

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

PATIENCE = 2.0
"""Timeout in seconds for values that must be looked up before the metrics are served."""

OTHER = "other"

UNANSWERED = "unanswered"
"""The stage of a command whose final reply GitHub refuses permanently."""

_IN_A_CLASS = re.compile("[1-5][0-9]{2}")
_STATUSES = {str(status.value) for status in HTTPStatus} | {kind.value for kind in ErrorKind}

C = TypeVar("C", bound=Collector)


class DeliveryOutcome(Enum):
    """The outcome of a delivery."""

    TAKEN = "taken"  # it contained at least one command
    IGNORED = "ignored"  # it contained none
    REFUSED = "refused"  # unsigned, malformed, or dropped unread
    FAILED = "failed"  # answered with 5xx, so that GitHub shows it as failed


class Metrics:
    """The counters of one process. It implements `bot.observer.Observer`.

    :param commands: the names that are counted as they are; None: all
    """

    def __init__(self, *, commands: Collection[str] | None = None) -> None:
        self._commands = commands
        self._registry = CollectorRegistry()
        self._made: dict[str, Collector] = {measure.name: self._make(measure) for measure in MEASURES}
        # Finding a counter by its labels costs more than counting, and deliveries are counted most often.
        self._deliveries: dict[tuple[str, DeliveryOutcome], Counter] = {}
        self._before: list[Callable[[], Awaitable[None]]] = []
        ProcessCollector(registry=self._registry)
        self._of("codegen_bot_build", Info).info({"version": __version__})
        self._begin_at_zero()

    # Events

    def delivered(self, event: str, outcome: DeliveryOutcome) -> None:
        """:param event: as in the ``X-GitHub-Event`` header"""
        known = event if event in GITHUB_EVENTS else OTHER
        counter = self._deliveries.get((known, outcome))
        if counter is None:
            counter = self._of("codegen_bot_deliveries_total", Counter).labels(known, outcome.value)
            self._deliveries[known, outcome] = counter
        counter.inc()

    def taken(self, command: str) -> None:
        self._of("codegen_bot_commands_taken_total", Counter).labels(self._command(command)).inc()

    def done(self, command: str, stage: str, seconds: float) -> None:
        """:param seconds: since it was requested"""
        name = self._command(command)
        self._of("codegen_bot_commands_done_total", Counter).labels(name, stage).inc()
        self._of("codegen_bot_command_seconds", Histogram).labels(name).observe(max(seconds, 0.0))

    def called(self, service: Service, operation: str, status: str, seconds: float) -> None:
        known = _known(status)
        self._of("codegen_bot_upstream_calls_total", Counter).labels(_word(service), operation, known).inc()
        self._of("codegen_bot_upstream_call_seconds", Histogram).labels(_word(service), operation).observe(seconds)

    def waited(self, service: Service, limit: str, seconds: float) -> None:
        self._of("codegen_bot_limit_wait_seconds", Histogram).labels(_word(service), limit).observe(seconds)

    def left_out(self) -> None:
        self._of("codegen_bot_progress_edits_dropped_total", Counter).inc()

    def redelivered(self, outcome: str, count: int = 1) -> None:
        """Counts requested redeliveries.

        :param outcome: a word from a short list: ``asked`` or ``refused``
        """
        self._of("codegen_bot_redeliveries_total", Counter).labels(outcome).inc(count)

    def answered(self, method: str, endpoint: str, status: int) -> None:
        """:param endpoint: the route's path, with its placeholders"""
        self._of("codegen_bot_api_requests_total", Counter).labels(method, endpoint, str(status)).inc()

    # Gauges and output

    def watch(self, name: str, value: Callable[[], float]) -> None:
        """Calls `value` for a gauge whenever the metrics are read."""
        self._of(name, Gauge).set_function(value)

    def look_up_before(self, look_up: Callable[[], Awaitable[None]]) -> None:
        """Awaits `look_up`, for at most `PATIENCE`, before the metrics are served."""
        self._before.append(look_up)

    async def shown(self) -> bytes:
        """All metrics as text, after all look-ups."""
        for look_up in self._before:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await look_up()
        return self.render()

    def render(self) -> bytes:
        """All metrics as text, without look-ups."""
        return generate_latest(self._registry)

    def _begin_at_zero(self) -> None:
        """Creates the series that alerts watch: to Prometheus, a series that begins at 1 has not increased."""
        for event in READ_EVENTS:
            self._of("codegen_bot_deliveries_total", Counter).labels(event, DeliveryOutcome.FAILED.value)
        for command in self._commands or ():
            self._of("codegen_bot_commands_done_total", Counter).labels(command, UNANSWERED)
        for operation in ("create_run", "resume_run"):
            self._of("codegen_bot_upstream_calls_total", Counter).labels("codegen", operation, "402")

    def _command(self, name: str) -> str:
        return name if self._commands is None or name in self._commands else OTHER

    def _of(self, name: str, kind: type[C]) -> C:
        made = self._made[name]
        assert isinstance(made, kind)  # noqa: S101 - MEASURES says so
        return made

    def _make(self, measure: Measure) -> Collector:
        name, sentence, labels, registry = measure.name, measure.sentence, measure.labels, self._registry
        match measure.kind:
            case MetricType.COUNTER:
                return Counter(name, sentence, labels, registry=registry)
            case MetricType.GAUGE:
                return Gauge(name, sentence, labels, registry=registry)
            case MetricType.HISTOGRAM:
                return Histogram(name, sentence, labels, registry=registry, buckets=measure.buckets)
            case MetricType.INFO:
                return Info(name, sentence, registry=registry)


def _known(status: str) -> str:
    """The status, or its class: proxies in front of an API have statuses of their own, such as 520."""
    if status in _STATUSES:
        return status
    return f"{status[0]}xx" if _IN_A_CLASS.fullmatch(status) else OTHER


def _word(service: Service) -> str:
    return service.name.lower()
