"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.errors import ErrorKind, UpstreamError


class Severity(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    :param about: a word or two naming the subject
    :param fix: what to do; empty if nothing
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
    """A failed request.

    :param fix: what to do if the service rejected the request
    :param address: the setting with the service's URL
    """
    if error.kind in {ErrorKind.NETWORK, ErrorKind.SERVER_FAULT, ErrorKind.BAD_ANSWER, ErrorKind.RATE_LIMITED}:
        fix = f"Try again; where it stays so: does {address} hold the right address, and does this machine reach it?"
    return wrong(about, f"{str(error).rstrip('.')}.", fix)
