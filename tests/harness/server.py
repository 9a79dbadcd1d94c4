"""The bot's server between GitHub and Codegen, both emulated, and callers of its HTTP API."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from bot.agents.config import AgentsConfig
from bot.app.clients import Timing
from bot.app.server import serving
from bot.codegen.polling import PollInterval
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.settings.model import Settings
from tests.emulators.github.permissions import beyond_manifest
from tests.harness import TIMEOUT
from tests.harness.databases import migrated_sqlite
from tests.harness.ports import reserved_port

SECRET = "the webhook's secret"
ORG = "/organizations/1"

ALICE = "sk-org1-alice"
BOB = "sk-org1-bob"
BOTH = "sk-both"
HEIDI = "sk-org2-heidi"


@asynccontextmanager
async def emulators(
    github: GitHubEmulator | None = None, codegen: CodegenEmulator | None = None
) -> AsyncIterator[tuple[GitHubEmulator, CodegenEmulator]]:
    """Both emulators, by default without limits and with runs that only a test moves.

    :raises AssertionError: at the end, where a request met no route, or where the bot needed a permission that its
        manifest does not ask for
    """
    github = github or GitHubEmulator(webhook_secret=SECRET, limits=False)
    codegen = codegen or CodegenEmulator(run_seconds=None, limits=False)
    async with codegen, github:
        yield github, codegen
    journal = (*github.control.journal, *codegen.control.journal)
    unrouted = [f"{entry.method} {entry.path}" for entry in journal if not entry.routed]
    assert not unrouted, f"requests met no route: {unrouted}"
    # Only a bot with agents of its own uses git.
    own_agents = any(entry.agent.startswith("git/") for entry in github.control.journal)
    beyond = beyond_manifest(github.control.journal, own_agents=own_agents)
    assert not beyond, f"the manifest does not ask for: {beyond}"


def settings_between(github: GitHubEmulator, codegen: CodegenEmulator, **settings: Any) -> dict[str, Any]:
    """The settings of a bot with a plain token, by their names.

    :param settings: further ones, or other values
    """
    return {
        "codegen_api_token": "sk-org1-server",
        "codegen_org_id": 1,
        "codegen_api_base_url": codegen.url,
        "github_token": "bot-token",
        "github_api_url": github.url,
        "github_webhook_secret": SECRET,
        "port": 0,
        **settings,
    }


def quick_timing(**timing: Any) -> Timing:
    """Polls every few milliseconds, writes without a pause, knows no limits of Codegen, and refreshes no steps.

    :param timing: what is different
    """
    usual: dict[str, Any] = {
        "run_poll_interval": PollInterval(0.02, 0.02),
        "credentials_at_start": False,
        "credentials_timeout": TIMEOUT,
        "credentials_interval": 0.02,
        "write_gap": 0.0,
        "write_windows": (),
        "polling_interval": 0.02,
        "step_refresh": None,
        "codegen_windows": {},
        "sleep": _sleep_shorter,
    }
    return Timing(**{**usual, **timing})


async def _sleep_shorter(seconds: float) -> None:
    """Two seconds take a hundredth of one, and nothing takes longer."""
    await asyncio.sleep(min(seconds, 2.0) / 200)


@asynccontextmanager
async def running_server(
    github: GitHubEmulator,
    codegen: CodegenEmulator,
    database_url: str,
    *,
    agents: AgentsConfig | None = None,
    timing: Timing | None = None,
    **settings: Any,
) -> AsyncIterator[str]:
    """The server in this process, to which GitHub delivers.

    :param agents: agents of its own, in place of Codegen
    :returns: its address
    """
    given = settings_between(github, codegen, database_url=database_url, **settings)
    async with serving(Settings.model_validate(given), agents=agents, timing=timing or quick_timing()) as url:
        github.webhooks.url = f"{url}/webhooks/github"
        yield url


@dataclass(frozen=True, slots=True)
class Response:
    """Of the HTTP API; `document` is its JSON."""

    status: int
    document: Any
    headers: Any

    @property
    def detail(self) -> str:
        """A problem's sentence."""
        detail: str = self.document["detail"]
        return detail


