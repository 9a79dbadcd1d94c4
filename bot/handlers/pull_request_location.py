"""Parses where a run's pull requests are on GitHub."""

from __future__ import annotations

import re

from bot.codegen.models import RunPullRequest
from bot.github.addresses import HIGHEST_NUMBER, is_repository


def location_of(link: RunPullRequest) -> tuple[str, int] | None:
    """The repository in lower case, and the number; None if Codegen does not give it, or it cannot exist."""
    found = _ADDRESS.fullmatch(link.url or "")
    if found is None or not is_repository(found[1]) or not 1 <= int(found[2]) <= HIGHEST_NUMBER:
        return None
    return found[1].lower(), int(found[2])


_ADDRESS = re.compile(r"https?://[^/]+/([\w.-]+/[\w.-]+)/pull/([0-9]{1,10})/?", re.ASCII)
