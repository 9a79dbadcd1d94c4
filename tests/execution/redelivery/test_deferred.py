"""Deferred events are tried again, answered late, and given up in the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from bot.errors import ConfigUnknownError
from bot.execution.redelivery.deferred import DeferredWatch, defer
from bot.github.events import CommentPosted, Event
from bot.github.models import Comment, CommentKind, Person, Thread
from bot.storage.database import open_engine
from bot.storage.deliveries import DeferredEvents
from bot.storage.migrating import migrate

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
BOB = Person("bob", is_bot=False)
EVENT = CommentPosted(
    thread=Thread(
        repository="octo/shop",
        number=1,
        is_pull_request=True,
        title="T",
        body="",
        url="u",
        author="alice",
        is_private=False,
    ),
    comment=Comment(kind=CommentKind.ISSUE_COMMENT, id=7, body="/bot run fix it", author=BOB, url="c"),
    sender=BOB,
    installation_id=None,
    at=NOON,
)


class Server:
    """Takes what it is given, as far as it knows the config."""

    def __init__(self, events: DeferredEvents) -> None:
        self.now = NOON
        self.readable = {"octo/docs"}
        self.knows_prefix = False
        self.tried: list[tuple[Event, bool]] = []
        self.watch = DeferredWatch(
            events,
            is_leader=lambda: True,
            is_readable=self._is_readable,
            handle=self._take,
            now=lambda: self.now,
            every=1.0,
        )

    @property
    def tries(self) -> int:
        return len(self.tried)

    async def round_after(self, passed: timedelta) -> None:
        self.now = NOON + passed
        await self.watch.round()

    async def _is_readable(self, repository: str) -> bool:
        return repository in self.readable

    async def _take(self, event: Event, *, is_late: bool) -> None:
        self.tried.append((event, is_late))
        if event.thread.repository not in self.readable and not (is_late and self.knows_prefix):
            raise ConfigUnknownError("not yet")


@pytest.fixture
def events(tmp_path: Path) -> Iterator[DeferredEvents]:
    engine: Engine = open_engine(f"sqlite:///{tmp_path}/bot.sqlite")
    migrate(engine)
    yield DeferredEvents(engine)
    engine.dispose()


async def test_round_retries_where_config_is_readable(events: DeferredEvents) -> None:
    server = Server(events)
    other = replace(EVENT, thread=replace(EVENT.thread, repository="octo/docs"))
    for event in (EVENT, other):
        assert await defer(events, event, at=NOON)

    await server.round_after(timedelta(seconds=15))

    assert server.tried == [(other, False)]
    assert [each.repository for each in events.all()] == ["octo/shop"]


async def test_round_answers_late_command(events: DeferredEvents) -> None:
    server = Server(events)
    server.knows_prefix = True
    await defer(events, EVENT, at=NOON)

    await server.round_after(timedelta(minutes=29))
    assert server.tried == []
    await server.round_after(timedelta(minutes=31))

    assert server.tried == [(EVENT, True)]
    assert events.all() == []


async def test_round_tries_late_once(events: DeferredEvents) -> None:
    server = Server(events)
    await defer(events, EVENT, at=NOON)

    for minutes in (31, 32, 33):
        await server.round_after(timedelta(minutes=minutes))
    assert server.tries == 1
    server.readable.add("octo/shop")
    await server.round_after(timedelta(hours=5))

    assert server.tries == 2
    assert events.all() == []


async def test_round_gives_up_after_three_days(events: DeferredEvents) -> None:
    server = Server(events)
    await defer(events, EVENT, at=NOON)

    await server.round_after(timedelta(days=3))
    assert len(events.all()) == 1
    await server.round_after(timedelta(days=3, minutes=1))

    assert events.all() == []


async def test_round_removes_unreadable_event(events: DeferredEvents) -> None:
    server = Server(events)
    events.add("octo/docs", {"kind": "of tomorrow", "event": {}}, at=NOON)

    await server.round_after(timedelta(seconds=15))

    assert (server.tried, events.all()) == ([], [])


async def test_defer_without_room_is_false(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/bot.sqlite")
    migrate(engine)
    assert not await defer(DeferredEvents(engine, most=0), EVENT, at=NOON)
    engine.dispose()


async def test_defer_database_error_is_false(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/bot.sqlite")
    assert not await defer(DeferredEvents(engine), EVENT, at=NOON)
    engine.dispose()
