"""Where a run's pull requests are on GitHub."""

from __future__ import annotations

import re

from bot.codegen.models import RunPullRequest


def location_of(link: RunPullRequest) -> tuple[str, int] | None:
    """The repository in small letters, and the number; None where Codegen does not say it."""
    found = _ADDRESS.fullmatch(link.url or "")
    return (found[1].lower(), int(found[2])) if found else None


_ADDRESS = re.compile(r"https?://[^/]+/([\w.-]+/[\w.-]+)/pull/([0-9]{1,10})/?", re.ASCII)
