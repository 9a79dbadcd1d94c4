"""Paths below an API's address: the one place where segments are quoted.

Names of repositories, labels, branches and people come from others. A name that stands in a path unquoted chooses the
request that is sent: "../../../user" as a repository's name would ask for ``GET /user``.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

Segments = Sequence[str | int]


class UnsafeSegmentError(ValueError):
    """A segment that no quoting keeps in its place."""


def api_path(*segments: str | int) -> str:
    """The path of these segments, each quoted as a whole: one segment stays one segment, whatever it holds.

    :raises UnsafeSegmentError: for an empty segment, "." and "..": clients resolve the dots also where they are quoted,
        and half a surrogate pair, which cannot be quoted
    """
    return "".join(f"/{_quoted(str(segment))}" for segment in segments)


def _quoted(segment: str) -> str:
    if segment in {"", ".", ".."}:
        raise UnsafeSegmentError(segment)
    try:
        return quote(segment, safe="")
    except UnicodeEncodeError:
        raise UnsafeSegmentError(segment) from None
