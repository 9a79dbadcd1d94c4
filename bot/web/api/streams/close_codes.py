"""Why a stream ends: a code for programs and a sentence for people.

https://www.rfc-editor.org/rfc/rfc6455#section-7.4.2 leaves 4000 to 4999 to applications; those here borrow the last
three digits of the HTTP status that means the same.
"""

from __future__ import annotations

from enum import IntEnum
from http import HTTPStatus


class CloseCode(IntEnum):
    """With Server-Sent Events, which know none, the code comes as a last event `close`."""

    ENDED = 1000
    RESTART = 1012
    TOKEN_REFUSED = 4001
    NOT_VISIBLE = 4004
    TOO_SLOW = 4008
    BROKEN = 4500
    UPSTREAM_FAILED = 4502

    @property
    def sentence(self) -> str:
        """At most 123 bytes, which is what a close frame holds."""
        return _SENTENCES[self]


_SENTENCES = {
    CloseCode.ENDED: "The end was told.",
    CloseCode.RESTART: "The server stops; come back with from=n.",
    CloseCode.TOKEN_REFUSED: "Codegen does not accept the token any more.",
    CloseCode.NOT_VISIBLE: "The token does not see this any more.",
    CloseCode.TOO_SLOW: "What was sent was not taken in time; come back with from=n.",
    CloseCode.BROKEN: "The bot failed at this stream; its log has the rest.",
    CloseCode.UPSTREAM_FAILED: "Codegen did not answer for long, or said no; come back later with from=n.",
}


def of_status(status: HTTPStatus) -> CloseCode:
    """What ends the stream of somebody who would be answered with this status now."""
    return CloseCode.TOKEN_REFUSED if status is HTTPStatus.UNAUTHORIZED else CloseCode.NOT_VISIBLE
