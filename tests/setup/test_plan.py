"""What is typed, and what becomes of it."""

from __future__ import annotations

import pytest

from bot.errors import SettingsError
from bot.github.permissions import needed
from bot.setup.manifest import manifest
from bot.setup.plan import LONGEST_NAME, Host, host_of, plan

HOSTS = [
    ("https://github.com", "https://github.com", "https://api.github.com"),
    ("https://github.com/", "https://github.com", "https://api.github.com"),
    ("https://www.github.com", "https://github.com", "https://api.github.com"),
    ("https://octo.ghe.com", "https://octo.ghe.com", "https://api.octo.ghe.com"),
    ("https://git.example.com", "https://git.example.com", "https://git.example.com/api/v3"),
    ("https://git.example.com:8443/", "https://git.example.com:8443", "https://git.example.com:8443/api/v3"),
    ("http://127.0.0.1:8082", "http://127.0.0.1:8082", "http://127.0.0.1:8082/api/v3"),
    ("http://[::1]:8082", "http://[::1]:8082", "http://[::1]:8082/api/v3"),
    ("http://localhost:8082", "http://localhost:8082", "http://localhost:8082/api/v3"),
]


@pytest.mark.parametrize(("address", "pages", "api"), HOSTS)
def test_each_github_has_its_pages_and_its_api(address: str, pages: str, api: str) -> None:
    assert host_of(address) == Host(pages, api)


NO_ADDRESSES = [
    "",
    "github.com",
    "ftp://github.com",
    "https://",
    "https://:443",
    "https://alice:secret@github.com",
    "https://git.example.com:0",
    "https://git.example.com:99999",
    "https://git.exam ple.com",
    "https://git.example.com?a=b",
    "https://git.example.com#a",
    "https://git.example.com/\x1b[2J",
    "https://[::1",
]


@pytest.mark.parametrize("address", [*NO_ADDRESSES, "https://git.example.com/api/v3", "http://git.example.com"])
def test_what_is_no_github_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="GitHub's address"):
        host_of(address)


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_is_no_address_of_a_bot_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="The bot's address"):
        plan(url=url)


@pytest.mark.parametrize(
    ("url", "webhook"),
    [
        ("https://bot.example.com", "https://bot.example.com/webhooks/github"),
        ("https://bot.example.com/", "https://bot.example.com/webhooks/github"),
        ("https://bot.example.com/webhooks/github", "https://bot.example.com/webhooks/github"),
        ("https://example.com/bots/codegen/", "https://example.com/bots/codegen/webhooks/github"),
    ],
)
def test_the_webhook_is_at_the_bots_address(url: str, webhook: str) -> None:
    assert plan(url=url).webhook_url == webhook


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost", "https://[::1]:8443"])
def test_a_bot_that_github_does_not_reach_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="has to be a public one"):
        plan(url=url)
    assert plan(url=url, github="http://127.0.0.1:8082").url == url


def test_the_form_goes_to_ones_own_account_or_to_an_organization() -> None:
    url = "https://bot.example.com"
    assert plan(url=url).form_url == "https://github.com/settings/apps/new"
    assert plan(url=url, organization=" octo ").form_url == "https://github.com/organizations/octo/settings/apps/new"
    servers = plan(url=url, organization="octo", github="https://git.example.com")
    assert servers.form_url == "https://git.example.com/organizations/octo/settings/apps/new"


@pytest.mark.parametrize("organization", ["octo/shop", "-octo", "octo shop", "octo?", "../x", "o" * 101])
def test_what_is_no_organization_is_refused(organization: str) -> None:
    with pytest.raises(SettingsError, match="no organization's name"):
        plan(url="https://bot.example.com", organization=organization)


def test_a_name_is_made_up_that_nobody_else_has_taken() -> None:
    names = {plan(url="https://bot.example.com", organization="o" * 39).name for _ in range(5)}
    assert len(names) > 1
    assert all(len(name) <= LONGEST_NAME and name.startswith("codegen-bot-oooo") for name in names)
    assert plan(url="https://bot.example.com", name=" Robot ").name == "Robot"
    with pytest.raises(SettingsError, match="35 characters"):
        plan(url="https://bot.example.com", name="n" * 35)


def test_the_manifest_asks_for_what_the_code_needs_and_no_more() -> None:
    wanted = plan(url="https://bot.example.com", organization="octo", name="Robot")
    assert manifest(wanted, redirect_url="http://127.0.0.1:5000/created") == {
        "name": "Robot",
        "url": "https://bot.example.com",
        "description": "Puts Codegen's coding agents on issues and pull requests.",
        "public": False,
        "redirect_url": "http://127.0.0.1:5000/created",
        "hook_attributes": {"url": "https://bot.example.com/webhooks/github", "active": True},
        "default_permissions": needed(),
        "default_events": [
            "issue_comment",
            "pull_request_review_comment",
            "pull_request_review",
            "issues",
            "pull_request",
        ],
    }
