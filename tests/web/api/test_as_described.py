"""The API answers as its description says, to whatever fits it and to whatever does not (schemathesis).

`make fuzz-api` tries many more examples.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bot.emulators.codegen import CodegenEmulator
from bot.web.api.routes import ENDPOINTS
from tests.harness.server import api_server_at

AnyCase = Case[Any]

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))
"""Of each endpoint and kind."""

MOST_WRITES = 15
"""The same for those that write on GitHub, which lets the bot do so 80 times a minute: more would wait."""

WRITE_ON_GITHUB = {"ban_all_checks", "unban_all_checks", "remove_codegen_from_pr", "star_run"}

CONFORMANCE: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]

JUDGED_BY_WHAT_IS_THERE = {"get_agent_runs", "remove_codegen_from_pr"}
"""Which statuses there are, and which pull requests a run has, no schema can say: they answer 422 as well."""

# The server in the other thread shuffles its waits while hypothesis makes examples.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

TOKEN = {"Authorization": "Bearer sk-org1-caller"}


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """A server with a few runs, which end when they are first read."""
    codegen = CodegenEmulator(run_seconds=0, limits=False)
    async with api_server_at(tmp_path, codegen=codegen, api_requests_per_minute=1_000_000) as api_server:
        for number in range(1, 4):
            codegen.script(pull_request="octo/shop#1")
            await api_server.post("/organizations/1/agent/run", {"prompt": f"Try {number}."})
        yield api_server.url


def try_all(url: str, mode: GenerationMode, judge: Callable[[AnyCase], int]) -> Counter[tuple[str, int]]:
    """How often each endpoint answered with each status."""
    # Who calls is the test's to say: a made-up token "sk-" is one that the emulator takes.
    config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    description = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)
    endpoints = description.exclude(tag=["Server", "Live streams"])
    seen: Counter[tuple[str, int]] = Counter()

    def try_one(case: AnyCase) -> None:
        seen[name_of(case.operation), judge(case)] += 1

    for found in endpoints.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        most = min(EXAMPLES, MOST_WRITES) if name_of(operation) in WRITE_ON_GITHUB else EXAMPLES
        usual = settings(
            max_examples=most,
            deadline=None,
            database=None,
            suppress_health_check=[*HealthCheck],
            phases=[Phase.generate],
        )
        # Where nothing but headers can be given, nothing can be wrong.
        with suppress(Unsatisfiable):
            seed(1)(usual(given(case=operation.as_strategy(generation_mode=mode))(try_one)))()
    return seen


def name_of(operation: Any) -> str:
    name: str = operation.definition.raw["operationId"]
    return name


NEVER_DONE = {"get_multi_run", "keep_attempt", "cancel_run"}
"""No schema can say which multi-runs there are, and Codegen's runs cannot be cancelled."""


async def test_valid_requests_are_answered_as_described(url: str) -> None:
    """Three of four examples name something that exists."""
    tried = 0

    def judge(case: AnyCase) -> int:
        nonlocal tried
        tried += 1
        if isinstance(case.body, dict) and case.body.get("agent_type"):
            # Which agents there are, no schema can say.
            case.body["agent_type"] = "codegen"
        if tried % 4:
            _let_it_be_there(case, tried)
        if key := case.headers.get("Idempotency-Key"):
            # Which keys came with another body before, no schema can say.
            case.headers["Idempotency-Key"] = f"{key[:190]}-{tried}"
        accepted = [] if name_of(case.operation) in JUDGED_BY_WHAT_IS_THERE else [positive_data_acceptance]
        response = case.call(base_url=url, headers=TOKEN, timeout=30)
        case.validate_response(response, checks=[*CONFORMANCE, *accepted])
        return response.status_code

    seen = await asyncio.to_thread(try_all, url, GenerationMode.POSITIVE, judge)

    done = {name for name, status in seen if status in {200, 202}}
    assert done == {endpoint.name for endpoint in ENDPOINTS} - NEVER_DONE, seen


def _let_it_be_there(case: AnyCase, number: int) -> None:
    there = {"org_id": 1, "user_id": 1 + number % 3, "agent_run_id": 1 + number % 3, "repo_id": 101, "pr_number": 1}
    body = case.body if isinstance(case.body, dict) else {}
    for place in (case.path_parameters, case.query, body):
        place.update({name: there[name] for name in there.keys() & place.keys()})


async def test_invalid_requests_are_refused_as_described(url: str) -> None:
    def judge(case: AnyCase) -> int:
        response = case.call(base_url=url, headers=TOKEN, timeout=30)
        case.validate_response(response, checks=[*CONFORMANCE, negative_data_rejection])
        return response.status_code

    seen = await asyncio.to_thread(try_all, url, GenerationMode.NEGATIVE, judge)

    assert {name for name, _ in seen} == {endpoint.name for endpoint in ENDPOINTS} - {"get_current_user"}


async def test_requests_without_token_are_refused(url: str) -> None:
    def judge(case: AnyCase) -> int:
        response = case.call(base_url=url, timeout=30)
        case.validate_response(response, checks=CONFORMANCE)
        return response.status_code

    seen = await asyncio.to_thread(try_all, url, GenerationMode.POSITIVE, judge)

    assert {status for _, status in seen} == {401}, seen
