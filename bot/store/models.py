"""What the store remembers, as values. Nothing here knows a database: doors without one remember the same otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Agent runs a day; None: no limit."""

    person: int | None
    thread: int | None
    repository: int | None


@dataclass(frozen=True, slots=True)
class Over:
    """A limit that would be passed.

    :param used: runs asked for today so far
    """

    budget: Budget
    limit: int
    used: int
