"""The model key: put into an agent's requests, and taken out of the answers."""

from __future__ import annotations

import hmac
import json
from collections.abc import MutableMapping
from urllib.parse import parse_qsl, quote

REDACTED = b"[redacted]"

_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
_QUERY = "key"

_SHORTEST_SECRET = 8
"""Characters. Local models take any key, and people write `none` or `ollama`, which texts may contain."""


class ModelKey:
    """:param placeholder: which an agent sends in the key's place
    :param key: None if the model API wants none
    """

    def __init__(self, placeholder: str, key: str | None) -> None:
        self._placeholder = placeholder
        self._key = key

    def put(self, headers: MutableMapping[str, str], query: str) -> str | None:
        """Replaces the placeholder where the agent has put it. `?key=` becomes a header: URLs are logged.

        :param query: as it was sent
        :return: the query without it; None if the request has no placeholder but needs one
        """
        is_found = False
        for name in _HEADERS:
            if (value := headers.get(name)) is None:
                continue
            scheme, separator, credentials = value.rpartition(" ")
            if self._is_placeholder(credentials):
                is_found = True
                if self._key is not None:
                    headers[name] = f"{scheme}{separator}{self._key}"
                    continue
            del headers[name]
        parts = query.split("&") if query else []
        kept = [part for part in parts if not self._is_key(part)]
        if len(kept) < len(parts):
            is_found = True
            if self._key is not None:
                headers["x-goog-api-key"] = self._key
        return "&".join(kept) if is_found or self._key is None else None

    def redactor(self) -> Redactor:
        return Redactor(self._key)

    def _is_key(self, part: str) -> bool:
        return any(name == _QUERY and self._is_placeholder(value) for name, value in parse_qsl(part))

    def _is_placeholder(self, text: str) -> bool:
        return hmac.compare_digest(text.encode("utf-8", "surrogateescape"), self._placeholder.encode())


class Redactor:
    """Takes the key out of a stream of bytes, however it is cut into pieces, without delaying what cannot be one."""

    def __init__(self, key: str | None) -> None:
        is_secret = key is not None and len(key) >= _SHORTEST_SECRET
        forms = {key, quote(key, safe=""), json.dumps(key)[1:-1]} if key and is_secret else set()
        self._forms = sorted((form.encode() for form in forms), key=len, reverse=True)
        self._rest = b""

    def text(self, text: str) -> str:
        return self._replaced(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def feed(self, data: bytes) -> bytes:
        data = self._replaced(self._rest + data)
        held = max((self._started(data, form) for form in self._forms), default=0)
        self._rest = data[len(data) - held :]
        return data[: len(data) - held]

    def end(self) -> bytes:
        rest, self._rest = self._rest, b""
        return rest

    def _replaced(self, data: bytes) -> bytes:
        for form in self._forms:
            data = data.replace(form, REDACTED)
        return data

    @staticmethod
    def _started(data: bytes, form: bytes) -> int:
        """How many bytes at the end may be the form's beginning."""
        return next((size for size in range(min(len(form) - 1, len(data)), 0, -1) if data.endswith(form[:size])), 0)
