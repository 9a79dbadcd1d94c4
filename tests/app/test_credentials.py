"""At start the server says as whom it acts, and whether GitHub and Codegen accept its credentials."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from inline_snapshot import snapshot

from bot.app.server import serving
from bot.app.start_report import StartReport
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.settings.model import Settings
from tests.harness import TIMEOUT
from tests.harness.databases import migrated_sqlite
from tests.harness.log_lines import lines, logged
from tests.harness.server import emulators, quick_timing, settings_between


class Started:
    """A server that has reported its start."""

    def __init__(self, url: str, report: StartReport) -> None:
        self.url = url
        self.report = report

    @property
    def text(self) -> str:
        return self.report.text().replace(self.url, "SERVER")

    async def readiness(self) -> tuple[int, str]:
        """The status of ``/readyz``, and why it is not ready."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/readyz") as answer:
            return answer.status, (await answer.json()).get("detail", "")

    async def until_ready(self) -> None:
        async with asyncio.timeout(TIMEOUT):
            while (await self.readiness())[0] != 200:  # noqa: ASYNC110 - the server cannot call back
                await asyncio.sleep(0.01)


@asynccontextmanager
async def started(
    folder: Path, github: GitHubEmulator, codegen: CodegenEmulator, **settings: Any
) -> AsyncIterator[Started]:
    given = settings_between(github, codegen, database_url=migrated_sqlite(folder / "bot.sqlite"), **settings)
    reports: asyncio.Queue[StartReport] = asyncio.Queue()
    async with serving(
        Settings.model_validate(given), timing=quick_timing(credentials_at_start=True), on_ready=reports.put_nowait
    ) as url:
        async with asyncio.timeout(TIMEOUT):
            report = await reports.get()
        yield Started(url, report)


async def test_start_names_addresses_and_accounts(tmp_path: Path) -> None:
    async with emulators() as between, started(tmp_path, *between) as server:
        assert await server.readiness() == (200, "")
        assert server.text == snapshot("""\
codegen-bot is ready.
  Dashboard  SERVER/
  Webhook    SERVER/webhooks/github
  GitHub     codegen-bot[bot] (GITHUB_TOKEN)
  Codegen    alice, organization 1 (Octo)\
""")


async def test_refused_credentials_are_named_and_make_unready(tmp_path: Path) -> None:
    wrong: dict[str, Any] = {"github_token": "wrong", "codegen_api_token": "wrong"}
    with logged() as log:
        async with emulators() as between, started(tmp_path, *between, **wrong) as server:
            status, why = await server.readiness()
    assert server.text == snapshot("""\
codegen-bot is not ready: a credential is refused.
  Dashboard  SERVER/
  Webhook    SERVER/webhooks/github
  GitHub     GitHub does not accept GITHUB_TOKEN (401): Bad credentials. Set a valid one.
  Codegen    Codegen does not accept CODEGEN_API_TOKEN (401): Invalid or missing API token. Set a valid one.\
""")
    assert (status, why) == snapshot(
        (
            503,
            "GitHub does not accept GITHUB_TOKEN (401): Bad credentials. Set a valid one. Codegen does not accept CODEGEN_API_TOKEN (401): Invalid or missing API token. Set a valid one.",
        )
    )
    assert [line["event"] for line in lines(log)].count("credential.refused") == 2


async def test_organization_that_the_token_does_not_see(tmp_path: Path) -> None:
    async with emulators() as between, started(tmp_path, *between, codegen_org_id=7) as server:
        assert await server.readiness() == snapshot(
            (
                503,
                "CODEGEN_API_TOKEN belongs to alice and has no access to organization 7, which CODEGEN_ORG_ID names. It has access to: 1 (Octo).",
            )
        )


async def test_credential_that_is_accepted_again_makes_ready(tmp_path: Path) -> None:
    async with emulators() as (github, codegen):
        github.control.fault(path="/user$", status=401, times=None)
        async with started(tmp_path, github, codegen) as server:
            assert (await server.readiness())[0] == 503
            github.control.faults.clear()
            await server.until_ready()


async def test_service_that_does_not_answer_leaves_the_server_ready(tmp_path: Path) -> None:
    async with emulators() as (github, codegen):
        nowhere = "http://127.0.0.1:1"
        with logged() as log:
            async with started(
                tmp_path, github, codegen, github_api_url=nowhere, codegen_api_base_url=nowhere
            ) as server:
                assert await server.readiness() == (200, "")
    assert server.text == snapshot("""\
codegen-bot is ready.
  Dashboard  SERVER/
  Webhook    SERVER/webhooks/github
  GitHub     not checked: connection refused
  Codegen    not checked: connection refused\
""")
    assert "credential.not_checked" in [line["event"] for line in lines(log)]


@pytest.mark.parametrize(
    ("unused", "note"),
    [
        (
            {"github_app_id": "7"},
            "GITHUB_APP_ID is not used, because GITHUB_PRIVATE_KEY is missing: the bot acts with GITHUB_TOKEN.",
        ),
        ({}, None),
    ],
)
async def test_setting_that_is_not_used_is_named(tmp_path: Path, unused: dict[str, Any], note: str | None) -> None:
    async with emulators() as between, started(tmp_path, *between, **unused) as server:
        assert server.report.notes == ((note,) if note else ())
