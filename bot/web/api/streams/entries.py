"""A log's entries as the streams send them. A worker that redacts them imports this module, which needs no models: they
would take most of the worker's start.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bot.text.redaction.redacting import redacted


def entries_json(entries: Sequence[dict[str, Any]], patterns: Sequence[str], *, start: int) -> list[bytes]:
    """Redacted and serialized entries. Caching these rather than frames halves the memory of a log.

    :param entries: plain JSON
    :param start: index of the first one
    """
    shown = redacted([*entries], patterns)
    return [json_line({"type": "log", "index": index, "log": entry}) for index, entry in enumerate(shown, start)]


def json_line(document: Any) -> bytes:
    """On one line; NaN and infinities become null, lone surrogates become question marks."""
    try:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        document = json.loads(json.dumps(document), parse_constant=lambda _: None)
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace")
