"""What the store remembers, as values. Nothing here knows a database: doors without one remember the same otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Star:
    """A mark on a run, and who set it when; None where the label on GitHub is all that there is of it."""

    run_id: int
    login: str | None = None
    at: datetime | None = None


class Budget(StrEnum):
    """What a limit is for; the words are those of the config file's keys."""

    PERSON = "person"
    THREAD = "thread"
    REPOSITORY = "repository"


class AnswerKind(StrEnum):
    """What somebody without write access is answered."""

    REFUSAL = "refusal"
    """What they may not do, or what is no command."""

    ANSWER = "answer"
    """What they may do."""


class Voice(StrEnum):
    """How a command is answered."""

    REPLY = "reply"
    """By a comment, and a reaction."""

    REACTION = "reaction"
    """By a reaction alone."""

    NONE = "none"
    """By nothing of its own: another command of the same comment is answered, or there were too many."""


ANSWERS_PERIOD = timedelta(hours=1)

MOST_REFUSALS = 3
"""Refusals that one person gets as replies in `ANSWERS_PERIOD`; after them come reactions."""

MOST_ANSWERS = 30
"""Commands of one person without write access that are carried out in `ANSWERS_PERIOD`."""

MOST_REACTIONS = 20
"""Reactions instead of replies, to one person in `ANSWERS_PERIOD`."""

MOST_REFUSALS_OF_A_REPOSITORY = 20
"""Refusals as replies to all people of one repository together, in `ANSWERS_PERIOD`."""

MOST_REACTIONS_OF_A_REPOSITORY = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Agent runs a day; None: no limit."""

    person: int | None
    thread: int | None
    repository: int | None


@dataclass(frozen=True, slots=True)
class QuotaExceeded:
    """A limit that would be passed.

    :param used: runs asked for today so far
    """

    budget: Budget
    limit: int
    used: int
