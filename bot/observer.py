"""Who is told of every call to the outside worlds, and of every wait for their limits.

It stands below both clients and knows no library: the server counts what it hears (`bot.metrics`), the Action and the
command line listen to nothing, and do not load what counts.
"""

from __future__ import annotations

from typing import Protocol

from bot.errors import ErrorKind, Service, UpstreamError


class Observer(Protocol):
    """Hears of it when it is over. It must be quick, and raise nothing."""

    def called(self, service: Service, operation: str, status: str, seconds: float) -> None:
        """One request, and how it ended.

        :param operation: the client's method name
        :param status: the HTTP status in digits; where no whole answer came, or the status does not tell that a limit
            is used up, the kind of the failure
        """

    def waited(self, service: Service, limit: str, seconds: float) -> None:
        """A request was held back.

        :param limit: which of the service's limits held it
        """

    def left_out(self) -> None:
        """A progress edit was not made, so that there is room for what must be said."""


class Nobody:
    """The observer where nobody listens."""

    def called(self, service: Service, operation: str, status: str, seconds: float) -> None:
        pass

    def waited(self, service: Service, limit: str, seconds: float) -> None:
        pass

    def left_out(self) -> None:
        pass


NOBODY: Observer = Nobody()


def status_of(error: UpstreamError) -> str:
    """A failed call's status, as an observer hears it.

    GitHub says "slow down" by 403 as well, by which it mostly means a missing right.
    """
    is_hidden = error.kind is ErrorKind.RATE_LIMITED and error.status != 429
    return error.kind.value if error.status is None or is_hidden else str(error.status)
