"""Validation of the input, and the manifest."""

from __future__ import annotations

import pytest

from bot.cli.setup.flow import manifest
from bot.cli.setup.plan import LONGEST_NAME, Host, host_of, plan
from bot.errors import SettingsError
from bot.github.permissions import needed
from bot.metrics import READ_EVENTS
from tests.emulators.github.manifest_rules import problems

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
def test_host_of_each_kind_of_github(address: str, pages: str, api: str) -> None:
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
def test_host_of_refuses_invalid_urls(address: str) -> None:
    with pytest.raises(SettingsError, match="GitHub's URL"):
        host_of(address)


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_plan_refuses_invalid_urls(url: str) -> None:
    with pytest.raises(SettingsError, match="The bot's URL"):
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
def test_plan_webhook_url(url: str, webhook: str) -> None:
    assert plan(url=url).webhook_url == webhook


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost", "https://[::1]:8443"])
def test_plan_refuses_local_url_for_public_github(url: str) -> None:
    with pytest.raises(SettingsError, match="needs a public URL"):
        plan(url=url)
    assert plan(url=url, github="http://127.0.0.1:8082").url == url


def test_plan_form_url() -> None:
    url = "https://bot.example.com"
    assert plan(url=url).form_url == "https://github.com/settings/apps/new"
    assert plan(url=url, organization=" octo ").form_url == "https://github.com/organizations/octo/settings/apps/new"
    servers = plan(url=url, organization="octo", github="https://git.example.com")
    assert servers.form_url == "https://git.example.com/organizations/octo/settings/apps/new"


@pytest.mark.parametrize("organization", ["octo/shop", "-octo", "octo shop", "octo?", "../x", "o" * 101])
def test_plan_refuses_invalid_organization(organization: str) -> None:
    with pytest.raises(SettingsError, match="not the name of a GitHub organization"):
        plan(url="https://bot.example.com", organization=organization)


def test_plan_generates_a_name() -> None:
    names = {plan(url="https://bot.example.com", organization="o" * 39).name for _ in range(5)}
    assert len(names) > 1
    assert all(len(name) <= LONGEST_NAME and name.startswith("codegen-bot-oooo") for name in names)
    assert plan(url="https://bot.example.com", name=" Robot ").name == "Robot"
    with pytest.raises(SettingsError, match="35 characters"):
        plan(url="https://bot.example.com", name="n" * 35)


def test_manifest_requests_what_the_code_needs() -> None:
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


def test_manifest_for_own_agents_may_push() -> None:
    wanted = plan(url="https://bot.example.com", own_agents=True)
    permissions = manifest(wanted, redirect_url="http://127.0.0.1:5000/created")["default_permissions"]
    assert permissions == {**needed(), "contents": "write"} == needed(own_agents=True)


def test_manifest_for_own_agents_subscribes_to_checks() -> None:
    made = manifest(plan(url="https://bot.example.com", own_agents=True), redirect_url="http://127.0.0.1:5000/created")
    assert made["default_events"] == [*READ_EVENTS, "check_suite"]
    assert problems(made) == []


def test_manifest_follows_githubs_rules() -> None:
    wanted = plan(url="https://bot.example.com", name="Robot")
    assert problems(manifest(wanted, redirect_url="http://127.0.0.1:5000/created")) == []