class Subscriber:
    """A WebSocket on which a stream arrives."""

    def __init__(self, connected: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = connected
        self.frames: list[dict[str, Any]] = []

    async def next(self, kind: str | None = None) -> dict[str, Any]:
        """The next frame, of that type where one is given; others are passed over."""
        async with asyncio.timeout(TIMEOUT):
            while True:
                message = await self.socket.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, (message, self.socket.close_code)
                frame: dict[str, Any] = json.loads(message.data)
                self.frames.append(frame)
                if kind in {None, frame["type"]}:
                    return frame

    async def rest(self) -> list[dict[str, Any]]:
        """All frames from here to the close."""
        async with asyncio.timeout(TIMEOUT):
            rest = [json.loads(message.data) async for message in self.socket]
        self.frames += rest
        return rest

    async def cut(self) -> None:
        """Ends the connection without a close frame."""
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


class ApiServer:
    """The server, and callers of its API with tokens of Codegen's. It keeps its port when it is started again.

    :param settings: as they hold from the next start on
    """

    def __init__(
        self, github: GitHubEmulator, codegen: CodegenEmulator, folder: Path, *, timing: Timing, **settings: Any
    ) -> None:
        self.github = github
        self.codegen = codegen
        self.settings = settings
        self.url = ""
        self._database_url = migrated_sqlite(folder / "bot.sqlite")
        self._timing = timing
        self._stack = AsyncExitStack()
        self._port = reserved_port()
        self.http: aiohttp.ClientSession

    async def start(self) -> None:
        self.http = await self._stack.enter_async_context(aiohttp.ClientSession())
        settings = {"port": self._port.getsockname()[1], **self.settings}
        self.url = await self._stack.enter_async_context(
            running_server(self.github, self.codegen, self._database_url, timing=self._timing, **settings)
        )

    async def stop(self) -> None:
        await self._stack.aclose()

    def close(self) -> None:
        """Gives up the port of the stopped server."""
        self._port.close()

    async def get(self, path: str, *, token: str | None = "sk-org1-caller", **headers: str) -> Response:
        return await self.request("GET", path, token=token, headers=headers)

    async def post(self, path: str, body: Any, *, token: str | None = "sk-org1-caller", **headers: str) -> Response:
        return await self.request("POST", path, body, token=token, headers=headers)

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        """:param headers: with underscores for hyphens"""
        sent = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        options: dict[str, Any] = {} if body is None else {"json": body}
        async with self.http.request(method, f"{self.url}{path}", headers=sent, **options) as response:
            document = await response.json(content_type=None) if response.status != 304 else None
            return Response(response.status, document, response.headers)

    def upstream(self, path: str) -> list[Any]:
        """The requests that reached Codegen at a path."""
        return [entry for entry in self.codegen.control.journal if entry.path.endswith(path)]

    # Runs and their streams

    def start_run(self, *, entries: int = 0, org_id: int = 1) -> int:
        """A run that moves by hand; its prompt is the first entry of its log.

        :param entries: how many more its log has
        """
        run = self.codegen.start_elsewhere("Fix it.", org_id=org_id)
        self.add_entries(run.id, entries)
        return run.id

    def add_entries(self, run: int, entries: int) -> None:
        for _ in range(entries):
            self.codegen.add_log(run, thought=f"Entry {len(self.codegen.runs[run].logs)}.")

    async def subscribe(self, run: int, *, token: str = ALICE, org_id: int = 1, **query: Any) -> Subscriber:
        path = f"/organizations/{org_id}/agent/run/{run}/logs/stream"
        return await self.connect(path, token=token, **query)

    async def connect(self, path: str, *, token: str | None = ALICE, **query: Any) -> Subscriber:
        """:raises aiohttp.WSServerHandshakeError: where the server refuses"""
        given = {name.rstrip("_"): str(value) for name, value in query.items()}
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return Subscriber(
            await self.http.ws_connect(f"{self.url}{path}", params=given, headers=headers, max_msg_size=0)
        )

    def requests(self, path: str) -> int:
        """How many requests Codegen has had whose path contains this."""
        return sum(path in entry.path for entry in self.codegen.control.journal)

    async def next_poll(self, run: int, times: int = 1) -> None:
        """Waits until the log has been read so many times more."""
        before = self.requests(f"/run/{run}/logs")
        await self.codegen.until(lambda: self.requests(f"/run/{run}/logs") >= before + times)


@asynccontextmanager
async def api_server_at(
    folder: Path,
    *,
    timing: Timing | None = None,
    codegen: CodegenEmulator | None = None,
    **settings: Any,
) -> AsyncIterator[ApiServer]:
    """An API that is called.

    :param folder: for the database
    """
    async with emulators(codegen=codegen) as between:
        api_server = ApiServer(*between, folder, timing=timing or quick_timing(), **settings)
        try:
            await api_server.start()
            yield api_server
        finally:
            await api_server.stop()
            api_server.close()
