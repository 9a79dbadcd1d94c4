"""The requested App: its name, owner and GitHub host, and the bot's public URL."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from bot.errors import SettingsError
from bot.github.hooks import HOOK_PATH

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
    :param own_agents: whether the App has to push, for agents of one's own
    """

    host: Host
    organization: str
    name: str
    url: str
    own_agents: bool = False

    @property
    def webhook_url(self) -> str:
        return f"{self.url}{HOOK_PATH}"

    @property
    def form_url(self) -> str:
        """The URL to which the manifest is posted."""
        owner = f"/organizations/{self.organization}" if self.organization else ""
        return f"{self.host.pages}{owner}/settings/apps/new"


def plan(*, url: str, organization: str = "", name: str = "", github: str = GITHUB, own_agents: bool = False) -> Plan:
    """Validates what was typed.

    :param name: empty: a generated one; it can be changed at GitHub
    :raises SettingsError: with a message for the user
    """
    organization, name = organization.strip(), name.strip()
    if organization and not _LOGIN.fullmatch(organization):
        raise SettingsError(f"{organization[:100]!r} is not the name of a GitHub organization.")
    if len(name) > LONGEST_NAME:
        raise SettingsError(f"The name has {len(name)} characters; GitHub allows {LONGEST_NAME}.")
    # App names are unique across GitHub; if one is taken, the user changes it there.
    name = name or f"codegen-bot-{organization}"[: LONGEST_NAME - 5].rstrip("-") + f"-{secrets.token_hex(2)}"
    host, bot_url = host_of(github), _bot_url(url)
    if _is_on_this_machine(bot_url) and not _is_on_this_machine(host.pages):
        raise SettingsError(f"GitHub cannot reach {bot_url}. The bot needs a public URL.")
    return Plan(host, organization, name, bot_url, own_agents)


def host_of(url: str) -> Host:
    """The host for the URL of GitHub's pages: github.com, a company's on ghe.com, or a self-hosted server.

    https://docs.github.com/en/enterprise-server@latest/rest/overview/resources-in-the-rest-api
    :raises SettingsError: if the URL is invalid, or secrets would be sent unencrypted
    """
    parts = _split(url, "GitHub's URL")
    if parts.path.strip("/"):
        raise SettingsError(f"GitHub's URL must not have a path: {url}. Use one like {GITHUB}.")
    if parts.scheme == "http" and not _is_on_this_machine(url):
        raise SettingsError("GitHub's URL must start with https://, because the App's private key comes from there.")
    pages = f"{parts.scheme}://{parts.netloc}"
    if parts.hostname in {"github.com", "www.github.com"}:
        return Host(GITHUB, GITHUB_API)
    if (parts.hostname or "").endswith(".ghe.com"):
        return Host(pages, f"{parts.scheme}://api.{parts.netloc}")
    return Host(pages, f"{pages}/api/v3")


def _bot_url(url: str) -> str:
    parts = _split(url.strip().rstrip("/").removesuffix(HOOK_PATH), "The bot's URL")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _split(url: str, what: str) -> SplitResult:
    """:raises SettingsError: if it is not a web URL, or has a query or fragment"""
    invalid = SettingsError(f"{what} is invalid: {url[:200]!r}. It must be like https://bot.example.com.")
    if re.search(r"[^\x21-\x7e]", url.strip()):
        raise invalid
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise invalid from None
    # Neither user name nor password before the host: they would be shown.
    if parts.scheme not in {"http", "https"} or port == 0 or not re.fullmatch(r"[\w.\-\[\]:]+", parts.netloc, re.ASCII):
        raise invalid
    if not parts.hostname:
        raise invalid
    if parts.query or parts.fragment:
        raise SettingsError(f"{what} must not have a query or a fragment: {url[:200]!r}.")
    return parts


def _is_on_this_machine(url: str) -> bool:
    hostname = urlsplit(url.strip()).hostname or ""
    try:
        return ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost"
