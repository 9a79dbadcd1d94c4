"""What a collector hears of a command, and what it does not."""

from __future__ import annotations

import os
import sys
from asyncio import create_subprocess_exec, timeout
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status, StatusCode

from bot import __version__
from bot.engine.collector import TOLD, Discreet
from bot.outcome import ExitStatus
from tests.chaos.asks import Ask, Outcome
from tests.chaos.process import Bot
from tests.chaos.worlds import both_worlds, settled
from tests.log_lines import lines, logged

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9/v1/traces"


def a_run() -> Ask:
    return Ask("bob", "/codegen run fix the spaghetti", (Outcome("run", "^Finished in", runs=1),))


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
    heard = Collector()
    application = web.Application()
    application.router.add_post("/v1/traces", heard.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    heard.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/traces"
    yield heard
    await runner.cleanup()


async def test_a_command_is_one_trace_without_its_words(collector: Collector, tmp_path: Path) -> None:
    """The workflow and its steps, with whose they are; neither a prompt nor a token, and the last ones at the stop."""
    ask = a_run()
    async with both_worlds() as worlds:
        bot = Bot(
            worlds,
            tmp_path,
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=collector.url,
            OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20of-the-collector",
        )
        async with bot.telling(0):
            await bot.start()
            worlds.ask(ask)
            await settled(worlds, seconds=30)
            await bot.stop()
    assert ask.delivery is not None

    (workflow,) = [span for span in collector.spans if not span.parent_span_id]
    steps = [span for span in collector.spans if span.parent_span_id]
    assert workflow.name == "command"
    assert {"permission", "create-run", "wait"} <= {step.name for step in steps}
    assert {(step.trace_id, step.parent_span_id) for step in steps} == {(workflow.trace_id, workflow.span_id)}
    told = {each.key: each.value.string_value for each in workflow.attributes}
    assert ask.is_named_by(told.pop("dbos.operation.workflow_id"))
    assert told.pop("dbos.executor.id").startswith("codegen-bot-")
    assert told == {
        "dbos.operation.type": "workflow",
        "dbos.application.version": "1",
        "codegen_bot.command": "run",
        "codegen_bot.delivery": ask.delivery.guid,
    }
    assert {each.key for step in steps for each in step.attributes} <= TOLD
    assert collector.resource["service.name"] == "codegen-bot"
    assert collector.resource["service.version"] == __version__

    assert set(collector.headers) == {"Bearer of-the-collector"}
    sent = b"".join(collector.bodies)
    for word in (b"spaghetti", b"sk-org1", b"bot-token", b"webhook's secret", b"of-the-collector"):
        assert word not in sent
    assert not [line for line in bot.said if "of-the-collector" in line]


async def test_a_collector_that_is_not_there_holds_nothing_up(tmp_path: Path) -> None:
    """It is told once, and without the collector's headers: OpenTelemetry's own words would show them."""
    async with both_worlds() as worlds:
        bot = Bot(
            worlds,
            tmp_path,
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=NOBODY,
            OTEL_EXPORTER_OTLP_HEADERS="Bearer of-the-collector",
        )
        async with bot.telling(0):
            await bot.start()
            worlds.ask(a_run())
            await settled(worlds, seconds=30)
            await bot.stop()
    assert len([line for line in bot.said if "traces.export_failed" in line]) == 1
    assert not [line for line in bot.said if "of-the-collector" in line]
    assert not bot.broken()


async def test_a_missing_extra_is_told_at_start(tmp_path: Path) -> None:
    (tmp_path / "opentelemetry.py").write_text("raise ModuleNotFoundError\n")
    status, said = await _python("-m", "bot", "serve", path=tmp_path, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=NOBODY)
    assert status == ExitStatus.USAGE
    assert said == (
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, but what sends traces is not installed: "
        "pip install 'codegen-bot[otel]'.\n"
    )


async def test_whoever_wants_no_traces_pays_nothing(tmp_path: Path) -> None:
    program = (
        "import sys, bot.app.server; print([each for each in sys.modules if 'opentelemetry' in each], file=sys.stderr)"
    )
    assert await _python("-c", program, path=tmp_path) == (0, "[]\n")


async def _python(*words: str, path: Path, **environment: str) -> tuple[int | None, str]:
    """:returns: its status, and what it said on the standard error"""
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


class _Kept(SpanExporter):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.result = SpanExportResult.SUCCESS

    def export(self, spans: object) -> SpanExportResult:
        assert isinstance(spans, list)
        self.spans += spans
        return self.result


def test_an_errors_words_stay_here() -> None:
    """Of an error it is told that it was one."""
    kept = _Kept()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Discreet(kept)))
    with provider.get_tracer("test").start_as_current_span("create_run") as span:
        span.set_attributes({"dbos.operation.type": "step", "input": "hunter2"})
        span.add_event("failed", {"error": "hunter2"})
        span.set_status(Status(StatusCode.ERROR, "the token hunter2 is not known"))
    (sent,) = kept.spans
    assert "hunter2" not in sent.to_json()
    assert (sent.name, sent.status.status_code) == ("create_run", StatusCode.ERROR)
    assert sent.attributes == {"dbos.operation.type": "step"}
    assert sent.context == span.get_span_context()


def test_that_nothing_can_be_sent_is_reported_once_and_so_is_its_end() -> None:
    kept = _Kept()
    discreet = Discreet(kept)
    with logged() as log:
        for result in (
            SpanExportResult.SUCCESS,
            SpanExportResult.FAILURE,
            SpanExportResult.FAILURE,
            SpanExportResult.SUCCESS,
            SpanExportResult.SUCCESS,
        ):
            kept.result = result
            discreet.export([])
    assert [line["event"] for line in lines(log)] == ["traces.export_failed", "traces.resent"]
