"""Who is alive, who leads, and who recovers a dead executor's work."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.storage.database import open_engine
from bot.storage.executors import Executors, Pulse
from bot.storage.migrating import migrate
from bot.storage.tables import EXECUTORS

LEASE = 60.0


@pytest.fixture
def shared(postgresql: Engine) -> Engine:
    return postgresql


def silent(database: Engine, executor: str, *, seconds: float = LEASE + 1) -> None:
    """As if an executor had sent its last heartbeat so long ago."""
    at = sa.func.now() - timedelta(seconds=seconds)
    with database.begin() as connection:
        connection.execute(EXECUTORS.update().where(EXECUTORS.c.executor == executor).values(heartbeat_at=at))


def registered(database: Engine, *names: str) -> Executors:
    executors = Executors(database, lease=LEASE)
    for name in names:
        executors.register(name, version="1")
    return executors


def test_beat_of_the_oldest_leads(shared: Engine) -> None:
    executors = registered(shared, "a", "b")
    assert executors.beat("a") == Pulse(is_alive=True, leads=True, dead=())
    assert executors.beat("b") == Pulse(is_alive=True, leads=False, dead=())
    silent(shared, "a")
    assert executors.beat("b") == Pulse(is_alive=True, leads=True, dead=("a",))


def test_replace_needs_an_expired_lease(shared: Engine) -> None:
    executors = registered(shared, "a", "b")
    assert not executors.replace("a", successor="b")
    silent(shared, "a", seconds=LEASE - 20)
    assert not executors.replace("a", successor="b")
    silent(shared, "a")
    assert executors.replace("a", successor="b")


def test_replace_has_one_winner(shared: Engine) -> None:
    executors = registered(shared, "a", "b", "c")
    silent(shared, "a")
    assert executors.replace("a", successor="b")
    assert not executors.replace("a", successor="c")
    # Half-way through it may go on.
    assert executors.replace("a", successor="b")
    assert executors.beat("c").dead == ()
    assert executors.beat("b").dead == ("a",)


def test_replace_passes_to_the_next_when_a_successor_dies(shared: Engine) -> None:
    executors = registered(shared, "a", "b", "c")
    silent(shared, "a")
    executors.replace("a", successor="b")
    silent(shared, "b")
    assert executors.beat("c").dead == ("a", "b")
    assert executors.replace("a", successor="c")
    assert executors.replace("b", successor="c")


def test_beat_of_a_replaced_executor_finds_itself_dead(shared: Engine) -> None:
    executors = registered(shared, "a", "b")
    silent(shared, "a")
    executors.replace("a", successor="b")
    assert executors.beat("a") == Pulse(is_alive=False, leads=False, dead=())
    executors.remove("a", successor="b")
    assert executors.beat("a") == Pulse(is_alive=False, leads=False, dead=())
    assert executors.versions() == {"b": "1"}


def test_beat_in_time_keeps_the_lease(shared: Engine) -> None:
    executors = registered(shared, "a", "b")
    silent(shared, "a")
    assert executors.beat("a").is_alive
    assert not executors.replace("a", successor="b")


def test_stop_makes_work_free_at_once(shared: Engine) -> None:
    executors = registered(shared, "a", "b")
    executors.stop("a")
    assert executors.beat("b").dead == ("a",)
    assert executors.replace("a", successor="b")


def test_sqlite_takes_all_others_for_dead(tmp_path_factory: pytest.TempPathFactory) -> None:
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('executors') / 'bot.sqlite'}")
    migrate(engine)
    executors = registered(engine, "a", "b")
    assert executors.beat("b") == Pulse(is_alive=True, leads=True, dead=("a",))
    assert executors.replace("a", successor="b")
    assert not executors.replace("b", successor="b")
    executors.remove("a", successor="b")
    assert executors.beat("b").dead == ()
    engine.dispose()
