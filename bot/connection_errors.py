"""Why a server could not be reached, in words for people."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator

from bot.network import certificate_problem

_CLOSED = frozenset({"ServerDisconnectedError", "RemoteProtocolError", "ReadError", "WriteError", "ClientPayloadError"})
"""Errors of aiohttp and httpx after which the other side has closed the connection."""

_MOST_CAUSES = 20
"""Errors that are looked at: a chain may be a circle."""


def connection_problem(error: BaseException, host: str | None) -> str:
    """Why no response arrived, in a few words for people: "connection refused".

    :param error: aiohttp's or httpx's
    """
    if (problem := certificate_problem(error, host)) is not None:
        return problem
    causes = [*_causes(error)]
    for each in causes:
        match each:
            case ConnectionRefusedError():
                return "connection refused"
            case socket.gaierror():
                return f"the name {host} cannot be resolved" if host else "the host's name cannot be resolved"
            case ConnectionResetError() | BrokenPipeError():
                return "connection reset"
            case ssl.SSLError():
                return (
                    f"TLS failed ({each.reason or 'no reason given'})".replace("_", " ").lower().replace("tls", "TLS")
                )
            case OSError() if each.errno is not None and each.errno > 0:
                return os.strerror(each.errno).lower()
            case _ if isinstance(each, TimeoutError) or "Timeout" in type(each).__name__:
                return "timed out"
    if any(type(each).__name__ in _CLOSED for each in causes):
        return "the server closed the connection"
    return type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything that led to it, the error itself last: its own words are the vaguest."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting and len(found) < _MOST_CAUSES:
        each = waiting.pop()
        if each in found:
            continue
        found.append(each)
        inner = each.exceptions if isinstance(each, BaseExceptionGroup) else ()
        linked = (getattr(each, "os_error", None), each.__cause__, each.__context__)
        waiting += [cause for cause in (*inner, *linked) if cause is not None]
    return reversed(found)
