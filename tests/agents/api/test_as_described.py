"""The agents' API answers as Codegen's description says, to whatever fits it and to whatever does not (schemathesis)."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.agents.api.served import NOW, Served
from tests.agents.api.test_runs import a_pull_request, end_turn
from tests.codegen.description import description, needs_description

AnyCase = Case[Any]

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))
"""Of each operation and kind."""

CHECKS: list[CheckFunction] = [not_a_server_error, content_type_conformance, response_schema_conformance]

BESIDES = {401, 403, 413}
"""Statuses that every operation may have, and that the description has for some."""

MISSING = "/v1/slack-connect/generate-token"

# The server in the other thread shuffles its waits while hypothesis makes examples.
pytestmark = [needs_description, pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")]


@pytest.fixture
async def there(api: Served) -> Served:
    """With a run that has a pull request, and a sandbox."""
    await api.create()
    end_turn(api, pull_requests=[a_pull_request()])
    api.api.store.add_sandbox(1, repository="octo/shop", log="pip: not found", at=NOW)
    return api


def try_all(mode: GenerationMode, judge: Callable[[AnyCase], int]) -> Counter[tuple[str, int]]:
    """How often each operation answered with each status."""
    config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    described = schemathesis.openapi.from_dict(description(), config=config)
    seen: Counter[tuple[str, int]] = Counter()

    def try_one(case: AnyCase) -> None:
        seen[name_of(case), judge(case)] += 1

    for found in described.exclude(path=MISSING).get_all_operations():
        assert isinstance(found, Ok)
        usual = settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=[*HealthCheck],
            phases=[Phase.generate],
        )
        # Where nothing but headers can be given, nothing can be wrong.
        with suppress(Unsatisfiable):
            seed(1)(usual(given(case=found.ok().as_strategy(generation_mode=mode))(try_one)))()
    return seen


def name_of(case: AnyCase) -> str:
    return f"{case.operation.method.upper()} {case.operation.path}"


def send(api: Served, case: AnyCase) -> int:
    """Sends it with a valid token, and judges the answer."""
    case.headers.pop("authorization", None)
    response = case.call(base_url=api.url, headers={"Authorization": f"Bearer {api.alice}"}, timeout=30)
    case.validate_response(response, checks=CHECKS)
    known = {int(status) for status in case.operation.definition.raw["responses"]} | BESIDES
    assert response.status_code in known, f"{name_of(case)} does not answer {response.status_code}"
    return response.status_code


async def test_valid_requests_are_answered_as_described(there: Served) -> None:
    """Three of four examples name something that exists."""
    tried = 0

    def judge(case: AnyCase) -> int:
        nonlocal tried
        tried += 1
        if tried % 4:
            _let_it_be_there(case)
        return send(there, case)

    seen = await asyncio.to_thread(try_all, GenerationMode.POSITIVE, judge)

    succeeded = {name for name, status in seen if status == 200}
    assert succeeded == {name for name, _ in seen}, seen
    assert len(succeeded) == 24


def _let_it_be_there(case: AnyCase) -> None:
    known = {"org_id": 1, "user_id": 1, "agent_run_id": 1, "repo_id": 101, "pr_id": 1, "sandbox_id": 1}
    body = case.body if isinstance(case.body, dict) else {}
    for place in (case.path_parameters, case.query, body):
        place.update({name: known[name] for name in known.keys() & place.keys()})
    body.update({name: value for name, value in {"prompt": "Fix it", "images": None}.items() if name in body})
    if "agent_type" in body:
        body["agent_type"] = "codegen"


async def test_invalid_requests_are_refused_as_described(there: Served) -> None:
    seen = await asyncio.to_thread(try_all, GenerationMode.NEGATIVE, lambda case: send(there, case))
    assert {status for _, status in seen} >= {403, 422}, seen
