"""Stories as OpenTelemetry traces, where a collector is named: one span for each story, one for each of its steps.

DBOS makes the spans. Nothing of OpenTelemetry is imported before somebody asks for it: it is an extra.
"""

from __future__ import annotations

import asyncio

from dbos import DBOS

from bot.errors import SettingsError


class Traces:
    """Of one process, once in its life.

    :param endpoint: where a collector takes OTLP over HTTP, such as ``http://localhost:4318/v1/traces``
    """

    def __init__(self, endpoint: str, *, executor_id: str) -> None:
        """:raises SettingsError: where the extra is not installed"""
        try:
            from bot.engine.collector import start_sending  # noqa: PLC0415 - see the module's first words
        except ImportError:
            raise SettingsError(
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, but what sends traces is not installed: "
                "pip install 'codegen-bot[otel]'."
            ) from None
        self._provider = start_sending(endpoint, executor_id=executor_id)

    @staticmethod
    def begin() -> None:
        """To be called when DBOS is there, and before it begins a story."""
        # Not by DBOS's own setting `enable_otlp`: that imports what sends logs, too, and complains when nobody uses it.
        DBOS.tracer.otel_attribute_format = "semconv"
        DBOS.tracer.disable_otlp = False

    @staticmethod
    def describe(*, command: str, delivery: str | None) -> None:
        """Says what the story that is just being told is about."""
        if (span := DBOS.span) is None:
            return
        span.set_attribute("codegen_bot.command", command)
        if delivery is not None:
            span.set_attribute("codegen_bot.delivery", delivery)

    async def end(self) -> None:
        """Sends what is left; to be called when no story is told any more."""
        DBOS.tracer.disable_otlp = True
        await asyncio.to_thread(self._provider.shutdown)
