"""Of several processes on one database, one looks for missed deliveries."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from bot.emulators.github import GitHubEmulator
from bot.execution.redelivery.watch import MissedWatch
from bot.github.auth import TokenAuth
from bot.github.client import GitHub
from bot.github.session import new_session
from bot.storage.database import open_engine
from bot.storage.deliveries import MissedDeliveries
from bot.storage.migrating import migrate
from tests.harness import TIMEOUT


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


async def test_watch_searches_only_as_leader(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/bot.sqlite")
    migrate(engine)
    remembered = MissedDeliveries(engine)
    remembered.add_repository("octo/shop", at=datetime.now(UTC))
    turn = Turn()
    async with GitHubEmulator() as emulator, new_session() as session:
        watch = MissedWatch(
            GitHub(session, TokenAuth("bot-token"), base_url=emulator.url),
            remembered,
            is_app=False,
            is_leader=turn,
            handle=_nothing,
            on_redelivery=lambda _: None,
            pause=_nothing,
            now=lambda: datetime.now(UTC),
            first=0.0,
            every=0.01,
        )
        watching = asyncio.create_task(watch.run())
        try:
            await asyncio.wait_for(turn.asked.wait(), TIMEOUT)
            assert emulator.control.journal == []

            turn.is_ours = True
            await emulator.until(lambda: any(each.path.endswith("/comments") for each in emulator.control.journal))
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    engine.dispose()
