"""Old answers refuse, and let nobody in."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import ErrorKind, Service, UpstreamError
from bot.execution.permissions import REFUSAL_TTL, RecentPermissions
from bot.github.models import Permission
from bot.upstream import LAG_DELAYS


class GitHub:
    """Says what carol may do, when `open` is set."""

    def __init__(self) -> None:
        self.level = Permission.READ
        self.failure: Exception | None = None
        self.asked: list[tuple[str, str]] = []
        self.now = 0.0
        self.open = asyncio.Event()
        self.open.set()
        self.slept: list[float] = []
        self.permissions = RecentPermissions(self._answer, clock=lambda: self.now, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def _answer(self, repository: str, login: str) -> Permission:
        self.asked.append((repository, login))
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return self.level

    async def of(
        self, needed: Permission = Permission.WRITE, *, login: str = "carol", is_fresh: bool = False
    ) -> Permission:
        return await self.permissions.get("octo/shop", login, needed=needed, is_fresh=is_fresh)


async def test_of_refuses_by_the_last_answer_for_a_while() -> None:
    github = GitHub()
    for login in ("carol", "Carol"):
        assert await github.of(login=login) is Permission.READ
    assert len(github.asked) == 1

    github.now, github.level = REFUSAL_TTL, Permission.WRITE

    assert await github.of() is Permission.WRITE


@pytest.mark.parametrize(("is_fresh", "waits"), [(True, [*LAG_DELAYS]), (False, [])])
async def test_of_asks_again_only_for_fresh_delivery(waits: list[float], *, is_fresh: bool) -> None:
    github = GitHub()
    github.level = Permission.NONE

    assert await github.of(is_fresh=is_fresh) is Permission.NONE
    assert github.slept == waits
    assert len(github.asked) == 1 + len(waits)


async def test_of_does_not_use_an_expired_permission() -> None:
    github = GitHub()
    github.level = Permission.WRITE
    await github.of()
    github.level = Permission.READ

    assert await github.of() is Permission.READ
    assert await github.of(Permission.READ) is Permission.READ
    assert len(github.asked) == 3


async def test_of_asks_once_for_those_who_ask_together() -> None:
    github = GitHub()
    github.open.clear()
    asking = [asyncio.create_task(github.of()) for _ in range(20)]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.sleep(0)
    github.open.set()

    assert await asyncio.gather(*asking[1:]) == [Permission.READ] * 19
    assert len(github.asked) == 1


async def test_of_asks_again_after_a_failure() -> None:
    github = GitHub()
    github.failure = UpstreamError(Service.GITHUB, ErrorKind.NETWORK, "permission")
    with pytest.raises(UpstreamError):
        await github.of()
    github.failure = None

    assert await github.of() is Permission.READ
