"""What was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.errors import Kind, UpstreamError


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    :param about: a word or two for what it is about
    :param mend: what to do; empty where nothing is to be done
    """

    level: Level
    about: str
    sentence: str
    mend: str = ""


def ok(about: str, sentence: str) -> Finding:
    return Finding(Level.OK, about, sentence)


def warning(about: str, sentence: str, mend: str) -> Finding:
    return Finding(Level.WARNING, about, sentence, mend)


def wrong(about: str, sentence: str, mend: str) -> Finding:
    return Finding(Level.WRONG, about, sentence, mend)


def failed(about: str, error: UpstreamError, mend: str, *, address: str) -> Finding:
    """An answer that was none.

    :param mend: where the service refused
    :param address: the setting that says where the service is
    """
    if error.kind in {Kind.NETWORK, Kind.SERVER_FAULT, Kind.BAD_ANSWER, Kind.RATE_LIMITED}:
        mend = f"Try again; where it stays so: does {address} hold the right address, and does this machine reach it?"
    return wrong(about, f"{str(error).rstrip('.')}.", mend)
