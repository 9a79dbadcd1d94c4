"""Which of the failed deliveries are to be asked for again, and which later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.github.models import Delivered
from bot.store.missed import Asked

GAPS = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
"""After the first, second, ... time that something was asked for, how long until it is asked for again where that has
failed as well. A bot that is up takes it at the first time; whatever fails five times in seven hours is left alone."""

MOST_TIMES = len(GAPS) + 1

_REFUSED = frozenset({400, 401, 413, 415})
"""How the bot answers what it will not take at any later time either: not signed, not as GitHub sends it."""

_ACTIONS = {
    "issue_comment": frozenset({"created", "edited"}),
    "pull_request_review_comment": frozenset({"created", "edited"}),
    "pull_request_review": frozenset({"submitted", "edited"}),
    "issues": frozenset({"labeled", "unlabeled"}),
    "pull_request": frozenset({"labeled", "unlabeled"}),
}
"""What can hold a command (`bot.github.events.parse`)."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be done about a log's failures.

    :param now: is to be asked for, the oldest first
    :param later: was asked for, and failed again a moment ago
    """

    now: list[Delivered]
    later: list[Delivered]


def can_hold_a_command(delivered: Delivered) -> bool:
    return delivered.action in _ACTIONS.get(delivered.event, ())


def judge(failed: Iterable[Delivered], asked: Mapping[str, Asked], *, now: datetime) -> Judged:
    """Of each thing that was to be told, the try that failed last decides.

    :param failed: those that can hold a command, of which none succeeded later
    :param asked: by the deliveries' GUIDs
    """
    judged = Judged([], [])
    for last in _last_tries(failed):
        before = asked.get(last.guid)
        if last.status_code in _REFUSED:
            continue
        if before is None:
            judged.now.append(last)
        # Only a redelivery can be the one that was asked for: two hooks of one event have one GUID, and one is enough.
        elif last.is_redelivery and last.id != before.delivery_id and before.times < MOST_TIMES:
            is_due = now >= before.at + GAPS[before.times - 1]
            (judged.now if is_due else judged.later).append(last)
    return judged


def _last_tries(failed: Iterable[Delivered]) -> list[Delivered]:
    last = {each.guid: each for each in sorted(failed, key=lambda each: (each.delivered_at, each.id))}
    return sorted(last.values(), key=lambda each: (each.delivered_at, each.id))
