"""How the bot reaches GitHub, Codegen and other servers: by which proxy, and which certificates it trusts.

The Action's first process (`bot.action.reaction`) imports it too: it works with Python 3.8.
"""

from __future__ import annotations

import ipaddress
import ssl
from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

PROXY_SCHEMES = frozenset({"http", "https"})
"""Of the proxy's own URL. Others, such as SOCKS, are not supported."""


def proxy_for(scheme: str, host: str) -> str | None:
    """The URL of the proxy by which a host is reached, with its user and password, by HTTPS_PROXY, HTTP_PROXY,
    ALL_PROXY and NO_PROXY.

    None for loopback addresses: the API of agents of one's own in the same process is at one.

    :param scheme: of the URL that is requested
    """
    proxies = getproxies()
    url = proxies.get(scheme) or proxies.get("all")
    if not url or _is_loopback(host) or proxy_bypass(host):
        return None
    url = url if "://" in url else f"http://{url}"
    return url if urlsplit(url).scheme in PROXY_SCHEMES else None


@lru_cache(maxsize=None)  # noqa: UP033 - Python 3.8
def tls_context() -> ssl.SSLContext:
    """One context for the process, which trusts what the system trusts, and SSL_CERT_FILE and SSL_CERT_DIR."""
    import truststore  # noqa: PLC0415 - not paid by what makes no connection

    context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    return context


def certificate_problem(error: BaseException | None, host: str | None) -> str | None:
    """What is wrong with a server's certificate, and what to do; None if an error has another cause."""
    # aiohttp's error is one of ssl's too, and holds the one with the reason.
    error = getattr(error, "certificate_error", error)
    seen: list[BaseException] = []
    while not isinstance(error, ssl.SSLCertVerificationError):
        # A chain may be a circle.
        if error is None or error in seen:
            return None
        seen.append(error)
        error = error.__cause__ or error.__context__
    reason = getattr(error, "verify_message", "") or "verification failed"
    return (
        f"the certificate of {host or 'the server'} is not trusted ({reason}); add the certificate of your company's "
        "CA to the system's store, or name its file in SSL_CERT_FILE"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
