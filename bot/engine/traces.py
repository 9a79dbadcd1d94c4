"""Workflows as OpenTelemetry traces, if a collector is configured: one span per workflow and one per step.

DBOS makes the spans. OpenTelemetry is an extra, so nothing of it is imported unless traces are enabled.
"""

from __future__ import annotations

import asyncio

from dbos import DBOS

from bot.errors import SettingsError


class Traces:
    """Trace export of one process, to be created once.

    :param endpoint: where a collector accepts OTLP over HTTP, such as ``http://localhost:4318/v1/traces``
    """

    def __init__(self, endpoint: str, *, executor_id: str) -> None:
        """:raises SettingsError: if the extra is not installed"""
        try:
            from bot.engine.collector import start_sending  # noqa: PLC0415 - see the module docstring
        except ImportError:
            raise SettingsError(
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, but what sends traces is not installed: "
                "pip install 'codegen-bot[otel]'."
            ) from None
        self._provider = start_sending(endpoint, executor_id=executor_id)

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
