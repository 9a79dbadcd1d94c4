"""The observer of every upstream call and of every wait for a rate limit.

It is below both clients and depends on no library: the server counts calls (`bot.metrics`), the Action and the command
line observe nothing, and do not import the metrics.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.errors import ErrorKind, Service, UpstreamError


class Observer:
    """Called when a call, an attempt or a wait is over; this one does nothing. It must be quick, and raise nothing."""

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

    def retrying(self, error: UpstreamError, failures: int, seconds: float) -> None:
        """A call has failed, and is repeated.

        :param failures: attempts that have failed so far
        :param seconds: until the next one
        """

    def edit_dropped(self) -> None:
        """A progress edit was dropped, to leave room for more important writes."""


NO_OBSERVER = Observer()


@contextmanager
def observed(observer: Observer, service: Service, operation: str) -> Iterator[Callable[[int], None]]:
    """Reports one request to an observer, which lasts as long as the context.

    :returns: to be called with the status of a success
    """
    begun = time.perf_counter()

    def ended(status: int | str) -> None:
        observer.called(service, operation, str(status), time.perf_counter() - begun)

    try:
        yield ended
    except UpstreamError as error:
        ended(status_of(error))
        raise


def status_of(error: UpstreamError) -> str:
    """A failed call's status, as passed to an observer.

    GitHub also uses 403 for rate limits, although it mostly means a missing permission.
    """
    is_hidden = error.kind is ErrorKind.RATE_LIMITED and error.status != 429
    return error.kind.value if error.status is None or is_hidden else str(error.status)
