"""The reactions that need no installed package: the eyes on a comment at once, and what follows if no reply does.

GitHub counts a reaction once for each account, so the bot's own later eyes change nothing.
https://docs.github.com/en/rest/reactions/reactions
"""

from __future__ import annotations

import json
import ssl
import sys
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from bot.network import certificate_problem, proxy_for

TIMEOUT = 10.0
"""Seconds. The bot itself tries again later."""

FAILURES = (OSError, HTTPException, ValueError)
"""What sending can raise."""

_STORES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where systems keep what they trust, for a Python that was built to look elsewhere."""


class Reactions(NamedTuple):
    """The reactions to one comment.

    :param url: their address
    :param token: GitHub's; sent to that address only
    """

    url: str
    token: str

    def try_to_add(self, content: str) -> int | None:
        """Adds a reaction; a failure is logged, and fails nothing.

        :returns: the reaction's number if it is new
        """
        try:
            status, document = self._send("POST", self.url, json.dumps({"content": content}).encode())
        except FAILURES as error:
            print(f"The reaction `{content}` could not be added: {self._reason(error)}.", flush=True)  # noqa: T201
            return None
        number = document.get("id") if isinstance(document, dict) else None
        return number if status == 201 and isinstance(number, int) else None

    def try_to_remove(self, number: int) -> None:
        try:
            self._send("DELETE", f"{self.url}/{number}", None)
        except FAILURES as error:
            print(f"The reaction could not be removed: {self._reason(error)}.", flush=True)  # noqa: T201

    def _send(self, method: str, url: str, data: bytes | None) -> tuple[int, Any]:
        request = Request(url, data, method=method)  # noqa: S310 - `reactions_of` lets http and https pass only
        for name, value in (
            ("Accept", "application/vnd.github+json"),
            ("Authorization", f"Bearer {self.token}"),
            ("User-Agent", "codegen-bot"),
            ("Content-Type", "application/json"),
        ):
            # Not to a proxy, nor to where a redirect leads.
            request.add_unredirected_header(name, value)
        with _opener(url).open(request, timeout=TIMEOUT) as response:
            body = response.read()
            return response.status, json.loads(body) if body else None

    def _reason(self, error: Exception) -> str:
        """What happened, in words that quote nothing of others."""
        if isinstance(error, HTTPError):
            return f"GitHub answered {error.code}"
        cause = error.reason if isinstance(error, URLError) else error
        if not isinstance(cause, BaseException):
            return type(error).__name__
        return certificate_problem(cause, urlsplit(self.url).hostname) or type(cause).__name__


def reactions_of(environ: Mapping[str, str], path: str) -> Reactions | None:
    """The reactions to a comment; None if there is no token for them, or the step shall not write.

    :param environ: as the runner sets it, with inputs
    :param path: below the API's address
    """
    token = environ.get("INPUT_GITHUB_TOKEN", "").strip() or environ.get("GITHUB_TOKEN", "").strip()
    base = (environ.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/")
    wants_none = environ.get("INPUT_COMMENT", "").strip().lower() == "false"
    if wants_none or not token.isascii() or not token.isprintable() or " " in token or not token:
        return None
    return Reactions(base + path, token) if urlsplit(base).scheme in {"http", "https"} else None


class _NoRedirect(HTTPRedirectHandler):
    """The bot itself follows them later, on the API's own host."""

    def redirect_request(self, *_request: Any, **_more: Any) -> None:
        return None


def _opener(url: str) -> Any:
    parts = urlsplit(url)
    proxy = proxy_for(parts.scheme, parts.hostname or "")
    by_proxy = ProxyHandler({parts.scheme: proxy} if proxy else {})
    # To read the certificates takes as long as all else.
    tls = [HTTPSHandler(context=_context())] if parts.scheme == "https" else []
    return build_opener(by_proxy, _NoRedirect(), *tls)


def _context() -> ssl.SSLContext:
    """Trusts what the system trusts, and SSL_CERT_FILE and SSL_CERT_DIR; `bot.network` needs a package for that."""
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if sys.platform == "linux" and not paths.cafile and not (paths.capath and any(Path(paths.capath).iterdir())):
        for store in (each for each in _STORES if Path(each).exists()):
            context.load_verify_locations(store)
            break
    return context
