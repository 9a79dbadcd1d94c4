"""What a collector receives of a command, and what it does not."""

from __future__ import annotations

import os
import sys
from asyncio import create_subprocess_exec, timeout
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status, StatusCode

from bot import __version__
from bot.engine.tracing import EXPORTED, RedactingExporter
from bot.execution.outcome import ExitStatus
from tests.chaos.process import Bot
from tests.chaos.user_actions import Outcome, UserAction
from tests.chaos.worlds import both_worlds, settled
from tests.harness import TIMEOUT
from tests.harness.log_lines import lines, logged

ROOT = Path(__file__).parents[2]
UNREACHABLE = "http://127.0.0.1:9/v1/traces"


def a_run() -> UserAction:
    return UserAction("bob", "/codegen run fix the spaghetti", (Outcome("run", "^Finished in", runs=1),))


@dataclass
class Collector:
    """Takes OTLP over HTTP."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[str | None] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.headers.append(request.headers.get("Authorization"))
        return web.Response(content_type="application/x-protobuf")

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def resource(self) -> dict[str, str]:
        (resource,) = ExportTraceServiceRequest.FromString(self.bodies[0]).resource_spans
        return {each.key: each.value.string_value for each in resource.resource.attributes}


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collector = Collector()
    application = web.Application()
    application.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/traces"
    yield collector
    await runner.cleanup()


async def test_command_is_one_trace_without_its_text(collector: Collector, tmp_path: Path) -> None:
    """The workflow and its steps, with their parents; neither a prompt nor a token; the last ones when the server stops."""
    action = a_run()
    async with both_worlds() as worlds:
        bot = Bot(
            worlds,
            tmp_path,
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=collector.url,
            OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20of-the-collector",
        )
        async with bot.reporting(0):
            await bot.start()
            worlds.perform(action)
            await settled(worlds, seconds=TIMEOUT)
            await bot.stop()
    assert action.delivery is not None

    (workflow,) = [span for span in collector.spans if not span.parent_span_id]
    steps = [span for span in collector.spans if span.parent_span_id]
    assert workflow.name == "command"
    assert {"permission", "create-run", "wait"} <= {step.name for step in steps}
    assert {(step.trace_id, step.parent_span_id) for step in steps} == {(workflow.trace_id, workflow.span_id)}
    attributes = {each.key: each.value.string_value for each in workflow.attributes}
    assert action.has_identity(attributes.pop("dbos.operation.workflow_id"))
    assert attributes.pop("dbos.executor.id").startswith("codegen-bot-")
    assert attributes == {
        "dbos.operation.type": "workflow",
        "dbos.application.version": "1",
        "codegen_bot.command": "run",
        "codegen_bot.delivery": action.delivery.guid,
    }
    assert {each.key for step in steps for each in step.attributes} <= EXPORTED
    assert collector.resource["service.name"] == "codegen-bot"
    assert collector.resource["service.version"] == __version__

    assert set(collector.headers) == {"Bearer of-the-collector"}
    sent = b"".join(collector.bodies)
    for word in (b"spaghetti", b"sk-org1", b"bot-token", b"webhook's secret", b"of-the-collector"):
        assert word not in sent
    assert not [line for line in bot.said if "of-the-collector" in line]


async def test_unreachable_collector_delays_nothing(tmp_path: Path) -> None:
    """Logged once, and without the collector's headers: OpenTelemetry's own message would show them."""
    async with both_worlds() as worlds:
        bot = Bot(
            worlds,
            tmp_path,
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=UNREACHABLE,
            OTEL_EXPORTER_OTLP_HEADERS="Bearer of-the-collector",
        )
        async with bot.reporting(0):
            await bot.start()
            worlds.perform(a_run())
            await settled(worlds, seconds=TIMEOUT)
            await bot.stop()
    assert len([line for line in bot.said if "traces.export_failed" in line]) == 1
    assert not [line for line in bot.said if "of-the-collector" in line]
    assert not bot.broken()


async def test_start_reports_missing_extra(tmp_path: Path) -> None:
    (tmp_path / "opentelemetry.py").write_text("raise ModuleNotFoundError\n")
    status, said = await _python("-m", "bot", "serve", path=tmp_path, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=UNREACHABLE)
    assert status == ExitStatus.USAGE
    assert said == (
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, but what sends traces is not installed: "
        "pip install 'codegen-bot[otel]'.\n"
    )


async def test_tracing_is_not_imported_by_default(tmp_path: Path) -> None:
    program = (
        "import sys, bot.app.server; print([each for each in sys.modules if 'opentelemetry' in each], file=sys.stderr)"
    )
    assert await _python("-c", program, path=tmp_path) == (0, "[]\n")


async def _python(*words: str, path: Path, **environment: str) -> tuple[int | None, str]:
    """:returns: its status, and its standard error"""
    process = await create_subprocess_exec(
        sys.executable,
        *words,
        cwd=path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{path}:{ROOT}",
            "CODEGEN_API_TOKEN": "sk-org1-traces",
            "CODEGEN_ORG_ID": "1",
            "GITHUB_TOKEN": "bot-token",
            "GITHUB_WEBHOOK_SECRET": "secret",
            "PORT": "0",
            **environment,
        },
        stderr=PIPE,
    )
    async with timeout(60):
        _, said = await process.communicate()
    return process.returncode, said.decode()


class _Exporter(SpanExporter):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.result = SpanExportResult.SUCCESS

    def export(self, spans: object) -> SpanExportResult:
        assert isinstance(spans, list)
        self.spans += spans
        return self.result


def test_error_texts_are_not_exported() -> None:
    """An exported error has a status, but no text."""
    inner = _Exporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(cast("SpanExporter", RedactingExporter(inner))))
    with provider.get_tracer("test").start_as_current_span("create_run") as span:
        span.set_attributes({"dbos.operation.type": "step", "input": "hunter2"})
        span.add_event("failed", {"error": "hunter2"})
        span.set_status(Status(StatusCode.ERROR, "the token hunter2 is not known"))
    (sent,) = inner.spans
    assert "hunter2" not in sent.to_json()
    assert (sent.name, sent.status.status_code) == ("create_run", StatusCode.ERROR)
    assert sent.attributes == {"dbos.operation.type": "step"}
    assert sent.context == span.get_span_context()


def test_export_failure_and_its_end_are_logged_once() -> None:
    inner = _Exporter()
    exporter = RedactingExporter(inner)
    with logged() as log:
        for result in (
            SpanExportResult.SUCCESS,
            SpanExportResult.FAILURE,
            SpanExportResult.FAILURE,
            SpanExportResult.SUCCESS,
            SpanExportResult.SUCCESS,
        ):
            inner.result = result
            exporter.export([])
    assert [line["event"] for line in lines(log)] == ["traces.export_failed", "traces.resent"]
