"""The last valid version of each config file, in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime


class RememberedConfigFiles:
    """`bot.handlers.ports.ConfigFiles`."""

    def __init__(self) -> None:
        self._texts: dict[str, str | None] = {}

    async def find(self, sources: Collection[str]) -> Mapping[str, str | None]:
        return {source: self._texts[source] for source in sources if source in self._texts}

    async def keep(self, source: str, text: str | None, *, at: datetime) -> None:  # noqa: ARG002 - nothing expires
        self._texts[source] = text
