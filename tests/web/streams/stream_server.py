"""The real server in this process, Codegen emulated beside it, and people who listen."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from bot.app.clients import Timing
from bot.app.server import serving
from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from bot.settings import Settings
from tests.harness.databases import migrated_sqlite

ALICE = "sk-org1-alice"
BOB = "sk-org1-bob"
BOTH = "sk-both"
HEIDI = "sk-org2-heidi"


class Ear:
    """Somebody who listens by WebSocket."""

    def __init__(self, heard_on: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = heard_on
        self.heard: list[dict[str, Any]] = []

    async def next(self, kind: str | None = None) -> dict[str, Any]:
        """The next frame, of that type where one is given; others are passed over."""
        async with asyncio.timeout(10):
            while True:
                message = await self.socket.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, (message, self.socket.close_code)
                frame: dict[str, Any] = json.loads(message.data)
                self.heard.append(frame)
                if kind in {None, frame["type"]}:
                    return frame

    async def rest(self) -> list[dict[str, Any]]:
        """All frames from here to the close."""
        async with asyncio.timeout(20):
            found = [json.loads(message.data) async for message in self.socket]
        self.heard += found
        return found

    async def cut(self) -> None:
        """The line breaks: nobody says goodbye."""
        self.socket.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        await self.socket.close()

    @property
    def code(self) -> int | None:
        return self.socket.close_code

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.socket.close()


class StreamServer:
    """:param url: the server's address"""

    def __init__(self, url: str, codegen: CodegenEmulator, github: GitHubEmulator, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.codegen = codegen
        self.github = github
        self.http = http

    def begin(self, *, entries: int = 0, org_id: int = 1) -> int:
        """A run that moves by hand; its prompt is the first entry of its log.

        :param entries: how many more its log has
        """
        self.codegen.script(run_seconds=None)
        run = self.codegen.start_elsewhere("Fix it.", org_id=org_id)
        self.write(run.id, entries)
        return run.id

    def write(self, run: int, entries: int) -> None:
        for _ in range(entries):
            self.codegen.add_log(run, thought=f"Entry {len(self.codegen.runs[run].logs)}.")

    async def listen(self, run: int, *, token: str = ALICE, org_id: int = 1, **query: Any) -> Ear:
        path = f"/organizations/{org_id}/agent/run/{run}/logs/stream"
        return await self.open(path, token=token, **query)

    async def open(self, path: str, *, token: str | None = ALICE, **query: Any) -> Ear:
        """:raises aiohttp.WSServerHandshakeError: where the server lets nobody in"""
        given = {name.rstrip("_"): str(value) for name, value in query.items()}
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return Ear(await self.http.ws_connect(f"{self.url}{path}", params=given, headers=headers, max_msg_size=0))

    def requests(self, path: str) -> int:
        """How many requests Codegen has had whose path contains this."""
        return sum(path in entry.path for entry in self.codegen.control.journal)

    async def next_look(self, run: int, times: int = 1) -> None:
        """Waits until the log has been asked for so many times more."""
        before = self.requests(f"/run/{run}/logs")
        await self.codegen.until(lambda: self.requests(f"/run/{run}/logs") >= before + times)


async def nap(seconds: float) -> None:
    """Two seconds take a hundredth of one."""
    await asyncio.sleep(min(seconds, 2.0) / 200)


@asynccontextmanager
async def stream_server_at(
    folder: Path, *, cors: str = "", organizations: str = "", **timing: Any
) -> AsyncIterator[StreamServer]:
    async with (
        CodegenEmulator(run_seconds=None, limits=False) as codegen,
        GitHubEmulator(limits=False) as github,
        aiohttp.ClientSession() as http,
    ):
        settings = Settings.model_validate(
            {
                "codegen_api_token": "sk-org1-server",
                "codegen_org_id": 1,
                "codegen_api_base_url": codegen.url,
                "github_token": "bot-token",
                "github_api_url": github.url,
                "github_webhook_secret": "secret",
                "database_url": migrated_sqlite(folder / "bot.sqlite"),
                "port": 0,
                "api_cors_origins": cors,
                "api_organizations": organizations,
            }
        )
        usual = {"shortest": 0.02, "longest": 0.02, "polling_interval": 0.02, "codegen_windows": {}, "sleep": nap}
        async with serving(settings, timing=Timing(**{**usual, **timing})) as url:
            yield StreamServer(url, codegen, github, http)
