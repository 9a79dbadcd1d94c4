"""Which failed deliveries are asked for again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.execution.redelivery.delivery_log import GAPS, MAX_REQUESTS, can_hold_a_command, decide
from bot.github.hooks import Delivered
from bot.storage.deliveries import Redelivery

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def failed(
    number: int,
    guid: str,
    *,
    status_code: int = 502,
    again: bool = False,
    event: str = "issue_comment",
    action: str | None = "created",
) -> Delivered:
    return Delivered(
        id=number,
        guid=guid,
        delivered_at=NOON - timedelta(minutes=60 - number),
        is_redelivery=again,
        event=event,
        action=action,
        status="failed",
        status_code=status_code,
    )


def test_decide_oldest_first() -> None:
    decision = decide([failed(3, "c"), failed(1, "a"), failed(2, "b")], {}, now=NOON)
    assert [each.guid for each in decision.now] == ["a", "b", "c"]
    assert decision.later == []


def test_decide_last_failure_of_each_delivery() -> None:
    decision = decide([failed(1, "a"), failed(2, "a", again=True)], {}, now=NOON)
    assert [each.id for each in decision.now] == [2]


@pytest.mark.parametrize("status_code", [400, 401, 413, 415])
def test_decide_skips_what_the_bot_refused(status_code: int) -> None:
    decision = decide([failed(1, "a", status_code=status_code)], {}, now=NOON)
    assert (decision.now, decision.later) == ([], [])


@pytest.mark.parametrize("status_code", [0, 404, 429, 500, 502, 503, 504])
def test_decide_redelivers_faults(status_code: int) -> None:
    assert decide([failed(1, "a", status_code=status_code)], {}, now=NOON).now


def test_decide_waits_for_requested_redelivery() -> None:
    decision = decide([failed(1, "a")], {"a": Redelivery(1, 1, NOON - timedelta(hours=2))}, now=NOON)
    assert (decision.now, decision.later) == ([], [])


def test_decide_ignores_failure_of_another_hook() -> None:
    decision = decide([failed(1, "a"), failed(2, "a")], {"a": Redelivery(1, 1, NOON - timedelta(hours=2))}, now=NOON)
    assert (decision.now, decision.later) == ([], [])


@pytest.mark.parametrize("times", range(1, MAX_REQUESTS))
def test_decide_gaps_grow(times: int) -> None:
    tries = [failed(1, "a"), failed(2, "a", again=True)]
    gap = GAPS[times - 1]
    early = decide(tries, {"a": Redelivery(1, times, NOON - gap + timedelta(seconds=1))}, now=NOON)
    due = decide(tries, {"a": Redelivery(1, times, NOON - gap)}, now=NOON)
    assert ([each.id for each in early.now], [each.id for each in early.later]) == ([], [2])
    assert ([each.id for each in due.now], [each.id for each in due.later]) == ([2], [])


def test_decide_gives_up_after_max_requests() -> None:
    tries = [failed(1, "a"), failed(2, "a", again=True)]
    decision = decide(tries, {"a": Redelivery(1, MAX_REQUESTS, NOON - timedelta(days=2))}, now=NOON)
    assert (decision.now, decision.later) == ([], [])


@pytest.mark.parametrize(
    ("event", "action", "can"),
    [
        ("issue_comment", "created", True),
        ("issue_comment", "deleted", False),
        ("pull_request_review_comment", "edited", True),
        ("pull_request_review", "submitted", True),
        ("pull_request_review", "dismissed", False),
        ("pull_request", "labeled", True),
        ("pull_request", "synchronize", False),
        ("issues", "unlabeled", True),
        ("push", None, False),
    ],
)
def test_can_hold_a_command_by_event_and_action(event: str, action: str | None, *, can: bool) -> None:
    assert can_hold_a_command(failed(1, "a", event=event, action=action)) is can
