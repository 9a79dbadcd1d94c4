"""What can go wrong between the bot and Codegen, and what the bot makes of it."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
import structlog

from bot.codegen.client import Codegen
from bot.codegen.models import CheckSuiteChange
from bot.codegen.transport import DETAIL_LIMIT
from bot.emulators.codegen import CodegenEmulator
from bot.errors import ErrorKind, UpstreamError, from_json, to_json
from bot.upstream import RETRY_DELAYS
from tests.codegen.conftest import TOKEN
from tests.codegen.wire import Wire, client_on, no, ok
from tests.harness.clock import Clock
from tests.text.redaction.secret_table import TOKENS

Call = Callable[[Codegen], Awaitable[object]]

ONCE: dict[str, Call] = {
    "create_run": lambda codegen: codegen.create_run("Hello"),
    "resume_run": lambda codegen: codegen.resume_run(1, "More"),
    "generate_setup_commands": lambda codegen: codegen.generate_setup_commands(101),
    "analyze_sandbox_logs": lambda codegen: codegen.analyze_sandbox_logs(7),
}
"""What must not be sent twice."""

REPEATABLE: dict[str, Call] = {
    "run": lambda codegen: codegen.run(1),
    "runs_page": lambda codegen: codegen.runs_page(1),
    "runs_slice": lambda codegen: codegen.runs_slice(skip=0, limit=10),
    "logs_page": lambda codegen: codegen.logs_page(1),
    "me": lambda codegen: codegen.me(),
    "ban_checks": lambda codegen: codegen.ban_checks(1),
    "unban_checks": lambda codegen: codegen.unban_checks(1),
    "remove_from_pr": lambda codegen: codegen.remove_from_pr(1),
    "update_check_suite_settings": lambda codegen: codegen.update_check_suite_settings(101, CheckSuiteChange()),
    "edit_pull_request": lambda codegen: codegen.edit_pull_request(9001, "draft"),
}

READ, CREATE = REPEATABLE["run"], ONCE["create_run"]
TRIES = len(RETRY_DELAYS) + 1


@pytest.fixture
def wire(clock: Clock) -> Wire:
    return Wire(clock)


@pytest.fixture
async def codegen_on_wire(wire: Wire) -> AsyncIterator[Codegen]:
    async with client_on(wire) as codegen:
        yield codegen


async def failure(codegen: Codegen, call: Call) -> UpstreamError:
    """The error, which survives all that the engine does with it, and does not hold the token."""
    with pytest.raises(UpstreamError) as caught:
        await call(codegen)
    error = caught.value
    assert TOKEN not in repr(error.args) + str(error)
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - what the engine does with it
    written = from_json(json.loads(json.dumps(to_json(error), allow_nan=False)))
    assert copied.args == written.args == error.args
    assert type(written) is UpstreamError
    return error


REFUSALS = [
    (400, ErrorKind.INVALID),
    (401, ErrorKind.UNAUTHORIZED),
    (402, ErrorKind.QUOTA_USED_UP),
    (403, ErrorKind.FORBIDDEN),
    (404, ErrorKind.NOT_FOUND),
    (409, ErrorKind.INVALID),
    (410, ErrorKind.NOT_FOUND),
    (422, ErrorKind.INVALID),
]


@pytest.mark.parametrize(("status", "kind"), REFUSALS)
@pytest.mark.parametrize("operation", ["run", "create_run"])
async def test_refusal_is_reported_without_retry(
    codegen_on_wire: Codegen, wire: Wire, operation: str, status: int, kind: ErrorKind
) -> None:
    wire.respond(no(status, f"Not with {TOKEN}."))
    error = await failure(codegen_on_wire, (REPEATABLE | ONCE)[operation])
    assert (error.kind, error.status, error.operation) == (kind, status, operation)
    assert error.detail == "Not with [redacted]."
    assert not error.may_have_happened
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ({"detail": [{"loc": ["body", "prompt"], "msg": "Field required"}, "odd"]}, "prompt: Field required"),
        ({"detail": [{"loc": ["body"], "msg": "Odd"}, {"loc": None, "msg": "Even"}]}, "Odd; Even"),
        ({"detail": "Sandbox not found"}, "Sandbox not found"),
        ({"message": ["a", "list"]}, ""),
        (["a list"], ""),
        ({"message": "x" * 5000}, "x" * DETAIL_LIMIT),
        # Taken out before it is cut.
        ({"message": f"{'x ' * 145}{TOKENS['Linear']}"}, f"{'x ' * 145}[redacted]"),
        ({"message": f"{'x' * (DETAIL_LIMIT - 4)}{TOKEN}"}, f"{'x' * (DETAIL_LIMIT - 4)}[red"),
    ],
)
async def test_refusal_detail_by_form(codegen_on_wire: Codegen, wire: Wire, document: object, detail: str) -> None:
    wire.respond(httpx.Response(422, json=document))
    assert (await failure(codegen_on_wire, READ)).detail == detail


async def test_refusal_html_has_no_detail(codegen_on_wire: Codegen, wire: Wire) -> None:
    wire.respond(httpx.Response(403, text="<html>Access denied</html>"))
    error = await failure(codegen_on_wire, READ)
    assert (error.kind, error.detail) == (ErrorKind.FORBIDDEN, "")


TROUBLE = [
    (no(500), ErrorKind.SERVER_FAULT),
    (no(503), ErrorKind.SERVER_FAULT),
    (httpx.Response(502, text="<html>"), ErrorKind.SERVER_FAULT),
    (httpx.ReadTimeout("slow"), ErrorKind.NETWORK),
    (httpx.WriteTimeout("slow"), ErrorKind.NETWORK),
    (httpx.ReadError("reset"), ErrorKind.NETWORK),
    (httpx.WriteError("reset"), ErrorKind.NETWORK),
    (httpx.RemoteProtocolError("cut off"), ErrorKind.NETWORK),
    (httpx.Response(200, text='{"id": 1, "organ'), ErrorKind.BAD_ANSWER),
    # Statuses that nobody has heard of: whoever stands in between may have made them up.
    (httpx.Response(299, json={}), ErrorKind.BAD_ANSWER),
    (no(418), ErrorKind.BAD_ANSWER),
    (no(599), ErrorKind.SERVER_FAULT),
]
"""What may come after the work was done."""


@pytest.mark.parametrize(("answer", "kind"), TROUBLE)
@pytest.mark.parametrize("operation", ONCE)
async def test_unrepeatable_call_lost_may_have_happened(
    codegen_on_wire: Codegen, wire: Wire, operation: str, answer: httpx.Response | Exception, kind: ErrorKind
) -> None:
    wire.respond(answer)
    error = await failure(codegen_on_wire, ONCE[operation])
    assert (error.kind, error.operation, error.may_have_happened) == (kind, operation, True)
    assert len(wire.requests) == 1


@pytest.mark.parametrize(("answer", "kind"), TROUBLE)
async def test_read_is_retried(
    codegen_on_wire: Codegen, wire: Wire, answer: httpx.Response | Exception, kind: ErrorKind
) -> None:
    wire.respond(answer, answer, ok())
    assert await READ(codegen_on_wire)
    assert wire.clock.slept == [*RETRY_DELAYS[:2]]
    wire.respond(answer)
    error = await failure(codegen_on_wire, READ)
    assert (error.kind, error.may_have_happened) == (kind, False)
    assert len(wire.requests) == 3 + TRIES


@pytest.mark.parametrize("operation", REPEATABLE)
async def test_repeatable_call_is_retried(codegen_on_wire: Codegen, wire: Wire, operation: str) -> None:
    wire.respond(httpx.ReadTimeout("slow"))
    error = await failure(codegen_on_wire, REPEATABLE[operation])
    assert (error.operation, error.may_have_happened) == (operation, False)
    assert len({(request.method, str(request.url), request.content) for request in wire.requests}) == 1
    assert len(wire.requests) == TRIES


@pytest.mark.parametrize("operation", ONCE)
@pytest.mark.parametrize("answer", [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), no(429)])
async def test_call_never_sent_is_retried(
    codegen_on_wire: Codegen, wire: Wire, operation: str, answer: httpx.Response | Exception
) -> None:
    wire.respond(answer, no(403))
    assert (await failure(codegen_on_wire, ONCE[operation])).kind is ErrorKind.FORBIDDEN
    assert len(wire.requests) == 2
    wire.respond(answer)
    assert not (await failure(codegen_on_wire, ONCE[operation])).may_have_happened


async def test_response_not_as_described_is_an_error(codegen_on_wire: Codegen, wire: Wire) -> None:
    documents: list[object] = [{"organization_id": 1}, {"id": "x", "organization_id": 1}, [], None]
    for document in documents:
        wire.respond(ok(document))
        for call, in_doubt in ((READ, False), (CREATE, True)):
            error = await failure(codegen_on_wire, call)
            assert (error.kind, error.may_have_happened) == (ErrorKind.BAD_ANSWER, in_doubt)


# How long is waited


async def test_rate_limit_honours_retry_after(codegen_on_wire: Codegen, wire: Wire, clock: Clock) -> None:
    for refusal in (no(429, retry_after="7"), no(503, retry_after="7")):
        clock.slept.clear()
        wire.respond(refusal, ok())
        await READ(codegen_on_wire)
        assert clock.slept == [7.0]


async def test_retry_after_as_date(codegen_on_wire: Codegen, wire: Wire, clock: Clock) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=40)
    wire.respond(no(429, retry_after=format_datetime(moment, usegmt=True)), ok())
    await READ(codegen_on_wire)
    # A part of a second is lost in the header.
    assert (moment - datetime.now(UTC)).total_seconds() - 1 <= clock.slept[0] <= 40


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "", "Mon, 99 Foo"])
async def test_retry_after_invalid_is_ignored(codegen_on_wire: Codegen, wire: Wire, clock: Clock, text: str) -> None:
    wire.respond(no(429, retry_after=text), ok())
    await READ(codegen_on_wire)
    assert clock.slept == [RETRY_DELAYS[0]]


async def test_long_rate_limit_is_reported(codegen_on_wire: Codegen, wire: Wire, clock: Clock) -> None:
    wire.respond(no(429, retry_after="3600"))
    error = await failure(codegen_on_wire, READ)
    assert (error.kind, error.retry_after, clock.slept) == (ErrorKind.RATE_LIMITED, 3600.0, [])


async def test_rate_limit_pauses_its_class(codegen_on_wire: Codegen, wire: Wire, clock: Clock) -> None:
    wire.respond(no(429, retry_after="60"), ok())
    await CREATE(codegen_on_wire)
    assert codegen_on_wire.limits.wait_for("create") == 0
    wire.respond(no(429, retry_after="3600"))
    await failure(codegen_on_wire, CREATE)
    assert codegen_on_wire.limits.wait_for("create") == 90
    assert codegen_on_wire.limits.wait_for("read") == 0


# What cannot be sent


@pytest.mark.parametrize("token", ["", "sk-two\nlines", "sk-sp ace", "sk-müller", "sk-\udce4"])
async def test_unsendable_token_is_unauthorized(wire: Wire, token: str) -> None:
    wire.respond(ok())
    async with client_on(wire, token=token) as codegen:
        for call in (READ, CREATE):
            error = await failure(codegen, call)
            assert (error.kind, error.may_have_happened) == (ErrorKind.UNAUTHORIZED, False)
            assert not token or token not in error.detail
    assert not wire.requests


async def test_body_not_json_is_not_sent(codegen_on_wire: Codegen, wire: Wire) -> None:
    wire.respond(ok())
    calls: list[Call] = [
        lambda codegen: codegen.create_run("half a pair: \ud83d"),
        lambda codegen: codegen.create_run("Hello", metadata={"share": float("nan")}),
    ]
    for call in calls:
        error = await failure(codegen_on_wire, call)
        assert (error.kind, error.may_have_happened) == (ErrorKind.INVALID, False)
    assert not wire.requests


# On a real port


async def test_network_faults_of_a_real_server(
    codegen: Codegen, emulator: CodegenEmulator, http: httpx.AsyncClient, clock: Clock
) -> None:
    """And whether an agent may have been started."""
    emulator.control.fault(method="POST", action="drop", after_work=True)
    error = await failure(codegen, CREATE)
    assert (error.kind, error.may_have_happened, len(emulator.runs)) == (ErrorKind.NETWORK, True, 1)
    emulator.control.fault(method="POST", action="truncate")
    error = await failure(codegen, CREATE)
    assert (error.kind, error.may_have_happened, len(emulator.runs)) == (ErrorKind.BAD_ANSWER, True, 2)
    emulator.script(outcome="quota")
    error = await failure(codegen, CREATE)
    assert (error.kind, error.status, error.may_have_happened) == (ErrorKind.QUOTA_USED_UP, 402, False)
    assert "limit" in error.detail
    http.timeout = httpx.Timeout(0.05)
    emulator.control.fault(method="POST", action="hang", delay=0.2)
    error = await failure(codegen, CREATE)
    assert (error.kind, error.detail, error.may_have_happened) == (ErrorKind.NETWORK, "timed out", True)
    http.timeout = httpx.Timeout(5.0)
    emulator.control.fault(path="/agent/run/1", action="drop", times=2)
    assert (await codegen.run(1)).id == 1
    await emulator.stop()
    error = await failure(codegen, CREATE)
    assert (error.kind, error.may_have_happened) == (ErrorKind.NETWORK, False)


async def test_emulator_refusal_is_reported(codegen: Codegen) -> None:
    error = await failure(codegen, lambda codegen: codegen.run(99))
    assert (error.kind, str(error)) == (
        ErrorKind.NOT_FOUND,
        "Codegen run failed, not-found (404): Agent run 99 not found.",
    )
    error = await failure(codegen, lambda codegen: codegen.edit_pull_request(1, "merged"))  # type: ignore[arg-type]
    assert (error.kind, error.status) == (ErrorKind.INVALID, 422)
    assert error.detail.startswith("state: ")


async def test_token_is_in_no_log_line(
    codegen: Codegen, emulator: CodegenEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even in those of the libraries, at their most talkative."""
    caplog.set_level(logging.DEBUG)
    emulator.control.fault(path="/run/1", status=500, body={"message": f"No {TOKEN} here."}, times=2)
    emulator.start_elsewhere("Hello")
    with structlog.testing.capture_logs() as lines:
        await codegen.run(1)
        await failure(codegen, lambda codegen: codegen.run(99))
    assert [line["event"] for line in lines] == ["codegen.retry"] * 2
    assert "httpx" in {record.name for record in caplog.records}
    assert TOKEN not in caplog.text + repr(lines)
