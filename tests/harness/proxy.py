"""A proxy on loopback that alone knows certain hosts, as a company's does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Proxy:
    """`ports`: the loopback port of each host; `heads`: of each request, as it arrived."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = ports
        self.heads: list[str] = []
        self.url = ""

    def hosts(self) -> list[str]:
        """The hosts that were requested, in order."""
        return [_target(head)[0] for head in self.heads]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.heads.append(head)
            host, is_tunnel = _target(head)
            if host not in self._ports:
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            else:
                to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._ports[host])
                if is_tunnel:
                    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    # Each request makes its own connection, so that each passes here.
                    method, url, rest = head.split(" ", 2)
                    path = url.split("/", 3)[3]
                    line, fields = rest.split("\r\n", 1)
                    to_writer.write(f"{method} /{path} {line}\r\nConnection: close\r\n{fields}".encode("latin-1"))
                await asyncio.gather(_copy(reader, to_writer), _copy(to_reader, writer))
        writer.close()


@asynccontextmanager
async def proxy_to(ports: Mapping[str, int]) -> AsyncIterator[Proxy]:
    proxy = Proxy(ports)
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()


def _target(head: str) -> tuple[str, bool]:
    """The host, and whether a tunnel to it is requested."""
    method, url, _ = head.split(" ", 2)
    return (url.rpartition(":")[0], True) if method == "CONNECT" else (urlsplit(url).hostname or "", False)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()
