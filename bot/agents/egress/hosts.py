"""Which hosts an agent may reach, and at which addresses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

from bot.network import proxy_for

Address = IPv4Address | IPv6Address

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Gives the addresses of a host."""

_PORTS = frozenset({80, 443})


class RefusedError(Exception):
    """A request that the proxy does not carry out. `args`: the sentence for the agent."""


@dataclass(frozen=True, slots=True)
class Target:
    """:param host: lower case, an IPv6 address without brackets"""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, *, default_port: int = 443) -> Target:
        """:raises RefusedError: not a host with an optional port"""
        try:
            parts = urlsplit(f"//{text}")
            port = parts.port or default_port
        except ValueError:
            raise RefusedError(f"{text[:255]!r} is not a host.") from None
        if not parts.hostname or parts.username is not None or parts.path or parts.query or parts.fragment:
            raise RefusedError(f"{text[:255]!r} is not a host.")
        return cls(parts.hostname.rstrip("."), port)

    @property
    def address(self) -> Address | None:
        """None for a name."""
        return _address(self.host)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port in _PORTS else f"{host}:{self.port}"


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class AllowedHosts:
    """The hosts of the agents file: `name`, `name:port`, `*.domain` (which is not `domain` itself), an IP address.

    Without a port, 80 and 443 are meant. A name leads to no address of this machine or of its link, whatever its DNS
    says, and a name that only a `*` allows leads to none of a private network either: who can choose a name below a
    domain could otherwise reach services that trust their network. Where that is wanted, the host is listed itself:
    `localhost` or an IP address as they are, and other names for private networks.
    """

    def __init__(self, entries: Iterable[str], *, resolve: Resolve = _resolve) -> None:
        self._entries = tuple(map(_parse, entries))
        self._resolve = resolve

    def check(self, target: Target) -> None:
        """:raises RefusedError: the host is not allowed"""
        if not self._matching(target):
            raise RefusedError(
                f"{target} is not among the hosts that agents may reach. They are listed under `egress` in the agents "
                "file of whoever runs this agent."
            )

    async def addresses(self, target: Target) -> list[str]:
        """Where to connect to: resolved once, so that the answer that was checked is the one that is used.

        :raises RefusedError: the host is not allowed, is unknown, or has only addresses that are not
        """
        self.check(target)
        if target.address:
            return [str(target.address)]
        try:
            addresses = await self._resolve(target.host, target.port)
        except OSError:
            raise RefusedError(f"{target} cannot be found.") from None
        is_listed = any(not is_wildcard for is_wildcard in self._matching(target))
        if target.host == "localhost":
            return addresses
        allowed = [
            text for text in addresses if (address := _address(text)) and _may_lead_to(address, is_listed=is_listed)
        ]
        if not allowed:
            raise RefusedError(
                f"{target} leads to an address of this machine or of a private network, which agents may not reach by "
                "that name."
            )
        return allowed

    def _matching(self, target: Target) -> list[bool]:
        """For each entry that allows the target: whether it is a wildcard."""
        return [
            is_wildcard
            for host, port, is_wildcard in self._entries
            if (target.port in _PORTS if port is None else target.port == port)
            and (target.host.endswith(f".{host}") and not target.address if is_wildcard else target.host == host)
        ]


def _parse(entry: str) -> tuple[str, int | None, bool]:
    is_wildcard = entry.startswith("*.")
    parts = urlsplit(f"//{entry.removeprefix('*.')}")
    host = (parts.hostname or "").rstrip(".")
    # As addresses are written in requests: ::1, not 0:0:0:0:0:0:0:1.
    return str(_address(host) or host), parts.port, is_wildcard


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found.sixtofour or found) if isinstance(found, IPv6Address) else found


def _may_lead_to(address: Address, *, is_listed: bool) -> bool:
    if address.is_global and not address.is_multicast:
        return True
    is_near = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    return is_listed and not is_near and not address.is_reserved


@dataclass(frozen=True, slots=True)
class UpstreamProxy:
    """The proxy by which the bot itself reaches the outside.

    :param authorization: user:password, if it wants them
    """

    url: str
    target: Target
    is_encrypted: bool
    authorization: str | None


def upstream_proxy(scheme: str, host: str) -> UpstreamProxy | None:
    """The proxy of the bot's environment by which a host is reached; None if it is reached directly."""
    url = proxy_for(scheme, host)
    parts = urlsplit(url or "")
    if url is None or not parts.hostname:
        return None
    is_encrypted = parts.scheme == "https"
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
    target = Target(parts.hostname, parts.port or (443 if is_encrypted else 80))
    return UpstreamProxy(url, target, is_encrypted, user)


def is_proxy(host: str) -> bool:
    """Whether the bot's own proxy is there."""
    return any(urlsplit(url if "://" in url else f"http://{url}").hostname == host for url in getproxies().values())
