"""The interface of what sends requests to GitHub: an `aiohttp.ClientSession` or a replacement.

It has only what the bot uses of a session, so that a dry run can replace it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import aiohttp


class Pieces(Protocol):
    """A response's body, as it arrives."""

    def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        """:param n: bytes, of the largest chunk"""


class Response(Protocol):
    """A response whose body is still to be read."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def content(self) -> Pieces: ...

    async def read(self) -> bytes:
        """The whole body."""


class Session(Protocol):
    """Sends requests."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes = b"",
        timeout: aiohttp.ClientTimeout,
        allow_redirects: bool = True,
    ) -> AbstractAsyncContextManager[Response]:
        """:raises aiohttp.ClientError: if no response arrives; also TimeoutError and OSError"""
