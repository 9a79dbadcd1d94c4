"""How often people without write access are answered, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine

from bot.errors import StoreError
from bot.store.answer_limits import AnswerLimits
from bot.store.models import AnswerKind, Voice

pytest_plugins = ["tests.databases"]

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


async def claim(
    database: Engine,
    identity: str,
    *,
    subject: str | None = None,
    login: str = "carol",
    repository: str = "octo/shop",
    kind: AnswerKind = AnswerKind.REFUSAL,
    at: datetime = NOON,
) -> Voice:
    return await AnswerLimits(database).claim(
        identity, subject=subject or identity, login=login, repository=repository, number=1, kind=kind, at=at
    )


async def test_claim_of_one_subject_is_a_reply_once(database: Engine) -> None:
    voices = await asyncio.gather(*(claim(database, f"line-{number}", subject="comment") for number in range(20)))

    assert Counter(voices) == {Voice.REPLY: 1, Voice.NONE: 19}


async def test_claim_again_is_the_same(database: Engine) -> None:
    for number in range(5):
        voices = [await claim(database, str(number), at=NOON + timedelta(hours=hours)) for hours in (0, 5)]
        assert voices[0] is voices[1]


async def test_claim_is_a_reply_a_few_times_an_hour_and_then_a_reaction(database: Engine) -> None:
    voices = [await claim(database, str(number)) for number in range(25)]
    assert voices == [Voice.REPLY] * 3 + [Voice.REACTION] * 20 + [Voice.NONE] * 2

    assert await claim(database, "later", at=NOON + timedelta(minutes=59)) is Voice.NONE
    assert await claim(database, "next", at=NOON + timedelta(hours=1)) is Voice.REPLY


async def test_claim_counts_a_person_in_all_repositories(database: Engine) -> None:
    for number in range(3):
        await claim(database, str(number), login="Carol", repository=f"octo/{number}")

    assert await claim(database, "3", repository="octo/other") is Voice.REACTION
    assert await claim(database, "4", login="dave") is Voice.REPLY


async def test_claim_bounds_what_a_repository_posts(database: Engine) -> None:
    voices = [await claim(database, str(number), login=f"puppet-{number}") for number in range(52)]

    assert voices == [Voice.REPLY] * 20 + [Voice.REACTION] * 30 + [Voice.NONE] * 2
    assert await claim(database, "elsewhere", login="puppet-99", repository="octo/docs") is Voice.REPLY


async def test_claim_of_allowed_commands_is_counted_apart(database: Engine) -> None:
    for number in range(3):
        await claim(database, f"refused-{number}")
    allowed = [await claim(database, str(number), kind=AnswerKind.ANSWER) for number in range(31)]

    assert allowed == [Voice.REPLY] * 30 + [Voice.REACTION]


async def test_claim_at_the_same_moment_gives_the_last_reply_once(database: Engine) -> None:
    voices = await asyncio.gather(*(claim(database, str(number)) for number in range(10)))

    assert Counter(voices) == {Voice.REPLY: 3, Voice.REACTION: 7}


async def test_claim_without_the_table_is_a_store_error(bare_database: Engine) -> None:
    with pytest.raises(StoreError, match="Error"):
        await claim(bare_database, "a")
