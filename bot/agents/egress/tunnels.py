"""The connections of agents: who asks for a tunnel is connected to the host, all others get the HTTP server."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus

from bot.agents.egress.hosts import AllowedHosts, RefusedError, Target, UpstreamProxy, upstream_proxy
from bot.network import tls_context
from bot.tasks import cancel_and_wait

CONNECTIONS = 256
_HEAD_BYTES = 16 * 1024
_HEAD_SECONDS = 10.0
_CONNECT_SECONDS = 30.0
_BLOCK = 65536
_METHOD = b"CONNECT "

Tunnel = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Connections:
    """Makes the protocol of each new connection, and bounds how many there are."""

    def __init__(self, make_http: Callable[[], asyncio.Protocol], tunnel: Tunnel) -> None:
        self._make_http = make_http
        self._tunnel = tunnel
        self._open: set[asyncio.BaseTransport] = set()
        self._tunnels: set[asyncio.Task[None]] = set()

    def __call__(self) -> asyncio.Protocol:
        return _FirstBytes(self)

    def add(self, transport: asyncio.BaseTransport) -> bool:
        self._open = {each for each in self._open if not each.is_closing()}
        if len(self._open) >= CONNECTIONS:
            return False
        self._open.add(transport)
        return True

    def protocol_for(self, first: bytes) -> asyncio.Protocol | None:
        """None if more bytes are needed to tell."""
        if len(first) < len(_METHOD) and _METHOD.startswith(first):
            return None
        if not first.startswith(_METHOD):
            return self._make_http()
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=_HEAD_BYTES), self._start_tunnel)

    def _start_tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._run_tunnel(reader, writer))
        self._tunnels.add(task)
        task.add_done_callback(self._tunnels.discard)

    async def _run_tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._tunnel(reader, writer)
        finally:
            await _close(writer)

    async def close(self) -> None:
        await cancel_and_wait(*self._tunnels)
        for transport in self._open:
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()


class _FirstBytes(asyncio.Protocol):
    """Reads as much as tells what a connection is for, and leaves the rest to the protocol for that."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport) and self._connections.add(transport):
            self._transport = transport
        elif isinstance(transport, asyncio.WriteTransport):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self._received += data
        protocol = self._connections.protocol_for(self._received)
        if protocol and self._transport:
            self._transport.set_protocol(protocol)
            protocol.connection_made(self._transport)
            protocol.data_received(self._received)


class Tunnels:
    """CONNECT to the allowed hosts.

    :param own: the proxy itself, as the agent reaches it: Node's `ProxyAgent` asks for a tunnel to it, since it knows
        no NO_PROXY and no other way for http either
    :param refuse: called with what was not allowed
    """

    def __init__(self, allowed: AllowedHosts, *, own: Callable[[], str], refuse: Callable[[str], None]) -> None:
        self._allowed = allowed
        self._own = own
        self._refuse = refuse
        self.make_protocol: Callable[[], asyncio.Protocol] | None = None

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return
        text = head.split(b" ", 2)[1].decode("ascii", "replace")
        try:
            upstream = await self._connect(text)
        except RefusedError as error:
            self._refuse(text)
            await _answer(writer, HTTPStatus.FORBIDDEN, str(error))
            return
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await _answer(writer, HTTPStatus.BAD_GATEWAY, f"{text[:255]} cannot be reached.")
            return
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _copy_both((reader, writer), upstream)
        finally:
            await _close(upstream[1])

    async def _connect(self, text: str) -> Streams:
        target = Target.parse(text)
        if self.make_protocol and str(target) == self._own():
            return await _connect_to(self.make_protocol)
        self._allowed.check(target)
        async with asyncio.timeout(_CONNECT_SECONDS):
            if proxy := upstream_proxy("https", target.host):
                return await _connect_by(proxy, target)
            failure: OSError | None = None
            for address in await self._allowed.addresses(target):
                try:
                    return await asyncio.open_connection(address, target.port)
                except OSError as error:
                    failure = error
            raise failure or ConnectionError


async def _connect_to(make_protocol: Callable[[], asyncio.Protocol]) -> Streams:
    """A connection to one of this process's own protocols."""
    near, far = socket.socketpair()
    await asyncio.get_running_loop().connect_accepted_socket(make_protocol, far)
    return await asyncio.open_connection(sock=near)


async def _connect_by(proxy: UpstreamProxy, target: Target) -> Streams:
    """Asks the bot's own proxy for the tunnel. It resolves the name, so its rules decide about addresses."""
    streams = await asyncio.open_connection(
        proxy.target.host, proxy.target.port, ssl=tls_context() if proxy.is_encrypted else None
    )
    reader, writer = streams
    try:
        host = f"[{target.host}]" if ":" in target.host else target.host
        lines = [f"CONNECT {host}:{target.port} HTTP/1.1", f"Host: {host}:{target.port}"]
        if proxy.authorization:
            lines.append(f"Proxy-Authorization: Basic {base64.b64encode(proxy.authorization.encode()).decode()}")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        status = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1]
    except BaseException:
        await _close(writer)
        raise
    if status != b"200":
        await _close(writer)
        raise ConnectionError
    return streams


async def _copy_both(one: Streams, other: Streams) -> None:
    with suppress(ConnectionError):
        async with asyncio.TaskGroup() as group:
            group.create_task(_copy(one[0], other[1]))
            group.create_task(_copy(other[0], one[1]))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(_BLOCK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _answer(writer: asyncio.StreamWriter, status: HTTPStatus, sentence: str) -> None:
    body = f"{sentence}\n".encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with suppress(ConnectionError):
        writer.write(head.encode() + body)
        await writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()
