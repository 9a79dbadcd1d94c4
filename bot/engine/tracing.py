"""Workflows as OpenTelemetry traces, if a collector is configured: one span per workflow and one per step.

DBOS makes the spans. OpenTelemetry is an extra, so nothing of it is imported unless traces are enabled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from dbos import DBOS

from bot import __version__, log
from bot.errors import SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_log = log.get(__name__)

EXPORT_TIMEOUT = 3.0
"""Seconds to send a batch of spans; shutdown waits for the last batch."""

EXPORTED = frozenset(
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


class Tracing:
    """Trace export of one process, to be created once: OpenTelemetry allows one tracer provider per process.

    :param endpoint: where a collector accepts OTLP over HTTP, such as ``http://localhost:4318/v1/traces``
    """

    def __init__(self, endpoint: str, *, executor_id: str) -> None:
        """:raises SettingsError: if the extra is not installed"""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - see the module docstring
                OTLPSpanExporter,
            )
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
            from opentelemetry.trace import set_tracer_provider  # noqa: PLC0415
        except ImportError:
            raise SettingsError(
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, but what sends traces is not installed: "
                "pip install 'codegen-bot[otel]'."
            ) from None
        # It would log headers that it cannot parse, and with them secrets.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        resource = {"service.name": "codegen-bot", "service.version": __version__, "service.instance.id": executor_id}
        self._provider = TracerProvider(resource=Resource.create(resource), shutdown_on_exit=False)
        exporter = RedactingExporter(OTLPSpanExporter(endpoint, timeout=EXPORT_TIMEOUT))
        self._provider.add_span_processor(BatchSpanProcessor(cast("SpanExporter", exporter)))
        set_tracer_provider(self._provider)

    @staticmethod
    def begin() -> None:
        """Enables tracing; call it when DBOS exists, and before it starts a workflow."""
        # Not by DBOS's own setting `enable_otlp`: that imports the log exporter, too, and warns if it is not used.
        DBOS.tracer.otel_attribute_format = "semconv"
        DBOS.tracer.disable_otlp = False

    @staticmethod
    def describe(*, command: str, delivery: str | None) -> None:
        """Adds the command and its delivery to the current workflow's span."""
        if (span := DBOS.span) is None:
            return
        span.set_attribute("codegen_bot.command", command)
        if delivery is not None:
            span.set_attribute("codegen_bot.delivery", delivery)

    async def end(self) -> None:
        """Sends what is left; call it when no workflow runs any more."""
        DBOS.tracer.disable_otlp = True
        await asyncio.to_thread(self._provider.shutdown)


class RedactingExporter:
    """Exports spans with names, times and identities only: error messages may hold anything. It has a `SpanExporter`'s
    methods; as a subclass it would need OpenTelemetry.

    Spans that cannot be sent are lost; an unresponsive collector blocks nothing.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._is_failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export([_redacted(span) for span in spans])
        is_failing = result.name != "SUCCESS"
        if is_failing and not self._is_failing:
            _log.warning("traces.export_failed", spans=len(spans))
        elif self._is_failing and not is_failing:
            _log.info("traces.resent")
        self._is_failing = is_failing
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _redacted(span: ReadableSpan) -> ReadableSpan:
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415 - see the module docstring
    from opentelemetry.trace import Status  # noqa: PLC0415

    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={key: value for key, value in (span.attributes or {}).items() if key in EXPORTED},
        kind=span.kind,
        instrumentation_scope=span.instrumentation_scope,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
    )
