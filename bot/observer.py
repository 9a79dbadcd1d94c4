"""The observer of every upstream call and of every wait for a rate limit.

It is below both clients and depends on no library: the server counts calls (`bot.metrics`), the Action and the command
line observe nothing, and do not import the metrics.
"""

from __future__ import annotations

from typing import Protocol

from bot.errors import ErrorKind, Service, UpstreamError


class Observer(Protocol):
    """Called when a call or wait is over. It must be quick, and raise nothing."""

    def called(self, service: Service, operation: str, status: str, seconds: float) -> None:
        """One request, and how it ended.

        :param operation: the client's method name
        :param status: the HTTP status in digits; without a complete response, or if the status does not show that a
            rate limit is exceeded, the kind of the failure
        """

    def waited(self, service: Service, limit: str, seconds: float) -> None:
        """A request was delayed.

        :param limit: which of the service's limits delayed it
        """

    def left_out(self) -> None:
        """A progress edit was dropped, to leave room for more important writes."""


class Nobody:
    """An observer that does nothing."""

    def called(self, service: Service, operation: str, status: str, seconds: float) -> None:
        pass

    def waited(self, service: Service, limit: str, seconds: float) -> None:
        pass

    def left_out(self) -> None:
        pass


NOBODY: Observer = Nobody()


def status_of(error: UpstreamError) -> str:
    """A failed call's status, as passed to an observer.

    GitHub also uses 403 for rate limits, although it mostly means a missing permission.
    """
    is_hidden = error.kind is ErrorKind.RATE_LIMITED and error.status != 429
    return error.kind.value if error.status is None or is_hidden else str(error.status)
