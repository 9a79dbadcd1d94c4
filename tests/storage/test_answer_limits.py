"""How often people without write access are answered, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine

from bot.errors import StoreError
from bot.storage.limits import AnswerLimits
from bot.storage.models import AnswerKind, AnswerMode

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
) -> AnswerMode:
    return await AnswerLimits(database).claim(
        identity, subject=subject or identity, login=login, repository=repository, number=1, kind=kind, at=at
    )


async def test_claim_of_one_subject_is_a_reply_once(database: Engine) -> None:
    voices = await asyncio.gather(*(claim(database, f"line-{number}", subject="comment") for number in range(20)))

    assert Counter(voices) == {AnswerMode.REPLY: 1, AnswerMode.NONE: 19}


async def test_claim_again_is_the_same(database: Engine) -> None:
    for number in range(5):
        voices = [await claim(database, str(number), at=NOON + timedelta(hours=hours)) for hours in (0, 5)]
        assert voices[0] is voices[1]


async def test_claim_allows_some_replies_then_reactions(database: Engine) -> None:
    voices = [await claim(database, str(number)) for number in range(25)]
    assert voices == [AnswerMode.REPLY] * 3 + [AnswerMode.REACTION] * 20 + [AnswerMode.NONE] * 2

    assert await claim(database, "later", at=NOON + timedelta(minutes=59)) is AnswerMode.NONE
    assert await claim(database, "next", at=NOON + timedelta(hours=1)) is AnswerMode.REPLY


async def test_claim_counts_a_person_in_all_repositories(database: Engine) -> None:
    for number in range(3):
        await claim(database, str(number), login="Carol", repository=f"octo/{number}")

    assert await claim(database, "3", repository="octo/other") is AnswerMode.REACTION
    assert await claim(database, "4", login="dave") is AnswerMode.REPLY


async def test_claim_bounds_what_a_repository_posts(database: Engine) -> None:
    voices = [await claim(database, str(number), login=f"puppet-{number}") for number in range(52)]

    assert voices == [AnswerMode.REPLY] * 20 + [AnswerMode.REACTION] * 30 + [AnswerMode.NONE] * 2
    assert await claim(database, "elsewhere", login="puppet-99", repository="octo/docs") is AnswerMode.REPLY


async def test_claim_of_allowed_commands_is_counted_apart(database: Engine) -> None:
    for number in range(3):
        await claim(database, f"refused-{number}")
    allowed = [await claim(database, str(number), kind=AnswerKind.ANSWER) for number in range(31)]

    assert allowed == [AnswerMode.REPLY] * 30 + [AnswerMode.REACTION]


async def test_claim_at_the_same_moment_gives_the_last_reply_once(database: Engine) -> None:
    voices = await asyncio.gather(*(claim(database, str(number)) for number in range(10)))

    assert Counter(voices) == {AnswerMode.REPLY: 3, AnswerMode.REACTION: 7}


async def test_claim_without_the_table_is_a_store_error(bare_database: Engine) -> None:
    with pytest.raises(StoreError, match="Error"):
        await claim(bare_database, "a")
