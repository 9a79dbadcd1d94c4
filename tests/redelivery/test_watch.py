"""Of several processes on one database, one looks for missed deliveries."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from bot.emulator.github import GitHubEmulator
from bot.github.auth import TokenAuth
from bot.github.client import GitHub
from bot.redelivery.watch import MissedWatch
from bot.store.database import open_engine
from bot.store.migrating import migrate
from bot.store.missed import MissedDeliveries


class Turn:
    """Whose turn it is; `asked` is set when somebody has wanted to know for the third time."""

    def __init__(self) -> None:
        self.is_ours = False
        self.asked = asyncio.Event()
        self._times = 0

    def __call__(self) -> bool:
        self._times += 1
        if self._times == 3:
            self.asked.set()
        return self.is_ours


async def _nothing(*_: object) -> None:
    pass


async def test_whoever_is_not_the_one_asks_nothing_until_they_are(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/bot.sqlite")
    migrate(engine)
    remembered = MissedDeliveries(engine)
    remembered.see("octo/shop", at=datetime.now(UTC))
    turn = Turn()
    async with GitHubEmulator() as emulator, aiohttp.ClientSession() as session:
        watch = MissedWatch(
            GitHub(session, TokenAuth("bot-token"), base_url=emulator.url),
            remembered,
            is_app=False,
            is_leader=turn,
            take=_nothing,
            tell=lambda _: None,
            pause=_nothing,
            now=lambda: datetime.now(UTC),
            first=0.0,
            every=0.01,
        )
        async with watch.watching():
            await asyncio.wait_for(turn.asked.wait(), 10)
            assert emulator.control.journal == []

            turn.is_ours = True
            await emulator.until(lambda: any(each.path.endswith("/comments") for each in emulator.control.journal))
    engine.dispose()
