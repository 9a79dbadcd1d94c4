"""Recognizes a failure that happens again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from bot.text.job_log import failure_lines

_VARYING = re.compile(
    r"""
      \d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?Z?
    | (?<![\w.])\d{1,9}(?:\.\d{1,9})?[ ]?(?:ms|s|sec|seconds?|m|min|minutes?)(?!\w)
    | (?<!\w)(?:0x[0-9a-fA-F]{1,16}|[0-9a-f]{7,64})(?!\w)
    | /tmp/[^\s:'"]{1,200}
    """,
    re.VERBOSE,
)
"""Times, durations, addresses, commits and temporary files, which differ each time."""


def failure_signature(failures: Iterable[tuple[str, str]]) -> str:
    """The same for the same failures, in any order and whatever they took.

    :param failures: the name of each, and an excerpt of its log
    :returns: 64 hexadecimal digits
    """
    parts = []
    for name, excerpt in sorted(failures):
        lines = (_VARYING.sub("*", line).strip() for line in failure_lines(excerpt))
        parts.append("\n".join((name, *filter(None, lines))))
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()
