"""Downloads what GitHub keeps in a separate store, at an address that is a secret while it is valid."""

from __future__ import annotations

import aiohttp

from bot.errors import ErrorKind, Service, UpstreamError
from bot.github.limits import seconds
from bot.github.session import Response, Session

TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=10, sock_read=30)
"""For one download: a long log is read to its end, which is the part that matters."""

PIECE = 64 * 1024

_KINDS = {404: ErrorKind.NOT_FOUND, 410: ErrorKind.NOT_FOUND, 429: ErrorKind.RATE_LIMITED}


async def download_end(session: Session, address: str, operation: str, *, limit: int) -> str:
    """The text at an address; if it is too large, its end, from the beginning of a line on.

    Requested without credentials: the address itself authorizes.

    :param operation: for the error
    :param limit: bytes that are kept
    :raises UpstreamError: for every failure, never with the address; a store's refusal is worth a retry with a new
        address, because an address is valid for a minute only
    """
    kept, is_cut = bytearray(), False
    try:
        async with session.request("GET", address, timeout=TIMEOUT) as response:
            if response.status != 200:
                raise _refusal(operation, response)
            async for piece in response.content.iter_chunked(PIECE):
                kept += piece
                if len(kept) > 2 * limit:
                    del kept[:-limit]
                    is_cut = True
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # "from None": the error contains the address.
        raise UpstreamError(Service.GITHUB, ErrorKind.NETWORK, operation, detail=type(error).__name__) from None
    end = bytes(kept[-limit:])
    if is_cut or len(kept) > limit:
        end = _from_a_beginning(end)
    return end.decode(errors="replace")


def _from_a_beginning(end: bytes) -> bytes:
    """Drops the partial first line, which could be part of a secret that is no longer recognizable."""
    for separator in (b"\n", b" "):
        _, found, whole = end.partition(separator)
        if found:
            return whole
    return b""


def _refusal(operation: str, response: Response) -> UpstreamError:
    kind = ErrorKind.SERVER_FAULT if response.status >= 500 else _KINDS.get(response.status, ErrorKind.BAD_ANSWER)
    return UpstreamError(
        Service.GITHUB,
        kind,
        operation,
        response.status,
        "the store did not give the log",
        seconds(response.headers.get("retry-after")),
    )
