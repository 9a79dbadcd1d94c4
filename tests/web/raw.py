"""A client that writes to the socket itself, and can do what no library would."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

PATIENCE = 20.0
"""Seconds for what has to happen at once: the machine may be busy."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What the server sent back."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> tuple[int, str]:
        """The status and detail of a problem document."""
        assert self.headers["content-type"].partition(";")[0] == "application/problem+json"
        document = self.document
        assert document["status"] == self.status
        assert document["request_id"] == self.headers["x-request-id"]
        return self.status, document["detail"]


class RawClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, url: str) -> Self:
        address = urlsplit(url)
        return cls(*await asyncio.open_connection(address.hostname, address.port, limit=2**20))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> RawAnswer:
        """The next one."""
        async with asyncio.timeout(PATIENCE):
            first, *rest = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return RawAnswer(int(first.split(" ")[1]), headers, body)

    async def closed(self) -> bytes:
        """Waits until the server has closed the connection.

        :returns: what it sent before
        """
        async with asyncio.timeout(PATIENCE):
            received = b""
            try:
                while chunk := await self._reader.read(2**16):
                    received += chunk
            except ConnectionError:
                pass
        return received


def head(method: str, path: str, **headers: object) -> bytes:
    """:param headers: with underscores for hyphens"""
    lines = [f"{method} {path} HTTP/1.1", "Host: bot.example.com"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"
