"""The signature of a webhook delivery: HMAC-SHA256 over the raw body, as ``X-Hub-Signature-256`` carries it.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

PREFIX = "sha256="


def sign(body: bytes, secret: str) -> str:
    """The header's value for a body."""
    return PREFIX + hmac.digest(secret.encode(), body, "sha256").hex()


def verify(body: bytes, header: str | None, secrets: Sequence[str]) -> bool:
    """Whether one of the secrets made the signature.

    Every secret is tried, so that the time reveals nothing. An empty secret does not count: anybody could sign with it.
    """
    if header is None:
        return False
    given = header.encode(errors="replace")  # as bytes, because only these compare safely whatever they hold
    matches = [hmac.compare_digest(sign(body, secret).encode(), given) for secret in secrets if secret]
    return any(matches)
