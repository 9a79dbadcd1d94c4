"""The requested App: its name, owner and GitHub host, and the bot's public URL."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from bot.errors import SettingsError
from bot.redelivery.watch import HOOK_PATH

GITHUB = "https://github.com"
GITHUB_API = "https://api.github.com"

LONGEST_NAME = 34
"""Maximum length allowed by GitHub."""

_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,98}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Host:
    """The base URLs of GitHub's pages and API, without a trailing slash."""

    pages: str
    api: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The input of a manifest.

    :param organization: the App's owner; empty: the user who creates it
    :param url: the bot's public URL, without a trailing slash
    """

    host: Host
    organization: str
    name: str
    url: str

    @property
    def webhook_url(self) -> str:
        return f"{self.url}{HOOK_PATH}"

    @property
    def form_url(self) -> str:
        """The URL to which the manifest is posted."""
        owner = f"/organizations/{self.organization}" if self.organization else ""
        return f"{self.host.pages}{owner}/settings/apps/new"


def plan(*, url: str, organization: str = "", name: str = "", github: str = GITHUB) -> Plan:
    """Validates what was typed.

    :param name: empty: a generated one; it can be changed at GitHub
    :raises SettingsError: with a message for the user
    """
    organization, name = organization.strip(), name.strip()
    if organization and not _LOGIN.fullmatch(organization):
        raise SettingsError(f"{organization[:100]!r} is no organization's name on GitHub.")
    if len(name) > LONGEST_NAME:
        raise SettingsError(f"The name has {len(name)} characters; GitHub allows {LONGEST_NAME}.")
    # App names are unique across GitHub; if one is taken, the user changes it there.
    name = name or f"codegen-bot-{organization}"[: LONGEST_NAME - 5].rstrip("-") + f"-{secrets.token_hex(2)}"
    host, address = host_of(github), _bots_address(url)
    if _is_on_this_machine(address) and not _is_on_this_machine(host.pages):
        raise SettingsError(f"GitHub does not reach {address}. The bot's address has to be a public one.")
    return Plan(host, organization, name, address)


def host_of(address: str) -> Host:
    """The host for the URL of GitHub's pages: github.com, a company's on ghe.com, or a self-hosted server.

    https://docs.github.com/en/enterprise-server@latest/rest/overview/resources-in-the-rest-api
    :raises SettingsError: if the URL is invalid, or secrets would be sent unencrypted
    """
    parts = _split(address, "GitHub's address")
    if parts.path.strip("/"):
        raise SettingsError(f"GitHub's address has a path: {address}. It is like {GITHUB}, without one.")
    if parts.scheme == "http" and not _is_on_this_machine(address):
        raise SettingsError("GitHub's address has to begin with https://: the App's key comes from there.")
    pages = f"{parts.scheme}://{parts.netloc}"
    if parts.hostname in {"github.com", "www.github.com"}:
        return Host(GITHUB, GITHUB_API)
    if (parts.hostname or "").endswith(".ghe.com"):
        return Host(pages, f"{parts.scheme}://api.{parts.netloc}")
    return Host(pages, f"{pages}/api/v3")


def _bots_address(url: str) -> str:
    parts = _split(url.strip().rstrip("/").removesuffix(HOOK_PATH), "The bot's address")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _split(address: str, what: str) -> SplitResult:
    """:raises SettingsError: if it is not a web URL, or has a query or fragment"""
    refusal = SettingsError(f"{what} is no address such as https://bot.example.com: {address[:200]!r}.")
    if re.search(r"[^\x21-\x7e]", address.strip()):
        raise refusal
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError:
        raise refusal from None
    # Neither user name nor password before the host: they would be shown.
    if parts.scheme not in {"http", "https"} or port == 0 or not re.fullmatch(r"[\w.\-\[\]:]+", parts.netloc, re.ASCII):
        raise refusal
    if not parts.hostname:
        raise refusal
    if parts.query or parts.fragment:
        raise SettingsError(f"{what} has a query or a fragment: {address[:200]!r}.")
    return parts


def _is_on_this_machine(address: str) -> bool:
    hostname = urlsplit(address.strip()).hostname or ""
    try:
        return ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost"
