"""The store's values. Nothing here depends on a database: entry points without one store the same differently."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Star:
    """A mark on a run, with who set it and when; None if only the label on GitHub records it."""

    run_id: int
    login: str | None = None
    at: datetime | None = None


class Budget(StrEnum):
    """What a quota applies to; the values are the config file's keys."""

    PERSON = "person"
    THREAD = "thread"
    REPOSITORY = "repository"


class AnswerKind(StrEnum):
    """What kind of reply a person without write access gets."""

    REFUSAL = "refusal"
    """To something they may not do, or that is no command."""

    ANSWER = "answer"
    """To something they may do."""


class AnswerMode(StrEnum):
    """How a command is answered."""

    REPLY = "reply"
    """By a comment, and a reaction."""

    REACTION = "reaction"
    """By a reaction alone."""

    NONE = "none"
    """Not at all: another command of the same comment is answered, or there were too many."""


ANSWERS_PERIOD = timedelta(hours=1)

MOST_REFUSALS = 3
"""Refusals that one person gets as replies in `ANSWERS_PERIOD`; reactions follow."""

MOST_ANSWERS = 30
"""Commands of one person without write access that are executed in `ANSWERS_PERIOD`."""

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
    """A quota that would be exceeded.

    :param used: runs counted today so far
    """

    budget: Budget
    limit: int
    used: int
