"""Why a stream was closed: a code for programs and a sentence for people.

https://www.rfc-editor.org/rfc/rfc6455#section-7.4.2 reserves 4000 to 4999 for applications; the last three digits here
are those of the HTTP status with the same meaning.
"""

from __future__ import annotations

from enum import IntEnum
from http import HTTPStatus


class CloseCode(IntEnum):
    """Close codes. Server-Sent Events have none; there the code is sent in a last event `close`."""

    ENDED = 1000
    RESTART = 1012
    TOKEN_REFUSED = 4001
    NOT_VISIBLE = 4004
    TOO_SLOW = 4008
    BROKEN = 4500
    UPSTREAM_FAILED = 4502

    @property
    def sentence(self) -> str:
        """At most 123 bytes, the limit of a close frame."""
        return _SENTENCES[self]


_SENTENCES = {
    CloseCode.ENDED: "Stream complete.",
    CloseCode.RESTART: "Server restarting; reconnect with from=n.",
    CloseCode.TOKEN_REFUSED: "Codegen no longer accepts the token.",
    CloseCode.NOT_VISIBLE: "The token no longer has access to this.",
    CloseCode.TOO_SLOW: "The client reads too slowly; reconnect with from=n.",
    CloseCode.BROKEN: "Internal error; the bot's log has the details.",
    CloseCode.UPSTREAM_FAILED: "Codegen does not respond, or refused; reconnect later with from=n.",
}


def of_status(status: HTTPStatus) -> CloseCode:
    """The close code for a subscriber whose request would now be answered with this status."""
    return CloseCode.TOKEN_REFUSED if status is HTTPStatus.UNAUTHORIZED else CloseCode.NOT_VISIBLE
