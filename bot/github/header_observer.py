"""A session whose answers' headers somebody hears: what time it is at GitHub, what a token may do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import aiohttp

from bot.github.session import Response, Session


class HearingSession:
    """`bot.github.session.Session` in front of another one.

    :param hear: is told the headers of each answer
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
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as aiohttp has it
        allow_redirects: bool = True,
    ) -> AsyncIterator[Response]:
        async with self._session.request(
            method, url, headers=headers, data=data, timeout=timeout, allow_redirects=allow_redirects
        ) as response:
            self._hear(response.headers)
            yield response
