"""Redelivery policy: which failed deliveries to redeliver, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.github.models import Delivered
from bot.store.missed import Asked

GAPS = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
"""Delays after the first, second, ... redelivery until the next one, if it failed as well. A bot that is up accepts the
first; whatever fails five times in seven hours is given up."""

MOST_TIMES = len(GAPS) + 1

_REFUSED = frozenset({400, 401, 413, 415})
"""Responses of the bot to what it will not accept later either: unsigned, or not in GitHub's form."""

_ACTIONS = {
    "issue_comment": frozenset({"created", "edited"}),
    "pull_request_review_comment": frozenset({"created", "edited"}),
    "pull_request_review": frozenset({"submitted", "edited"}),
    "issues": frozenset({"labeled", "unlabeled"}),
    "pull_request": frozenset({"labeled", "unlabeled"}),
}
"""The actions that can hold a command (`bot.github.events.parse`)."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What to do about a log's failures.

    :param now: to be redelivered, the oldest first
    :param later: redelivered, and failed again recently
    """

    now: list[Delivered]
    later: list[Delivered]


def can_hold_a_command(delivered: Delivered) -> bool:
    return delivered.action in _ACTIONS.get(delivered.event, ())


def judge(failed: Iterable[Delivered], asked: Mapping[str, Asked], *, now: datetime) -> Judged:
    """Decides by the last failed attempt of each delivery.

    :param failed: those that can hold a command, of which none succeeded later
    :param asked: requested redeliveries by the deliveries' GUIDs
    """
    judged = Judged([], [])
    for last in _last_tries(failed):
        before = asked.get(last.guid)
        if last.status_code in _REFUSED:
            continue
        if before is None:
            judged.now.append(last)
        # Only a redelivery can be the requested one: two hooks of one event share a GUID, and one delivery is enough.
        elif last.is_redelivery and last.id != before.delivery_id and before.times < MOST_TIMES:
            is_due = now >= before.at + GAPS[before.times - 1]
            (judged.now if is_due else judged.later).append(last)
    return judged


def _last_tries(failed: Iterable[Delivered]) -> list[Delivered]:
    last = {each.guid: each for each in sorted(failed, key=lambda each: (each.delivered_at, each.id))}
    return sorted(last.values(), key=lambda each: (each.delivered_at, each.id))
