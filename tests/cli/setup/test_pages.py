"""The pages: no external resources, no leaks, and no access without the path or the token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urljoin

import pytest

from bot.cli.setup.flow import CreatedApp
from bot.cli.setup.plan import plan
from bot.cli.setup.server import SetupServer
from bot.emulators.github import GitHubEmulator
from bot.errors import SettingsError
from tests.cli.setup.browser import Browser, Page


class RecordedApps:
    """Records the created Apps."""

    def __init__(self) -> None:
        self.made: list[CreatedApp] = []
        self.closed: str | None = None
        self.full: str | None = None

    async def store(self, made: CreatedApp) -> list[str]:
        if self.full:
            raise SettingsError(self.full)
        self.made.append(made)
        return ["Go to https://example.com/<b> now.", "Then rest."]

    async def check(self, _api: str) -> None:
        if self.closed:
            raise SettingsError(self.closed)


@pytest.fixture
def recorded() -> RecordedApps:
    return RecordedApps()


@asynccontextmanager
async def local(
    recorded: RecordedApps, github: GitHubEmulator, name: str = "Robot"
) -> AsyncIterator[tuple[SetupServer, str]]:
    wanted = plan(url="https://bot.example.com", organization="octo", name=name, github=github.url)
    setting_up = SetupServer(wanted=wanted, store=recorded.store)
    async with setting_up.serving() as url:
        yield setting_up, url


@asynccontextmanager
async def remote(recorded: RecordedApps) -> AsyncIterator[tuple[SetupServer, str]]:
    setting_up = SetupServer(store=recorded.store, check=recorded.check)
    async with setting_up.serving() as url:
        yield setting_up, url.removesuffix("/setup")


def is_closed_up(page: Page) -> bool:
    """Whether the page loads nothing, cannot be framed or cached, and sends no referrer."""
    policy = page.policy
    return (
        (policy["default-src"], policy["base-uri"], policy["frame-ancestors"]) == ("'none'",) * 3
        and policy["style-src"].startswith("'sha256-")
        and {*policy} == {"default-src", "style-src", "base-uri", "form-action", "frame-ancestors"}
        and page.headers["Cache-Control"] == "no-store"
        and page.headers["Referrer-Policy"] == "no-referrer"
    )


async def test_page_policy_allows_form_to_github_only(
    recorded: RecordedApps, github: GitHubEmulator, browser: Browser
) -> None:
    async with local(recorded, github) as (_, url):
        page = await browser.open(url)
    assert is_closed_up(page)
    assert page.policy["form-action"] == github.url
    assert {*page.fields} == {"manifest"}


async def test_each_form_has_its_own_state(recorded: RecordedApps, github: GitHubEmulator, browser: Browser) -> None:
    async with local(recorded, github) as (_, url):
        actions = {(await browser.open(url)).action for _ in range(3)}
    assert len(actions) == 3


async def test_local_pages_are_at_a_secret_path(
    recorded: RecordedApps, github: GitHubEmulator, browser: Browser
) -> None:
    async with local(recorded, github) as (_, url):
        root = url.rpartition("/")[0]
        for path in ("", "/", "/created?code=c&state=s", "/x/created?code=c&state=s", f"{url.removeprefix(root)}x"):
            page = await browser.open(root + path)
            assert (page.status, page.action, is_closed_up(page)) == (404, None, True)


async def test_refusal_links_to_the_start(recorded: RecordedApps, github: GitHubEmulator, browser: Browser) -> None:
    async with local(recorded, github) as (setting_up, url):
        page = await browser.open(f"{url}/created?code=c&state=forged")
        assert (page.status, recorded.made, urljoin(url, page.links[0])) == (400, [], url)
        assert not setting_up.done.is_set()
        again = await browser.open(url)
        done = await browser.press(await browser.press(again))
        assert (done.status, len(recorded.made), setting_up.done.is_set()) == (200, 1, True)
        assert is_closed_up(done)
        assert "Go to https://example.com/<b> now." in done.text
        assert done.links == ["https://example.com/<b>"]
        twice = await browser.open(done.url)
    assert (twice.status, len(recorded.made)) == (400, 1)


async def test_taken_name_is_changed_on_github(
    recorded: RecordedApps, github: GitHubEmulator, browser: Browser
) -> None:
    async with local(recorded, github, name="codegen-bot") as (_, url):
        confirm = await browser.press(await browser.open(url))
        taken = await browser.press(confirm)
        assert (taken.status, "Name is already taken" in taken.text) == (422, True)
        done = await browser.press(confirm, name='Robot "2"')
    assert (done.status, recorded.made[0].app.name) == (200, 'Robot "2"')


@pytest.mark.parametrize("token", ["", " ", "wrong", "é" * 32])
async def test_public_page_needs_the_token(recorded: RecordedApps, browser: Browser, token: str) -> None:
    async with remote(recorded) as (_, url):
        form = await browser.open(f"{url}/setup")
        assert (is_closed_up(form), form.policy["form-action"]) == (True, "'self'")
        page = await browser.press(form, token=token)
        assert (page.status, "manifest" in page.fields) == (403, False)
        assert page.fields["token"] == ""
        page = await browser.open(f"{url}/setup/created?code=c&state=s")
        assert (page.status, recorded.made) == (400, [])


async def test_other_paths_answer_503_before_setup(recorded: RecordedApps, browser: Browser) -> None:
    async with remote(recorded) as (_, url):
        for method, path in (("GET", "/"), ("GET", "/readyz"), ("POST", "/webhooks/github"), ("GET", "/setup/x")):
            async with browser.session.request(method, url + path) as answer:
                assert (answer.status, "not set up yet" in await answer.text()) == (503, True)
        assert (await browser.open(f"{url}/healthz")).status == 200


async def test_invalid_input_is_kept_except_the_token(
    recorded: RecordedApps, github: GitHubEmulator, browser: Browser
) -> None:
    async with remote(recorded) as (setting_up, url):
        form = await browser.open(f"{url}/setup")
        page = await browser.press(form, token=setting_up.token, url="bot", organization='"octo"', github=github.url)
        assert "not the name of a GitHub organization" in page.text
        assert page.fields["organization"] == '"octo"'
        assert setting_up.token not in page.html
        recorded.closed = ".env cannot be written: Read-only file system."
        page = await browser.press(page, token=setting_up.token, url="https://b.example.com", organization="")
        assert "Read-only file system." in page.text
        recorded.closed = None
        offer = await browser.press(page, token=f" {setting_up.token} ")
        assert offer.policy["form-action"] == github.url
        assert "https://b.example.com/setup/created" in offer.fields["manifest"]


async def test_unwritable_settings_are_reported(
    recorded: RecordedApps, github: GitHubEmulator, browser: Browser
) -> None:
    recorded.full = ".env cannot be written: No space left on device."
    async with remote(recorded) as (setting_up, url):
        form = await browser.open(f"{url}/setup")
        offer = await browser.press(form, token=setting_up.token, organization="octo", github=github.url)
        page = await browser.press(await browser.press(offer))
    assert page.status == 400
    assert "No space left on device. The App codegen-bot-octo-" in page.text
    assert not setting_up.done.is_set()


async def test_url_behind_proxy_is_proposed(recorded: RecordedApps, browser: Browser) -> None:
    async with remote(recorded) as (_, url):
        headers = {"Host": 'bot.example.com"><b>', "X-Forwarded-Proto": "https"}
        async with browser.session.get(f"{url}/setup", headers=headers) as answer:
            text = await answer.text()
    assert 'value="https://bot.example.com&quot;&gt;&lt;b&gt;"' in text
