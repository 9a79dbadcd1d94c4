"""A run's log as far as it was read, kept once for all who listen, and within bounds.

What has become too much leaves at the front. Whoever is still before that is served page by page from upstream, by one
request for all who wait for the same page.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from bot.codegen.client import PAGE_SIZE

BATCH = 100
"""Entries that a listener is given at once."""


class Entries:
    """The newest entries.

    :param start: the place of the first one
    """

    def __init__(self, start: int) -> None:
        self.first = start
        self.size = 0
        self._kept: list[bytes] = []

    @property
    def end(self) -> int:
        return self.first + len(self._kept)

    def add(self, written: Sequence[bytes]) -> None:
        self._kept += written
        self.size += sum(map(len, written))

    def shrink(self, room: int) -> None:
        """Drops the oldest ones, until the rest is no more than `room` bytes; the newest one stays in any case."""
        count = 0
        while self.size > room and count < len(self._kept) - 1:
            self.size -= len(self._kept[count])
            count += 1
        del self._kept[:count]
        self.first += count

    def after(self, place: int) -> Sequence[bytes]:
        """What follows; `place` is not before the first."""
        place -= self.first
        return self._kept[place : place + BATCH]


class OlderPages:
    """Pages of what is not kept any more.

    :param most: bytes that are kept; the page that was read last is kept in any case
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._pages: OrderedDict[int, Sequence[bytes]] = OrderedDict()
        self._turn = asyncio.Lock()

    async def after(self, place: int, read: Callable[[int], Awaitable[Sequence[bytes]]]) -> Sequence[bytes]:
        """What follows of the page that holds this place; nothing where upstream has no such entry.

        :param read: reads a page from its first place on
        """
        start = place - place % PAGE_SIZE
        async with self._turn:
            page = self._pages.get(start, ())
            if place - start >= len(page):
                page = self._pages[start] = await read(start)
            self._pages.move_to_end(start)
            while len(self._pages) > 1 and sum(map(_size, self._pages.values())) > self._most():
                self._pages.popitem(last=False)
        return page[place - start :]


def _size(page: Sequence[bytes]) -> int:
    return sum(map(len, page))
