"""The cached entries of a run's log, shared by all its subscribers and limited in size.

The oldest entries are dropped first. A subscriber who still needs them gets them from upstream page by page, with one
request for all who wait for the same page.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from bot.codegen.client import PAGE_SIZE

BATCH = 100
"""Entries sent to a subscriber at once."""


class Entries:
    """The newest entries of a log.

    :param start: index of the first one
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
        """Drops the oldest entries until at most `room` bytes are left; the newest one always stays."""
        count = 0
        while self.size > room and count < len(self._kept) - 1:
            self.size -= len(self._kept[count])
            count += 1
        del self._kept[:count]
        self.first += count

    def after(self, place: int) -> Sequence[bytes]:
        """The next entries from `place` on, which must not be before the first."""
        place -= self.first
        return self._kept[place : place + BATCH]


class OlderPages:
    """Cache of older log pages.

    :param most: bytes to keep; the page that was read last always stays
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._pages: OrderedDict[int, Sequence[bytes]] = OrderedDict()
        self._turn = asyncio.Lock()

    async def after(self, place: int, read: Callable[[int], Awaitable[Sequence[bytes]]]) -> Sequence[bytes]:
        """The entries from `place` to the end of its page; empty if upstream has no such entry.

        :param read: reads a page, given the index of its first entry
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
