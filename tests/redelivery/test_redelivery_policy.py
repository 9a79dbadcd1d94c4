"""Which failed deliveries are asked for again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.github.models import Delivered
from bot.redelivery.redelivery_policy import GAPS, MOST_TIMES, can_hold_a_command, judge
from bot.store.missed import Asked

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


def test_the_oldest_comes_first() -> None:
    judged = judge([failed(3, "c"), failed(1, "a"), failed(2, "b")], {}, now=NOON)
    assert [each.guid for each in judged.now] == ["a", "b", "c"]
    assert judged.later == []


def test_several_failures_of_one_delivery_are_asked_for_once_by_the_last() -> None:
    judged = judge([failed(1, "a"), failed(2, "a", again=True)], {}, now=NOON)
    assert [each.id for each in judged.now] == [2]


@pytest.mark.parametrize("status_code", [400, 401, 413, 415])
def test_what_the_bot_refuses_is_left_alone(status_code: int) -> None:
    judged = judge([failed(1, "a", status_code=status_code)], {}, now=NOON)
    assert (judged.now, judged.later) == ([], [])


@pytest.mark.parametrize("status_code", [0, 404, 429, 500, 502, 503, 504])
def test_what_did_not_reach_the_bot_or_met_a_fault_is_worth_it(status_code: int) -> None:
    assert judge([failed(1, "a", status_code=status_code)], {}, now=NOON).now


def test_what_was_asked_for_is_left_until_its_redelivery_fails() -> None:
    judged = judge([failed(1, "a")], {"a": Asked(1, 1, NOON - timedelta(hours=2))}, now=NOON)
    assert (judged.now, judged.later) == ([], [])


def test_another_hooks_failure_of_the_same_thing_is_no_failed_redelivery() -> None:
    judged = judge([failed(1, "a"), failed(2, "a")], {"a": Asked(1, 1, NOON - timedelta(hours=2))}, now=NOON)
    assert (judged.now, judged.later) == ([], [])


@pytest.mark.parametrize("times", range(1, MOST_TIMES))
def test_after_each_time_the_gap_is_longer(times: int) -> None:
    tries = [failed(1, "a"), failed(2, "a", again=True)]
    gap = GAPS[times - 1]
    early = judge(tries, {"a": Asked(1, times, NOON - gap + timedelta(seconds=1))}, now=NOON)
    due = judge(tries, {"a": Asked(1, times, NOON - gap)}, now=NOON)
    assert ([each.id for each in early.now], [each.id for each in early.later]) == ([], [2])
    assert ([each.id for each in due.now], [each.id for each in due.later]) == ([2], [])


def test_at_some_time_it_is_enough() -> None:
    tries = [failed(1, "a"), failed(2, "a", again=True)]
    judged = judge(tries, {"a": Asked(1, MOST_TIMES, NOON - timedelta(days=2))}, now=NOON)
    assert (judged.now, judged.later) == ([], [])


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
def test_only_what_can_hold_a_command_is_worth_it(event: str, action: str | None, *, can: bool) -> None:
    assert can_hold_a_command(failed(1, "a", event=event, action=action)) is can
