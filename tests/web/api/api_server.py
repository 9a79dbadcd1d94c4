"""The whole server with both emulators behind it, and people who call its HTTP API with tokens of Codegen's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.app.clients import Timing
from bot.app.server import serving
from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from bot.settings import Settings
from tests.harness.databases import migrated_sqlite

ORG = "/organizations/1"


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """An answer."""

    status: int
    document: Any
    headers: Any

    @property
    def detail(self) -> str:
        """A problem's sentence."""
        detail: str = self.document["detail"]
        return detail


class ApiServer:
    """The server and its callers."""

    def __init__(self, github: GitHubEmulator, codegen: CodegenEmulator, folder: Path) -> None:
        self.github = github
        self.codegen = codegen
        self.url = ""
        self.settings: dict[str, Any] = {}
        self._folder = folder
        self._stack: AsyncExitStack | None = None
        self._http: aiohttp.ClientSession | None = None

    async def get(self, path: str, *, token: str | None = "sk-org1-caller", **headers: str) -> ParsedCommand:
        return await self.ask("GET", path, token=token, headers=headers)

    async def post(
        self, path: str, body: Any, *, token: str | None = "sk-org1-caller", **headers: str
    ) -> ParsedCommand:
        return await self.ask("POST", path, body, token=token, headers=headers)

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> ParsedCommand:
        """:param headers: with underscores for hyphens"""
        assert self._http is not None
        sent = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        options: dict[str, Any] = {} if body is None else {"json": body}
        async with self._http.request(method, f"{self.url}{path}", headers=sent, **options) as response:
            document = await response.json(content_type=None) if response.status != 304 else None
            return ParsedCommand(response.status, document, response.headers)

    def upstream(self, path: str) -> list[Any]:
        """The requests that reached Codegen at a path."""
        return [entry for entry in self.codegen.control.journal if entry.path.endswith(path)]

    async def start(self) -> None:
        self._stack = AsyncExitStack()
        self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        settings = Settings.model_validate(
            {
                "codegen_api_token": "sk-org1-server",
                "codegen_org_id": 1,
                "codegen_api_base_url": self.codegen.url,
                "github_token": "bot-token",
                "github_api_url": self.github.url,
                "github_webhook_secret": "s",
                "database_url": migrated_sqlite(self._folder / "bot.sqlite"),
                "port": 0,
                **self.settings,
            }
        )
        timing = Timing(
            shortest=0.02, longest=0.02, write_gap=0.0, polling_interval=0.02, write_windows=(), codegen_windows={}
        )
        self.url = await self._stack.enter_async_context(serving(settings, timing=timing))

    async def stop(self) -> None:
        if self._stack is not None:
            await self._stack.aclose()
            self._stack = None


@asynccontextmanager
async def running_api_server(folder: Path, **settings: Any) -> AsyncIterator[ApiServer]:
    github = GitHubEmulator(limits=False)
    async with CodegenEmulator(run_seconds=None, limits=False) as codegen, github:
        api_server = ApiServer(github, codegen, folder)
        api_server.settings = settings
        await api_server.start()
        try:
            yield api_server
        finally:
            await api_server.stop()
        unrouted = [
            f"{entry.method} {entry.path}"
            for entry in (*github.control.journal, *codegen.control.journal)
            if not entry.routed
        ]
        assert not unrouted, f"requests met no route: {unrouted}"
