"""What the clients of both upstream services share: quoted paths, the fence before writes, which
failures are retried, and for how long.

It depends on no library: the Action and the command line load it too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import TypeVar
from urllib.parse import quote

from bot.errors import RETRIED, ErrorKind, UpstreamError

T = TypeVar("T")

# Paths. Names of repositories, labels, branches and people come from others. Unquoted in a path, a name determines
# which request is sent: "../../../user" as a repository's name would become ``GET /user``.

Segments = Sequence[str | int]


class UnsafeSegmentError(ValueError):
    """A segment that cannot be quoted."""


def api_path(*segments: str | int) -> str:
    """The path of these segments, each quoted as a whole: one segment stays one segment, whatever it contains.

    :raises UnsafeSegmentError: for an empty segment; for "." and "..", which clients resolve even if they are quoted;
        for half a surrogate pair
    """
    return "".join(f"/{_quoted(str(segment))}" for segment in segments)


def _quoted(segment: str) -> str:
    if segment in {"", ".", ".."}:
        raise UnsafeSegmentError(segment)
    try:
        return quote(segment, safe="")
    except UnicodeEncodeError:
        raise UnsafeSegmentError(segment) from None


# The fence. A process that was frozen or disconnected may have been replaced by another one (`bot.engine.membership`).
# The server passes its membership's check; the Action and the command line are never replaced.

Fence = Callable[[], Awaitable[None]]
"""Returns once it is certain that the work still belongs to this process.

:raises asyncio.CancelledError: if it does not
"""

HEARTBEAT = 2.0
"""Seconds between two heartbeats of a server."""

LEASE = 10.0
"""Seconds after its last heartbeat for which a server counts as alive; its fence closes slightly earlier."""


def elapsed_clock() -> float:
    """A monotonic clock in seconds that also counts while the machine sleeps, where the system provides one."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


async def no_fence() -> None:
    """Never blocks."""


# Errors.

_KINDS = {
    401: ErrorKind.UNAUTHORIZED,
    403: ErrorKind.FORBIDDEN,
    404: ErrorKind.NOT_FOUND,
    410: ErrorKind.NOT_FOUND,
}
_REFUSALS = frozenset({400, 405, 406, 409, 411, 412, 413, 414, 415, 416, 417, 422, 423, 424, 426, 428, 431})
"""The statuses that refuse the request itself. Any other may come from a proxy and be temporary."""


def kind_of(status: int, known: Mapping[int, ErrorKind]) -> ErrorKind:
    """The kind of failure that a status means.

    :param known: the meaning of some statuses for one of the services
    """
    if status >= 500:
        return ErrorKind.SERVER_FAULT
    is_refusal = status in _REFUSALS or 300 <= status < 400
    return known.get(status) or _KINDS.get(status, ErrorKind.INVALID if is_refusal else ErrorKind.BAD_ANSWER)


# Retries.

RETRY_DELAYS = (0.5, 2.0, 5.0, 15.0, 30.0)
"""Seconds before each retry of one call, if the upstream does not say."""

OUTAGE_DELAYS = (2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds between two attempts during an outage, each of them a call with its retries."""

Delay = Callable[[UpstreamError, int], float | None]
"""Seconds to wait after an error, by the number of attempts that have failed; None: do not retry."""


async def retried(
    attempt: Callable[[], Awaitable[T]],
    *,
    delay: Delay,
    sleep: Callable[[float], Awaitable[None]],
    on_retry: Callable[[UpstreamError, float], None],
) -> T:
    """Repeats an attempt until it succeeds or is not worth a retry.

    :param on_retry: called with the error and the seconds to wait
    :raises UpstreamError: of the last attempt
    """
    failures = 0
    while True:
        try:
            return await attempt()
        except UpstreamError as error:
            failures += 1
            seconds = delay(error, failures)
            if seconds is None:
                raise
            on_retry(error, seconds)
        await sleep(seconds)


# Impatience. A person waits for the answer to an HTTP request; a command can wait for hours.

_GIVE_UP_AT: ContextVar[float] = ContextVar("give_up_at", default=math.inf)


@contextmanager
def giving_up_after(seconds: float) -> Iterator[None]:
    """Within the context, calls are not retried later than this many seconds from now, nor waited for if repeating them
    would do no harm."""
    token = _GIVE_UP_AT.set(min(_GIVE_UP_AT.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _GIVE_UP_AT.reset(token)


@contextmanager
def giving_up_anew_after(seconds: float) -> Iterator[None]:
    """The same whatever the surrounding limit, for one of many calls: each response shows that the upstream works."""
    token = _GIVE_UP_AT.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _GIVE_UP_AT.reset(token)


def time_left() -> float | None:
    """Seconds until calls are given up, at least 0; None if there is no limit."""
    give_up_at = _GIVE_UP_AT.get()
    return None if give_up_at == math.inf else max(0.0, give_up_at - time.monotonic())


def patient() -> Context:
    """A copy of the context without that limit, for a task that outlives the request that begins it."""
    context = copy_context()
    context.run(_GIVE_UP_AT.set, math.inf)
    return context


def call_delay(error: UpstreamError, failures: int, *, max_wait: float) -> float | None:
    """The delay before a retry of one call. None also if it may have been executed although its response was lost.

    :param max_wait: seconds; a longer wait is the caller's decision
    """
    if error.may_have_happened or error.kind not in RETRIED or failures > len(RETRY_DELAYS):
        return None
    seconds = RETRY_DELAYS[failures - 1] if error.retry_after is None else max(error.retry_after, 0.0)
    left = time_left()
    return seconds if seconds <= (max_wait if left is None else min(max_wait, left)) else None


def outage_delay(error: UpstreamError, failures: int, *, delays: Sequence[float] = OUTAGE_DELAYS) -> float | None:
    """The delay before the next attempt during an outage."""
    if error.kind not in RETRIED or failures > len(delays):
        return None
    return max(delays[failures - 1], error.retry_after or 0.0)


LAG_DELAYS = (0.5, 1.5)
"""Seconds between the attempts to read what a delivery has just named: GitHub's replicas lag behind its webhooks."""


def lag_delay(error: UpstreamError, failures: int) -> float | None:
    """The delay before another attempt at something that certainly exists."""
    return LAG_DELAYS[failures - 1] if error.status == 404 and failures <= len(LAG_DELAYS) else None


def backoff(failures: int) -> float:
    """The delay after so many failed attempts, for those who never give up."""
    return OUTAGE_DELAYS[min(failures, len(OUTAGE_DELAYS)) - 1]
