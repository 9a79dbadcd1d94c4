"""Exports spans to a collector. It imports OpenTelemetry, which is an extra: only `traces` imports this module."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status, set_tracer_provider

from bot import __version__, log

_log = log.get(__name__)

TIMEOUT = 3.0
"""Seconds to send a batch of spans; shutdown waits for the last batch."""

TOLD = frozenset(
    {
        "dbos.application.version",
        "dbos.executor.id",
        "dbos.operation.type",
        "dbos.operation.workflow_id",
        "codegen_bot.command",
        "codegen_bot.delivery",
    }
)
"""The attributes that leave the process. Any that a later version of DBOS adds are dropped."""


def start_sending(endpoint: str, *, executor_id: str) -> TracerProvider:
    """Sends the process' spans to the endpoint from now on. OpenTelemetry allows one tracer provider per process."""
    # It would log headers that it cannot parse, and with them secrets.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    resource = {"service.name": "codegen-bot", "service.version": __version__, "service.instance.id": executor_id}
    provider = TracerProvider(resource=Resource.create(resource), shutdown_on_exit=False)
    sender = Discreet(OTLPSpanExporter(endpoint, timeout=TIMEOUT))
    provider.add_span_processor(BatchSpanProcessor(sender))
    set_tracer_provider(provider)
    return provider


class Discreet(SpanExporter):
    """Exports spans with names, times and identities only: error messages may hold anything and are dropped.

    Spans that cannot be sent are lost; an unresponsive collector blocks nothing.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export([_without_words(span) for span in spans])
        failing = result is not SpanExportResult.SUCCESS
        if failing and not self._failing:
            _log.warning("traces.export_failed", spans=len(spans))
        elif self._failing and not failing:
            _log.info("traces.resent")
        self._failing = failing
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _without_words(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={key: value for key, value in (span.attributes or {}).items() if key in TOLD},
        kind=span.kind,
        instrumentation_scope=span.instrumentation_scope,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
    )
