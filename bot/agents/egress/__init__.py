"""What an agent may reach: its model's API, with the key that it does not have, and the hosts of the agents file.

A proxy of the bot's for one turn, on a Unix socket that its sandbox gets, or on a loopback port if there is no sandbox.
`relay` carries requests on, `keys` puts the model key in, `hosts` says what is allowed, `tunnels` connects TLS through.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.agents.config import Agent, SandboxKind
from bot.agents.egress.hosts import AllowedHosts, RefusedError, Target
from bot.agents.egress.keys import ModelKey
from bot.agents.egress.relay import Relay
from bot.agents.egress.tunnels import CONNECTIONS, Connections, Tunnels
from bot.agents.preset import PLACEHOLDER_KEY
from bot.agents.sandbox import PROXY_PORT

_LINE_BYTES = 64 * 1024
_HEADERS = 200
_REFUSED = 100
_HOST_LENGTH = 255
_CLOSING_SECONDS = 0.1


class Egress:
    """The proxy of one turn: an async context manager, which listens within its context.

    :param folder: for the socket; private to the bot's user
    :param allowed: the `egress` of the agents file
    :param on_refused: called once for each host that is refused, of the first hundred
    :param on_model_request: called for each model request
    """

    def __init__(
        self,
        agent: Agent,
        *,
        folder: Path,
        allowed: Iterable[str] = (),
        sandbox: SandboxKind = SandboxKind.BUBBLEWRAP,
        on_refused: Callable[[str], None] = lambda _host: None,
        on_model_request: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = folder / "egress.sock" if sandbox is SandboxKind.BUBBLEWRAP else None
        # Without a sandbox, all of the machine's programs can connect: what tells the agent's is this.
        self._prefix = "/model" if self._path else f"/model/{secrets.token_urlsafe(24)}"
        self._port = PROXY_PORT
        self._allowed = AllowedHosts(allowed)
        self._on_refused = on_refused
        self._on_model_request = on_model_request
        self._refused: dict[str, None] = {}
        key = agent.key.get_secret_value() if agent.key else None
        self._relay = Relay(
            endpoint=agent.endpoint,
            key=ModelKey(PLACEHOLDER_KEY, key),
            prefix=self._prefix,
            allowed=self._allowed,
            refuse=self._refuse,
            on_model_request=on_model_request,
        )
        self._opened = AsyncExitStack()

    @property
    def socket(self) -> Path | None:
        """None if it listens on a loopback port."""
        return self._path

    @property
    def url(self) -> str:
        """The model route, as the agent reaches it: the base of its model API."""
        return f"http://127.0.0.1:{self._port}{self._prefix}"

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that name the proxy."""
        proxy, direct = f"http://127.0.0.1:{self._port}", "127.0.0.1,localhost,::1"
        return {
            **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), direct),
            # Node's own fetch asks for no proxy otherwise.
            "NODE_USE_ENV_PROXY": "1",
        }

    @property
    def refused(self) -> tuple[str, ...]:
        """The hosts that were not allowed."""
        return tuple(self._refused)

    @property
    def model_status(self) -> int | None:
        """The HTTP status of the model API's last response; `UNREACHABLE` if there was none."""
        return self._relay.model_status

    @property
    def is_model_cut_off(self) -> bool:
        """Whether the model API's last response was cut off at the limit of tokens."""
        return self._relay.is_model_cut_off

    @property
    def model_requests(self) -> int:
        return self._relay.model_requests

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            await opening.enter_async_context(self._relay)
            http = web.Server(
                self._relay.handle,
                # An agent that gives up a request ends it: the model is paid for what it goes on writing.
                handler_cancellation=True,
                access_log=None,
                max_line_size=_LINE_BYTES,
                max_field_size=_LINE_BYTES,
                max_headers=_HEADERS,
            )
            # Not 0, which for aiohttp means to wait without end for answers that are still under way.
            opening.push_async_callback(http.shutdown, _CLOSING_SECONDS)
            tunnels = Tunnels(self._allowed, own=lambda: f"127.0.0.1:{self._port}", refuse=self._refuse)
            connections = Connections(http, tunnels)
            tunnels.make_protocol = connections
            opening.push_async_callback(connections.close)
            listener = _on_socket(self._path) if self._path else socket.create_server(("127.0.0.1", 0))
            server = await asyncio.get_running_loop().create_server(connections, sock=listener, backlog=CONNECTIONS)
            opening.callback(server.close)
            if self._path:
                opening.callback(self._path.unlink, missing_ok=True)
            else:
                self._port = listener.getsockname()[1]
            self._opened = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._opened.aclose()

    def _refuse(self, host: str) -> None:
        host = "".join(character for character in host[:_HOST_LENGTH] if character.isprintable())
        with suppress(RefusedError):
            host = str(Target.parse(host))
        if host not in self._refused and len(self._refused) < _REFUSED:
            self._refused[host] = None
            self._on_refused(host)


def _on_socket(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    # A socket's path has at most 107 bytes; that of a run's folder can be longer.
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
    path.chmod(0o600)
    return listener
