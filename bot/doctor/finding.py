"""What was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.errors import ErrorKind, UpstreamError


class Severity(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    :param about: a word or two for what it is about
    :param fix: what to do; empty where nothing is to be done
    """

    level: Severity
    about: str
    sentence: str
    fix: str = ""


def ok(about: str, sentence: str) -> Finding:
    return Finding(Severity.OK, about, sentence)


def warning(about: str, sentence: str, fix: str) -> Finding:
    return Finding(Severity.WARNING, about, sentence, fix)


def wrong(about: str, sentence: str, fix: str) -> Finding:
    return Finding(Severity.WRONG, about, sentence, fix)


def failed(about: str, error: UpstreamError, fix: str, *, address: str) -> Finding:
    """An answer that was none.

    :param fix: where the service refused
    :param address: the setting that says where the service is
    """
    if error.kind in {ErrorKind.NETWORK, ErrorKind.SERVER_FAULT, ErrorKind.BAD_ANSWER, ErrorKind.RATE_LIMITED}:
        fix = f"Try again; where it stays so: does {address} hold the right address, and does this machine reach it?"
    return wrong(about, f"{str(error).rstrip('.')}.", fix)
