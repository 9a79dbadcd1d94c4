"""What callers of the HTTP API read when an upstream fails."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from bot.errors import ErrorKind, Service, UpstreamError
from bot.web.api.failures import problem_of, sentence_of


@pytest.mark.parametrize(
    ("kind", "detail", "sentence"),
    [
        (ErrorKind.NOT_FOUND, "", "GitHub did not find it."),
        (ErrorKind.NOT_FOUND, "Not Found", "GitHub did not find it. Not Found."),
        (ErrorKind.INVALID, "Who are you?", "GitHub did not accept the request. Who are you?"),
        (ErrorKind.NETWORK, "", "GitHub cannot be reached: no response."),
        (ErrorKind.NETWORK, "Connection refused.", "GitHub cannot be reached: Connection refused."),
    ],
)
def test_sentence_of_error_ends_once(kind: ErrorKind, detail: str, sentence: str) -> None:
    assert sentence_of(UpstreamError(Service.GITHUB, kind, "issue", detail=detail)) == sentence


def test_problem_of_what_may_have_happened() -> None:
    error = UpstreamError(
        Service.GITHUB, ErrorKind.SERVER_FAULT, "comment", 502, detail="Bad gateway", may_have_happened=True
    )
    assert problem_of(error).detail == snapshot(
        "GitHub failed (502). Bad gateway. It may have been done anyway: check before you retry."
    )
