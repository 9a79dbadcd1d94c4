"""An HTTP session that reports response headers to an observer: GitHub's time, a token's permissions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import aiohttp

from bot.github.session import Response, Session


class HearingSession:
    """Wraps another `bot.github.session.Session`.

    :param hear: called with the headers of each response
    """

    def __init__(self, session: Session, hear: Callable[[Mapping[str, str]], None]) -> None:
        self._session = session
        self._hear = hear

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes = b"",
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as in aiohttp
        allow_redirects: bool = True,
    ) -> AsyncIterator[Response]:
        async with self._session.request(
            method, url, headers=headers, data=data, timeout=timeout, allow_redirects=allow_redirects
        ) as response:
            self._hear(response.headers)
            yield response
