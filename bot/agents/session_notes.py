"""What the bot notes about an agent's session from turn to turn, in the agent's HOME: both live equally long."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from bot.agents.home import read_json, write_json
from bot.agents.model import Usage

T = TypeVar("T", int, float)

FILE = ".codegen-bot-session.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionNotes:
    """:param created: seconds since 1970
    :param input_tokens: as the agent last reported them, as the others
    :param cost: US dollars
    """

    session_id: str
    created: float
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None


def read_notes(home: Path, session_id: str) -> SessionNotes | None:
    """None if nothing is known of that session."""
    try:
        notes = TypeAdapter(SessionNotes).validate_python(read_json(home, FILE))
    except ValidationError:
        return None
    return notes if notes.session_id == session_id else None


def write_notes(home: Path, notes: SessionNotes) -> None:
    write_json(home, FILE, asdict(notes))


def wait_for_minute(created: float, now: float) -> float:
    """Seconds until the clock minute after that of the session's creation; 0 if that is over."""
    return max(0.0, (created // 60 + 1) * 60 - now + 0.1) if created <= now else 0.0


def noted(before: SessionNotes | None, reported: Usage, *, session_id: str, created: float) -> SessionNotes:
    """The notes after a turn. Without a new sum, the last one still stands."""
    last = before or SessionNotes(session_id=session_id, created=created)
    return SessionNotes(
        session_id=session_id,
        created=created,
        input_tokens=last.input_tokens if reported.input_tokens is None else reported.input_tokens,
        output_tokens=last.output_tokens if reported.output_tokens is None else reported.output_tokens,
        cost=last.cost if reported.cost is None else reported.cost,
    )


def since(earlier: SessionNotes | None, reported: Usage) -> Usage:
    """What a turn used, if the agent reports the sums of its session."""
    if earlier is None:
        return reported
    return Usage(
        input_tokens=_difference(earlier.input_tokens, reported.input_tokens),
        output_tokens=_difference(earlier.output_tokens, reported.output_tokens),
        cost=_difference(earlier.cost, reported.cost),
    )


def _difference(before: T | None, now: T | None) -> T | None:
    # A smaller sum than before: the agent has begun to count anew.
    return now if before is None or now is None or now < before else now - before
