"""What sends a request to GitHub: an `aiohttp.ClientSession`, or whatever else answers like one.

Only what the bot uses of a session stands here, so that a dry run can take its place.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import aiohttp


class Pieces(Protocol):
    """An answer's body, as it comes in."""

    def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        """:param n: bytes, of the largest piece"""


class Response(Protocol):
    """An answer whose body is still to be read."""

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
        """:raises aiohttp.ClientError: where no answer comes; also TimeoutError and OSError"""
