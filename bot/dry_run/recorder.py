"""Requests that are printed instead of sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bot.replies.redaction import REDACTED, redact

SHORTEST_SECRET = 8
"""Characters. A shorter setting is no token, and redacting it would garble ordinary text."""

_IMAGE = re.compile(r"(data:[^,]{1,100},)(.{100,})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that would be sent, without headers, and so without tokens."""

    method: str
    url: str
    content: bytes

    @property
    def path(self) -> str:
        """Percent-encoded."""
        return urlsplit(self.url).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query))

    @property
    def body(self) -> Any:
        """The JSON; None if there is no body."""
        return json.loads(self.content) if self.content else None


class Narrator:
    """Formats each request as text and passes it on.

    :param told: called with the text
    :param secrets: texts that are never shown
    """

    def __init__(self, told: Callable[[str], None], *, secrets: Sequence[str]) -> None:
        self._told = told
        self._secrets = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]

    def tell(self, asked: Asked) -> None:
        """Shows the method and the URL, and below them the body, if any."""
        lines = [f"{asked.method} {self._without_secrets(asked.url)}"]
        if asked.body is not None:
            shown = json.dumps(self._shown(asked.body), indent=2, ensure_ascii=False)
            lines += [f"  {line}" for line in _plain(shown).split("\n")]
        self._told("\n".join(lines))

    def _shown(self, value: Any) -> Any:
        match value:
            case str():
                return self._without_secrets(_IMAGE.sub(_shortened, value) if value.startswith("data:") else value)
            case list():
                return [self._shown(each) for each in value]
            case dict():
                return {name: self._shown(each) for name, each in value.items()}
            case _:
                return value

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return redact(text)


def _shortened(image: re.Match[str]) -> str:
    """Shortens a data URL: an encoded image is unreadable and megabytes long."""
    return f"{image[1]}... ({len(image[2])} characters)"


def _plain(document: str) -> str:
    """The same JSON, with characters that a terminal would interpret or not show as escapes."""
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in document)
